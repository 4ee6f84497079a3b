"""Text for people: what stands where, and what it never does."""

import re

import pytest

from tests.fakes.build import GIB, HOUR, held, host, meminfo, observation, sample, slab, v1, v1_charge
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container, Host
from unreclaim.model.sample import Observation, Sample
from unreclaim.render.as_text import diagnosis_text, printable, status_line

ROOT_GAP = Gap("slab caches", "/proc/slabinfo: not permitted", "run as root")
ESCAPE = re.compile(r"\033\[[0-9;]*m")
DAY = 86_400.0


def quiet(*gaps: Gap, of: Host | None = None) -> Diagnosis:
    """Diagnose a host in order."""
    return diagnose(observation(sample(gaps=gaps), of=of))


def leaking() -> Diagnosis:
    """Diagnose a host that leaves 23 cgroups behind in a hundred seconds, with all that can be said about it."""
    first = sample(
        v1(320),
        uptime=23 * DAY,
        charges=held(320 * 4096),
        slabs=(slab("mem_cgroup", 14, 2240, 14, 8), slab("dentry", 42, 192, 21, 1)),
    )
    last = sample(
        v1(343),
        uptime=23 * DAY + 100,
        charges=held(343 * 4096),
        slabs=(slab("mem_cgroup", 28, 2240, 14, 8), slab("dentry", 21, 192, 21, 1)),
        processes=(ProcessStatus("systemd", 1, 9_700_000),),
        gaps=(Gap("memory of zram0", "half removed"),),
    )
    merged: tuple[str, ...] = ("mem_cgroup", "a", "b", "c")
    aliases = dict.fromkeys(merged, merged)
    return diagnose(observation(first, last, of=host(slab_aliases=aliases)))


def test_host_in_order_gets_three_lines() -> None:
    """A healthy host: who it is, the verdict, and what the look could not have seen. Nothing else."""
    assert diagnosis_text(quiet()) == (
        "web-07 · kernel 6.18.44 · cgroups v1 · up 60 minutes\n"
        "\n"
        "HEALTHY: This host holds 120 MB of kernel memory that cannot be reclaimed (0.7 % of memory), and 11\n"
        "  memory cgroups are dying, as after any boot.\n"
        "\n"
        "There is only one reading, so growth cannot be seen, only what has piled up since boot.\n"
    )


def test_host_in_order_that_was_watched_long_gets_two_lines() -> None:
    """After ten minutes there is nothing that the look could not have seen."""
    watched = diagnose(observation(sample(uptime=HOUR), sample(uptime=HOUR + 600)))
    assert diagnosis_text(watched) == (
        "web-07 · kernel 6.18.44 · cgroups v1 · up 70 minutes\n"
        "\n"
        "HEALTHY: This host holds 120 MB of kernel memory that cannot be reclaimed (0.7 % of memory), and 11\n"
        "  memory cgroups are dying, as after any boot.\n"
    )


def test_gaps_of_a_host_in_order_are_told() -> None:
    """What was not seen is told in one row with what would show it; a remedy that several share is said once."""
    found = diagnosis_text(quiet(ROOT_GAP, Gap("pressure", "off"), Gap("mounts", "denied", "run as root")))
    assert found.endswith(
        "\n\nNot seen   slab caches (/proc/slabinfo: not permitted); pressure (off); mounts (denied). To see\n"
        "           more: run as root\n"
    )
    assert diagnosis_text(quiet(Gap("pressure", "off"))).endswith("\n\nNot seen   pressure (off)\n")


