"""S1: dying memory cgroups that page cache or tmpfs pins: when it speaks, how sure it is, and what it advises."""

import pytest

from tests.fakes.build import HOUR, held, host, meminfo, observation, sample, v1, v1_charge, v2, v2_charge
from unreclaim.analysis.diagnosis import weigh
from unreclaim.analysis.signatures.s1_page_cache import detect
from unreclaim.model.cgroups import Charge, Hierarchy
from unreclaim.model.finding import Confidence, Finding, Severity
from unreclaim.model.host import Container
from unreclaim.model.sample import Sample

PAGE = 4096
FLAPPY = "/sys/fs/cgroup/memory/flappy.slice"
PREVENT = (
    "make fewer cgroups: let a unit that restarts wait longer each time (RestartSteps= with RestartMaxDelaySec=)",
    "limit how often it starts (StartLimitIntervalSec= with StartLimitBurst=)",
    "lasting: a kernel that hands a removed cgroup's page cache to its parent (commit f1cf8d2f36dc, 7.1; seen on 7.2)",
)
REFERENCES = (
    "https://blogs.oracle.com/linux/?p=2100",
    "https://lwn.net/Articles/932070/",
    "kernel commit f1cf8d2f36dc (7.1)",
)


def once(
    dying: int | None,
    charges: tuple[Charge, ...] | None = None,
    *,
    kernel: str = "6.18.44",
    lru_reparenting: bool | None = False,
) -> Finding | None:
    """Look at a v1 host once."""
    return detect(
        weigh(observation(sample(v1(dying), charges=charges), of=host(kernel=kernel), lru_reparenting=lru_reparenting))
    )


def over_ten_seconds(
    before: int,
    after: int,
    first: tuple[Charge, ...] | None = None,
    last: tuple[Charge, ...] | None = None,
    *,
    kernel: str = "6.18.44",
) -> Finding | None:
    """Look at a v1 host at both ends of ten seconds."""
    samples = (
        sample(v1(before), uptime=HOUR, charges=first),
        sample(v1(after), uptime=HOUR + 10, charges=last),
    )
    return detect(weigh(observation(*samples, of=host(kernel=kernel))))


def confidence(finding: Finding | None) -> Confidence | None:
    """Give how sure a finding is, None where there is none."""
    return None if finding is None else finding.confidence


def test_seen_growing_with_its_page_cache() -> None:
    """23 more within ten seconds, each with a page of its own: the whole finding.

    23 x 4,096 = 94,208 bytes more, to 343 x 4,096 = 1,404,928 in all, below flappy.slice.
    """
    assert over_ten_seconds(320, 343, held(320 * PAGE), held(343 * PAGE)) == Finding(
        "S1",
        "dying memory cgroups pinned by page cache",
        Severity.WARNING,
        Confidence.HIGH,
        (
            "343 memory cgroups are dying: removed, but not yet freed by the kernel (a fresh boot has up to 19)",
            "23 more within 10 seconds",
            "they hold 1.4 MB of page cache",
            "  1.4 MB of it below /flappy.slice",
        ),
        (
            "unreclaim reclaim    names what would free them; with --yes drops the cache of the files that hold them",
            f"echo 0 > {FLAPPY}/memory.force_empty    (also drops caches of live cgroups below it)",
            "echo 1 > /proc/sys/vm/drop_caches    (last step; frees neither tmpfs nor mapped pages)",
        ),
        PREVENT,
        REFERENCES,
    )


def test_a_fresh_boot_is_silent() -> None:
    """Up to 19 dying are what any boot leaves; 20 are not."""
    assert once(19, held(19 * PAGE)) is None
    assert confidence(once(20, held(20 * PAGE))) == Confidence.MEDIUM
    assert once(0, held(PAGE)) is None
    assert once(None, held(PAGE)) is None


def test_a_few_dying_that_grow_are_seen_all_the_same() -> None:
    """14 dying are normal, but not where 5 of them came within ten seconds; 4 may wait for the kernel's work queue."""
    assert confidence(over_ten_seconds(9, 14, held(9 * PAGE), held(14 * PAGE))) == Confidence.HIGH
    assert over_ten_seconds(10, 14, held(10 * PAGE), held(14 * PAGE)) is None


def test_a_few_that_may_have_been_miscounted_are_a_fresh_boot() -> None:
    """9 or 14 and then 14: where cgroups came and went during the count the five more may be none."""
    first, last = (
        sample(v1(9), uptime=HOUR, charges=held(9 * PAGE)),
        sample(v1(9, then=14), uptime=HOUR + 10, charges=held(14 * PAGE)),
    )
    assert detect(weigh(observation(first, last))) is None