def test_leaking_host_gets_all_that_can_be_said() -> None:
    """Verdict first, then why, the cause and its cure, the caches, what to run next, what was ruled out and not seen.

    23 x 864 x 17,088 bytes are 340 MB a day; 343 of them hold 5.9 MB, of slab 4.4 % of 100 MB. One slab of 8 pages more
    in a hundred seconds is 28.3 MB a day, one page less -3.5 MB.
    """
    assert diagnosis_text(leaking()) == (
        "web-07 · kernel 6.18.44 · cgroups v1 · up 23 days\n"
        "\n"
        "GROWING: 23 more memory cgroups stayed behind in the kernel within 100 seconds; at that pace this\n"
        "  host loses 340 MB of kernel memory a day. It can be got back without a reboot.\n"
        "\n"
        "Why\n"
        "  each costs about 13 kB of slab and 4.2 kB of per-CPU memory here: 5.9 MB in all\n"
        "  that is 4.4 % of the unreclaimable slab and 7.2 % of per-CPU memory\n"
        "  100 seconds leave it between 215 MB and 510 MB a day, if it goes on like this\n"
        "\n"
        "S1  dying memory cgroups pinned by page cache\n"
        "  343 memory cgroups are dying: removed, but not yet freed by the kernel (a fresh boot has up to 19)\n"
        "  23 more within 100 seconds\n"
        "  they hold 1.4 MB of page cache\n"
        "    1.4 MB of it below /flappy.slice\n"
        "  now       echo 0 > /sys/fs/cgroup/memory/flappy.slice/memory.force_empty    (also drops caches of\n"
        "            live cgroups below it)\n"
        "            echo 1 > /proc/sys/vm/drop_caches    (last step; frees neither tmpfs nor mapped pages)\n"
        "  to stop   make fewer cgroups: let a unit that restarts wait longer each time (RestartSteps= with\n"
        "            RestartMaxDelaySec=)\n"
        "            limit how often it starts (StartLimitIntervalSec= with StartLimitBurst=)\n"
        "            lasting: a kernel that hands a removed cgroup's page cache to its parent (commit\n"
        "            f1cf8d2f36dc, 7.1; seen on 7.2)\n"
        "\n"
        "Largest slab caches\n"
        "  mem_cgroup                   66 kB           28 x 2240 B  +28 MB a day  (merged with a, b …)\n"
        "  dentry                      4.1 kB           21 x 192 B  -3.5 MB a day\n"
        "\n"
        "Run next\n"
        "  unreclaim diagnose --for 10m    a longer look tells growth from noise\n"
        "  unreclaim capture    keeps the evidence, for a second look or a report\n"
        "\n"
        "Ruled out  PID 1 (systemd) itself: 9.7 MB; live cgroups: 40\n"
        "\n"
        "Not seen   memory of zram0 (half removed)\n"
    )


def test_full_adds_the_ledger_and_every_gap() -> None:
    """With --full the ledger shows each line that is not zero, and those that this kernel does not say."""
    memory = meminfo(
        percpu_bytes=None, swap_cached_bytes=300_000_000, vmalloc_used_bytes=30_000_000, kernel_stack_bytes=10_000_000
    )
    found = diagnosis_text(
        diagnose(observation(sample(memory=memory, gaps=(ROOT_GAP, Gap("pressure", "off"))))), full=True
    )
    # MemTotal less 8 GiB free, 2 GiB anon, 4 GiB - 50 + 100 MB, 50, 200, 10, 100, 10, 40 and 20 MB of vmalloc: 1.67 GB;
    # the 300 MB of swap cache and 10 MB of vmalloc are in it twice at most: 1.36 GB.
    assert found.endswith(
        "\n\nWhere all of 17 GB is\n"
        "  free                                             8.6 GB\n"
        "  processes' anonymous memory                      2.1 GB\n"
        "  page cache of files                              4.3 GB\n"
        "  tmpfs and shared memory                           50 MB\n"
        "  swap cache                                       300 MB  at most; overlaps another line\n"
        "  slab, reclaimable                                200 MB\n"
        "  other reclaimable kernel memory                   10 MB\n"
        "  slab, unreclaimable                              100 MB\n"
        "  per-CPU memory                                not said by this kernel\n"
        "  kernel stacks                                     10 MB\n"
        "  page tables                                       40 MB\n"
        "  vmalloc and modules                               30 MB  at most; overlaps another line\n"
        "  accounted for by no line                         1.7 GB  (1.4 GB to 1.7 GB)\n"
        "\n"
        "Run next\n"
        "  unreclaim diagnose --for 10m    a longer look tells growth from noise\n"
        "\n"
        "Ruled out  live cgroups: 40\n"
        "\n"
        "Not seen\n"
        "  slab caches: /proc/slabinfo: not permitted; run as root\n"
        "  pressure: off\n"
        "  per-CPU memory: /proc/meminfo has no Percpu line (since 4.20), so it is in no sum here\n"
    )


def test_full_without_overlap_has_no_interval() -> None:
    """Where no line overlaps another, or hardly, the rest is one figure; without memory figures there is no ledger."""
    plain = MemInfo(1_000_000, {"mem_total_bytes": 1_000_000, "mem_free_bytes": 400_000, "sunreclaim_bytes": 100_000})
    found = diagnosis_text(diagnose(observation(sample(memory=plain))), full=True)
    assert "  accounted for by no line                         500 kB\n" in found
    hardly = meminfo(swap_cached_bytes=1_500_000, vmalloc_used_bytes=0)
    found = diagnosis_text(diagnose(observation(sample(memory=hardly))), full=True)
    assert re.findall(r"accounted for by no line +(.*)$", found, re.MULTILINE) == ["1.7 GB"]
    assert "Where all" not in diagnosis_text(diagnose(observation(Sample())), full=True)


def test_full_shows_ten_caches_and_five_are_enough_otherwise() -> None:
    """Caches are ranked; ten of them with --full, five without, none for a host in order."""
    slabs = tuple(slab(f"cache-{index:02}", 64 * (12 - index), 64, 64, 1) for index in range(12))
    high = sample(slabs=slabs, memory=meminfo(sunreclaim_bytes=2_000_000_000))
    shown = [
        re.findall(r"^  (cache-\d\d) ", diagnosis_text(diagnose(observation(seen)), full=full), re.MULTILINE)
        for seen, full in ((high, True), (high, False), (sample(slabs=slabs), False))
    ]
    assert [len(names) for names in shown] == [10, 5, 0]
    assert shown[0] == [f"cache-{index:02}" for index in range(10)]


def test_cache_of_unknown_size_is_said_to_be() -> None:
    """Where the page size is not known a cache's size is unknown, which is no zero."""
    slabs = (slab("dentry", 21, 192, 21, 1),)
    high = sample(slabs=slabs, memory=meminfo(sunreclaim_bytes=2_000_000_000))
    found = diagnosis_text(diagnose(observation(high, of=host(page_size_bytes=None))))
    assert "  dentry                     unknown           21 x 192 B\n" in found


def test_finding_says_how_sure_it_is() -> None:
    """A link that was not seen, or a cause that is only possible, is said in the finding's title."""
    medium = diagnosis_text(diagnose(observation(sample(v1(100), charges=held(409_600)))))
    assert "\nS1  dying memory cgroups pinned by page cache (likely; one link of the chain was not seen)\n" in medium
    low = diagnosis_text(diagnose(observation(sample(v1(100), charges=held(409_600)), of=host(kernel="4.15.11"))))
    assert "\nS1  dying memory cgroups pinned by page cache (possible, not shown)\n" in low


def test_inside_a_container_it_is_said_what_is_whose() -> None:
    """What the figures of a container mean, and which lxcfs makes up, stand in a section of their own."""
    container = Container(
        "lxc", ("/run/systemd/container says lxc", "not in the host's pid namespace"), ("/proc/meminfo",)
    )
    found = diagnosis_text(diagnose(observation(sample(), of=host(container=container))))
    assert found.startswith(
        "web-07 · kernel 6.18.44 · cgroups v1 · up 60 minutes · inside a container (lxc)\n\nCANNOT TELL: "
    )
    assert (
        "\nInside a container\n"
        "  kernel memory, slab and per-CPU memory are the host's; the cure is there too\n"
        "  made up for this container by lxcfs: /proc/meminfo\n"
        "  /run/systemd/container says lxc\n"
        "  not in the host's pid namespace\n"
    ) in found
    plain = host(container=Container("docker", ("/.dockerenv exists",)))
    assert "made up" not in diagnosis_text(diagnose(observation(sample(v1(5, whole=False)), of=plain)))