def test_growth_that_may_be_a_miscount_asks_for_no_growing_residue() -> None:
    """95 or 105 after 95: what they hold did not grow, and perhaps they did not either; the whole residue decides."""
    first = sample(v1(95), uptime=HOUR, charges=held(100 * PAGE))
    last = sample(v1(95, then=105), uptime=HOUR + 10, charges=held(100 * PAGE))
    assert confidence(detect(weigh(observation(first, last)))) == Confidence.MEDIUM


@pytest.mark.parametrize(
    ("more_bytes", "sure"),
    # 23 cgroups need a page each at least; a quarter page each is asked for: 23 x 1,024.
    [(23 * PAGE, Confidence.HIGH), (23 * 1024, Confidence.HIGH), (23 * 1024 - 1, None), (0, None), (-PAGE, None)],
)
def test_growth_must_come_with_page_cache(more_bytes: int, sure: Confidence | None) -> None:
    """Where cgroups die and the residue does not grow with them, something else holds them."""
    finding = over_ten_seconds(320, 343, held(320 * PAGE), held(320 * PAGE + more_bytes))
    assert confidence(finding) == sure


def test_growth_that_was_read_at_one_end_only_is_likely() -> None:
    """Without the charges of the first reading the whole residue has to do, and a few could hold it all."""
    assert confidence(over_ten_seconds(320, 343, None, held(343 * PAGE))) == Confidence.MEDIUM
    assert over_ten_seconds(320, 343, None, held(343 * 1024 - 1)) is None


def test_growth_whose_charges_are_unknown_is_likely() -> None:
    """More than 1,000 live cgroups, or memory.stat not readable: the cause is likely, and said not to be seen."""
    finding = over_ten_seconds(320, 343)
    assert finding is not None
    assert (finding.title, finding.confidence) == (
        "dying memory cgroups pinned by page cache or tmpfs",
        Confidence.MEDIUM,
    )
    assert finding.evidence == (
        "343 memory cgroups are dying: removed, but not yet freed by the kernel (a fresh boot has up to 19)",
        "23 more within 10 seconds",
        "what they hold could not be told from the charges, so page cache is the likely cause, not a seen one",
    )


@pytest.mark.parametrize(("residue", "sure"), [(100 * 1024, Confidence.MEDIUM), (100 * 1024 - 1, None), (0, None)])
def test_one_reading_needs_a_quarter_page_for_each(residue: int, sure: Confidence | None) -> None:
    """100 dying hold 100 pages at least; where less than a quarter of that is charged, page cache is not what pins."""
    assert confidence(once(100, held(residue))) == sure


@pytest.mark.parametrize(
    ("kernel", "sure"),
    [
        ("4.15.0-213-generic", Confidence.LOW),
        ("5.2.21", Confidence.LOW),
        ("5.3.0-51", Confidence.MEDIUM),
        ("custom", Confidence.MEDIUM),
    ],
)
def test_one_reading_of_an_old_kernel_proves_little(kernel: str, sure: Confidence) -> None:
    """Before 5.3 dentries and inodes pin as well, so page cache beside the dying is only possible as their cause."""
    assert confidence(once(100, held(100 * PAGE), kernel=kernel)) == sure
    assert confidence(once(100, kernel=kernel)) == sure


@pytest.mark.parametrize("kernel", ["5.3.0-51", "5.4.0-150-generic", "5.11.22"])
def test_single_pages_that_a_kernel_does_not_show_are_possible(kernel: str) -> None:
    """Until 5.12 up to 31 pages of a cgroup on each CPU are in no statistics: too few of them excludes nothing."""
    for finding in (once(100, held(0), kernel=kernel), over_ten_seconds(320, 343, held(0), held(0), kernel=kernel)):
        assert confidence(finding) == Confidence.LOW
        assert finding is not None
        line = "page cache of single pages is not in this kernel's statistics, so what holds them was not seen"
        assert line in finding.evidence
    assert once(100, held(0), kernel="5.12.0") is None
    assert once(100, held(0), kernel="4.15.0-213-generic") is None


def test_old_kernels_drop_kernel_objects_too() -> None:
    """Before 5.3 cached directory entries and inodes hold cgroups, which only 2 and 3 drop."""
    old, new = (once(100, held(100 * PAGE), kernel=kernel) for kernel in ("4.15.0-213-generic", "5.3.0-51"))
    assert old is not None
    assert new is not None
    assert old.recover[-1].startswith("echo 3 > /proc/sys/vm/drop_caches")
    assert new.recover[-1].startswith("echo 1 > /proc/sys/vm/drop_caches")