def test_heading_says_what_is_known() -> None:
    """A host without a name, kernel or uptime is still announced; a capture says that it is one."""
    nameless = Observation(Host(), (Sample(hierarchies=(v1(),)),), captured=True)
    assert diagnosis_text(diagnose(nameless)).startswith(
        "unknown host · cgroups v1 · from a capture\n\nCANNOT TELL: The"
    )


@pytest.mark.parametrize(
    ("dying", "sunreclaim", "code"),
    [(11, 100_000_000, "32"), (2000, 100_000_000, "33"), (11, 8 * GIB, "31"), (None, 100_000_000, "35")],
)
def test_colour_marks_the_state_alone(dying: int | None, sunreclaim: int, code: str) -> None:
    """The state's word is bold and green, yellow, red or magenta; without colour the text is the same."""
    found = diagnose(observation(sample(v1(dying), memory=meminfo(sunreclaim_bytes=sunreclaim), uptime=HOUR)))
    plain, coloured = diagnosis_text(found), diagnosis_text(found, colour=True)
    assert ESCAPE.sub("", coloured) == plain
    word = found.verdict.state.upper()
    assert ESCAPE.findall(coloured) == [f"\033[1;{code}m", "\033[0m"]
    assert f"\n\033[1;{code}m{word}\033[0m: " in coloured


def test_draining_host_is_green() -> None:
    """A host that drains needs nobody."""
    found = diagnose(observation(sample(v1(60)), sample(v1(37), uptime=HOUR + 10)))
    assert "\n\033[1;32mDRAINING\033[0m: " in diagnosis_text(found, colour=True)


@pytest.mark.parametrize("colour", [False, True])
def test_a_name_cannot_talk_to_the_terminal(colour: bool) -> None:  # noqa: FBT001
    """Control characters in a host's, a cgroup's or a cache's name are shown, not obeyed, with and without colour."""
    hostile = "a\033]0;owned\007\r\n\x9b31m\u202e\udcff"
    charges = (v1_charge(f"/{hostile}", total=409_600),)
    seen = sample(
        v1(100), charges=charges, slabs=(slab(hostile, 21, 192, 21, 1),), gaps=(Gap(hostile, hostile, hostile),)
    )
    container = Container(hostile, (hostile,), (hostile,))
    found = diagnose(observation(seen, of=host(hostname=hostile, container=container)))
    for text in (diagnosis_text(found, colour=colour, full=True), status_line(found)):
        left = ESCAPE.sub("", text) if colour else text
        assert [character for character in left if not character.isprintable() and character != "\n"] == []
        assert "\\x1b]0;owned\\x07\\r\\n\\x9b31m\\u202e\\udcff" in left.replace("\n", "").replace("  ", "")


def test_printable_keeps_what_can_be_shown() -> None:
    """Letters of any script stay; what moves the cursor, is no character, or hides, becomes an escape."""
    assert printable("café 日本 \\x2d") == "café 日本 \\x2d"
    assert printable("a\tb\x00c\udce9d\u200be\xa0f") == "a\\tb\\x00c\\udce9d\\u200be\\xa0f"


def test_long_names_keep_to_the_width() -> None:
    """No line is wider than 100 columns or ends in a blank, whatever names and gaps there are."""
    long = "x" * 300
    seen = sample(
        v1(2000),
        uptime=DAY,
        charges=held(2000 * 4096),
        slabs=(slab(long, 21, 192, 21, 1), slab("y" * 61, 42, 192, 21, 1)),
        gaps=(Gap(long, f"{long} {long}", long), Gap("mounts", " ".join(["word"] * 60))),
    )
    found = diagnose(
        observation(seen, of=host(hostname=long, slab_aliases=dict.fromkeys((long, "z" * 99), (long, "z" * 99))))
    )
    for text in (diagnosis_text(found), diagnosis_text(found, full=True)):
        assert [line for line in text.split("\n") if len(line) > 100 or line != line.rstrip()] == []
        assert f"  {'x' * 96} …\n" in text