def test_growth_seen_on_an_old_kernel_is_sure() -> None:
    """Cgroups and page cache that grow together settle it there too."""
    finding = over_ten_seconds(320, 343, held(320 * PAGE), held(343 * PAGE), kernel="4.15.11")
    assert confidence(finding) == Confidence.HIGH


def test_a_kernel_that_reparents_page_cache_is_silent() -> None:
    """From 7.1 on the parent owns what a removed cgroup left; where that is not known, nothing is excluded."""
    assert once(100, held(100 * PAGE), lru_reparenting=True) is None
    assert confidence(once(100, held(100 * PAGE), lru_reparenting=None)) == Confidence.MEDIUM


def test_falling_numbers_are_said_to_fall() -> None:
    """Fewer than before: said so; one reading says nothing of the kind."""
    finding = over_ten_seconds(343, 320, held(343 * PAGE), held(320 * PAGE))
    assert finding is not None
    assert finding.evidence[1] == "23 fewer within 10 seconds"
    still = over_ten_seconds(320, 320, held(320 * PAGE), held(320 * PAGE))
    assert still is not None
    assert [line for line in still.evidence if "within" in line] == []


@pytest.mark.parametrize(
    ("shmem", "title"),
    [
        (0, "dying memory cgroups pinned by page cache"),
        (50 * PAGE, "dying memory cgroups pinned by page cache"),
        (51 * PAGE, "dying memory cgroups pinned by tmpfs files"),
        (100 * PAGE, "dying memory cgroups pinned by tmpfs files"),
    ],
)
def test_tmpfs_is_named_where_it_is_most_of_it(shmem: int, title: str) -> None:
    """More than half of what they hold in tmpfs makes it the cause; drop_caches does not free that."""
    finding = once(100, held(100 * PAGE, shmem=shmem))
    assert finding is not None
    assert finding.title == title


def test_tmpfs_is_cured_by_deleting_files_first() -> None:
    """Where tmpfs holds them the first step is to delete, and the evidence says how much of it there is."""
    finding = once(100, held(100 * PAGE, shmem=100 * PAGE))
    assert finding is not None
    assert finding.evidence[1:] == (
        "they hold 410 kB of page cache, of it 410 kB in tmpfs",
        "  410 kB of it below /flappy.slice",
    )
    delete = "delete tmpfs files that are no longer needed (/dev/shm, /run): each frees the cgroups it pins"
    assert finding.recover[1] == delete
    assert len(finding.recover) == 4


def test_the_three_largest_places_are_named() -> None:
    """Four slices hold pages of the dead: the three largest are shown, and the first is where to begin."""
    sizes = {"a": 10, "b": 40, "c": 20, "d": 30}
    charges = tuple(v1_charge(f"/{name}.slice", total=size * PAGE) for name, size in sizes.items())
    finding = once(100, charges)
    assert finding is not None
    assert finding.evidence[2:] == (
        "  164 kB of it below /b.slice",
        "  123 kB of it below /d.slice",
        "  82 kB of it below /c.slice",
    )
    assert finding.recover[1].startswith("echo 0 > /sys/fs/cgroup/memory/b.slice/memory.force_empty ")


def recover(hierarchy: Hierarchy, charges: tuple[Charge, ...] | None) -> str:
    """Give the command that a host is told to run."""
    finding = detect(weigh(observation(sample(hierarchy, charges=charges))))
    assert finding is not None
    return finding.recover[1].partition("    ")[0]


def test_v2_reclaims_at_the_same_place() -> None:
    """On v2 the file is memory.reclaim, below where that hierarchy is mounted; without a place it is the top.

    The top of v1 has a memory.force_empty that refuses every write.
    """
    charges = (
        v2_charge("/", "/flappy.slice"),
        v2_charge("/flappy.slice", "/flappy.slice/a", file=200 * PAGE),
        v2_charge("/flappy.slice/a"),
    )
    assert recover(v2(100), charges) == "echo 64M > /sys/fs/cgroup/flappy.slice/memory.reclaim"
    assert recover(v2(100), None) == "echo 64M > /sys/fs/cgroup/memory.reclaim"
    assert recover(v1(100), None) == "echo 1 > /proc/sys/vm/drop_caches"
    assert recover(v1(100), (v1_charge("/", total=100 * PAGE),)) == "echo 1 > /proc/sys/vm/drop_caches"


@pytest.mark.parametrize(
    ("whole", "parent"),
    [
        (True, ("on the container's host: echo 64M > /sys/fs/cgroup/a.slice/memory.reclaim",)),
        # The mount begins at the container's own cgroup, which has another path on the host.
        (False, ()),
        (None, ()),
    ],
)
def test_inside_a_container_the_commands_are_the_hosts(*, whole: bool | None, parent: tuple[str, ...]) -> None:
    """What a container is told to run says that its host is to run it, and names no path that is the container's."""
    charges = (v2_charge("/", "/a.slice"), v2_charge("/a.slice", "/a.slice/b", file=200 * PAGE, shmem=200 * PAGE))
    inside = host(container=Container("docker", ("not in the host's cgroup namespace",)))
    look = observation(sample(v2(100, whole=whole), charges=(*charges, v2_charge("/a.slice/b"))), of=inside)
    finding = detect(weigh(look))
    assert finding is not None
    assert tuple(step.partition("    ")[0] for step in finding.recover) == (
        "on the container's host: unreclaim reclaim",
        "delete tmpfs files that are no longer needed (/dev/shm, /run): each frees the cgroups it pins",
        *parent,
        "on the container's host: echo 3 > /proc/sys/vm/drop_caches",
    )


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("user@1000.service", "/sys/fs/cgroup/memory/user@1000.service"),
        ("a b", "'/sys/fs/cgroup/memory/a b'"),
        ("$(reboot)", "'/sys/fs/cgroup/memory/$(reboot)'"),
        ("x; reboot #", "'/sys/fs/cgroup/memory/x; reboot #'"),
        ("it's", """'/sys/fs/cgroup/memory/it'"'"'s'"""),
    ],
)
def test_a_command_to_paste_runs_nothing_else(name: str, quoted: str) -> None:
    """A user names cgroups of his own; the command that root is given quotes what a shell would act upon."""
    assert recover(v1(100), (v1_charge(f"/{name}", total=100 * PAGE),)) == f"echo 0 > {quoted}/memory.force_empty"


@pytest.mark.parametrize(
    ("dying", "sizes", "severity"),
    [
        # 1,005 x 17,088 bytes are 17.17 MB, below a thousandth of 16 GiB; 1,006 are 17.19 MB, above it.
        (1005, {}, Severity.INFO),
        (1006, {}, Severity.WARNING),
        # A quarter of 68,352,000 bytes is 1,000 x 17,088.
        (999, {"mem_total_bytes": 68_352_000}, Severity.WARNING),
        (1000, {"mem_total_bytes": 68_352_000}, Severity.CRITICAL),
    ],
)
def test_severity_is_what_they_cost_here(dying: int, sizes: dict[str, int], severity: Severity) -> None:
    """Information below a thousandth of memory, critical from a quarter of it, a warning between."""
    finding = detect(weigh(observation(sample(v1(dying), charges=held(dying * PAGE), memory=meminfo(**sizes)))))
    assert finding is not None
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("mem_total_bytes", "severity"),
    # 5 more in ten seconds: at least 1.62 (exact table) x 8,640 x 17,088 = 240 MB a day, half of 350 GB in two years.
    [(340 * 10**9, Severity.WARNING), (360 * 10**9, Severity.INFO)],
)
def test_severity_of_a_few_that_grow_is_the_growth(mem_total_bytes: int, severity: Severity) -> None:
    """Where what is there is next to nothing, a growth that would fill memory makes it a warning."""
    memory = meminfo(mem_total_bytes=mem_total_bytes)
    samples = (
        sample(v1(9), uptime=HOUR, charges=held(9 * PAGE), memory=memory),
        sample(v1(14), uptime=HOUR + 10, charges=held(14 * PAGE), memory=memory),
    )
    finding = detect(weigh(observation(*samples)))
    assert finding is not None
    assert finding.severity == severity


def test_severity_of_three_more_is_not_the_growth() -> None:
    """Three more within ten seconds may wait for the kernel's work queue, whatever they would come to in a day."""
    finding = over_ten_seconds(100, 103, held(100 * PAGE), held(103 * PAGE))
    assert finding is not None
    assert finding.severity == Severity.INFO


def test_severity_without_memory_figures_is_a_warning() -> None:
    """Where memory's size is not known the finding is still worth a look."""
    blind = Sample(uptime_seconds=HOUR, hierarchies=(v1(100),))
    finding = detect(weigh(observation(blind)))
    assert finding is not None
    assert finding.severity == Severity.WARNING