def test_full_line_before_a_long_word_ends_without_a_blank() -> None:
    """Where a blank fills the line and the next word is longer than any, the blank is not left at the end."""
    # "Not seen" has 11 columns; 85 more, " (b" and the blank make 100.
    found = diagnosis_text(quiet(Gap("a" * 85, f"b {'c' * 150}")))
    assert f"\nNot seen   {'a' * 85} (b\n           {'c' * 89}\n" in found


def test_names_are_not_broken_at_their_hyphens() -> None:
    """A path or an option that does not fit goes to the next line as a whole: whoever copies it gets all of it."""
    path = "/sys/fs/cgroup/memory/system.slice/system-getty.slice/getty-on-tty1.service"
    found = diagnosis_text(quiet(Gap(f"charges of some cgroups below {path}", "denied")))
    assert f"\n           {path} (denied)\n" in found


@pytest.mark.parametrize(
    ("others", "merged"), [(("a",), "  (merged with a)"), (("a", "b"), "  (merged with a, b)"), ((), "")]
)
def test_merged_caches_are_named_beside_the_first(others: tuple[str, ...], merged: str) -> None:
    """One or two others are named; that there are more is said only where there are."""
    names = ("dentry", *others)
    high = sample(slabs=(slab("dentry", 21, 192, 21, 1),), memory=meminfo(sunreclaim_bytes=2_000_000_000))
    found = diagnosis_text(diagnose(observation(high, of=host(slab_aliases=dict.fromkeys(names, names)))))
    assert f"           21 x 192 B{merged}\n" in found


def test_line_of_a_cache_is_clipped_where_it_must_be() -> None:
    """A hundred columns are not too many; of a longer line the end is left out, and that is shown."""
    # Beside the name there are 33 columns: 2, 1 + 9 for the size, 2 + 11 for the count, and " x 192 B".
    slabs = (slab("x" * 67, 42, 192, 21, 1), slab("y" * 68, 21, 192, 21, 1))
    high = sample(slabs=slabs, memory=meminfo(sunreclaim_bytes=2_000_000_000))
    found = diagnosis_text(diagnose(observation(high)))
    assert f"\n  {'x' * 67}    8.2 kB           42 x 192 B\n" in found
    assert f"\n  {'y' * 68}    4.1 kB           21 x 19 …\n" in found


# ── status ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_status_is_one_line_with_performance_data() -> None:
    """STATE - summary | figures, as a Nagios plugin prints it."""
    assert status_line(quiet()) == (
        "HEALTHY - this host holds 120 MB of kernel memory that cannot be reclaimed (0.7 % of memory), "
        "and 11 memory cgroups are dying, as after any boot. | sunreclaim=100000000B percpu=20000000B dying=11\n"
    )


def test_status_names_what_is_missing() -> None:
    """Gaps are named in the line; figures that are not known are left out of the data."""
    nothing = Observation(Host(), (Sample(gaps=(Gap("memory figures", "…"), Gap("mounts", "…"))),))
    assert status_line(diagnose(nothing)) == (
        "CANNOT TELL - the kernel's memory figures could not be read, so nothing can be said about this host. "
        "Not seen: memory figures, mounts.\n"
    )
    old = sample(v1(None), memory=meminfo(percpu_bytes=None))
    assert status_line(diagnose(observation(old))).endswith(" | sunreclaim=100000000B\n")


def test_status_has_one_bar_at_most() -> None:
    """A bar in a name would begin the performance data: it is written as a slash."""
    line = status_line(quiet(Gap("a file of /x|y=1", "…")))
    assert " Not seen: a file of /x/y=1. | sunreclaim=" in line
    assert line.count("|") == 1
