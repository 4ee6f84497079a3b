"""Observing: when samples are taken, what each reads, and where a closer look is worth its time."""

import errno
from collections.abc import Collection

import pytest

from tests.fakes.hosts import MEMORY, PAGE, UPTIME, FakeHost
from tests.fakes.structures import SIZES
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.clock import SystemClock
from unreclaim.app.observe import observe, observe_briefly
from unreclaim.base.errors import ParseError
from unreclaim.host.source import Source
from unreclaim.model.dying import count_memory
from unreclaim.model.finding import State
from unreclaim.model.gap import Gap
from unreclaim.model.sample import Observation

LIGHT = ["/proc/uptime", "/proc/meminfo", "/proc/vmstat"]
SYMBOL = frozenset({"lru_reparent_memcg"})


@pytest.fixture
def host() -> FakeHost:
    """Give a quiet host."""
    return FakeHost()


def look(host: FakeHost, seconds: float) -> Observation:
    """Observe a host over a window."""
    return observe(host.source(), host.clock, window_seconds=seconds)


def uptimes(seen: Observation) -> list[float]:
    """Give the time of each sample, in seconds after the look began."""
    return [round((sample.uptime_seconds or 0) - UPTIME, 2) for sample in seen.samples]


def test_no_window_is_one_reading(host: FakeHost) -> None:
    """With --for 0 the host is read once, and nobody waits."""
    seen = look(host, 0)
    assert uptimes(seen) == [0.0]
    assert host.clock.slept == []
    assert host.root.asked.count("/proc/slabinfo") == 1
    assert (seen.captured, seen.lru_reparenting) == (False, None)


def test_ten_seconds_are_two_whole_readings_and_nine_light_ones(host: FakeHost) -> None:
    """Every second the memory figures are read, everything at both ends."""
    seen = look(host, 10)
    assert uptimes(seen) == [float(second) for second in range(11)]
    assert host.clock.slept == [1.0] * 10
    assert [bool(sample.hierarchies) for sample in seen.samples] == [True, *[False] * 9, True]
    assert [sample.slabs is not None for sample in seen.samples] == [True, *[False] * 9, True]
    assert all(sample.meminfo is not None for sample in seen.samples)
    assert host.root.asked.count("/proc/slabinfo") == 2


def test_light_reading_asks_for_three_files(host: FakeHost) -> None:
    """Between the ends nothing is walked: time, memory, and page counters."""
    asked: list[str] = []
    host.clock.after(1.5, host.root.asked.clear)
    host.clock.after(2.5, lambda: asked.extend(host.root.asked))
    look(host, 4)
    assert asked == LIGHT


@pytest.mark.parametrize(
    ("seconds", "slept", "taken"),
    [
        (0.5, [0.5], [0.0, 0.5]),
        (2.5, [1.0, 1.0, 0.5], [0.0, 1.0, 2.0, 2.5]),
        (120, [1.0] * 120, [float(second) for second in range(121)]),
        (600, [5.0] * 120, [5.0 * step for step in range(121)]),
        (86_400, [720.0] * 120, [720.0 * step for step in range(121)]),
    ],
)
def test_long_windows_are_read_121_times_at_most(
    host: FakeHost, seconds: float, slept: list[float], taken: list[float]
) -> None:
    """Up to two minutes every second is read; a longer window is divided by 120, so that a day costs no more."""
    seen = look(host, seconds)
    assert host.clock.slept == slept
    assert uptimes(seen) == taken
    assert seen.window_seconds == seconds


def test_a_host_that_is_slow_to_read_ends_in_time(host: FakeHost) -> None:
    """Where each reading of meminfo takes three seconds, the window of ten ends with the reading after ten."""
    meminfo = host.root.files["/proc/meminfo"]
    assert callable(meminfo)

    def slowly() -> str:
        host.clock.gone += 3
        return meminfo()

    host.root.files["/proc/meminfo"] = slowly
    seen = look(host, 10)
    # The window begins where the first reading ends, at 3. Light readings are at 4 (until 7), 8 (until 11) and 12 (to
    # 15, when 12 seconds of the window are gone); the last whole one follows at once.
    assert uptimes(seen) == [0.0, 4.0, 8.0, 12.0, 15.0]
    assert host.clock.slept == [1.0, 1.0, 1.0]


def test_progress_is_told_before_each_wait_and_at_the_end(host: FakeHost) -> None:
    """Seconds gone and in all; the last call says that it is over."""
    calls: list[tuple[float, float]] = []
    observe(host.source(), host.clock, window_seconds=3, progress=lambda gone, whole: calls.append((gone, whole)))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    calls.clear()
    observe(host.source(), host.clock, window_seconds=0, progress=lambda gone, whole: calls.append((gone, whole)))
    assert calls == []


def test_ctrl_c_ends_the_look(host: FakeHost) -> None:
    """An interrupt while waiting is passed on at once, with no further reading."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    host.clock.after(3.5, interrupt)
    with pytest.raises(KeyboardInterrupt):
        look(host, 10)
    assert host.clock.slept == [1.0] * 4
    assert host.root.asked.count("/proc/slabinfo") == 1


def test_a_quiet_host_is_spared_the_closer_look(host: FakeHost) -> None:
    """Charges, symbols and types are not read where 19 or fewer are dying and none more."""
    host.dying = 19
    host.root.sizes = SIZES["6.18"]
    seen = look(host, 2)
    assert [sample.charges for sample in seen.samples] == [None] * 3
    assert (seen.lru_reparenting, seen.host.structures) == (None, {})
    assert f"{MEMORY}/flappy.slice/memory.kmem.usage_in_bytes" not in host.root.asked


def test_growth_alone_calls_for_the_charges_at_the_end(host: FakeHost) -> None:
    """One more dying cgroup is enough to look at what holds it; whether the kernel reparents is asked too."""
    host.clock.after(1.5, lambda: host.leave_behind(1))
    seen = look(host, 2)
    assert [sample.charges is not None for sample in seen.samples] == [False, False, True]
    assert seen.lru_reparenting is False


def test_many_dying_call_for_the_charges_at_both_ends(host: FakeHost) -> None:
    """From 20 on the charges are read at the start too, so that 23 more and their 23 pages are seen together."""
    host.leave_behind(9)
    host.clock.after(5.0, lambda: host.leave_behind(23))
    seen = look(host, 10)
    assert [sample.charges is not None for sample in seen.samples] == [True, *[False] * 9, True]
    found = diagnose(seen)
    assert found.residues is not None
    assert [(residue.path, residue.file_bytes) for residue in found.residues] == [("/flappy.slice", 32 * PAGE)]
    assert [(finding.id, finding.confidence) for finding in found.findings] == [("S1", "high")]
    memory = found.count("memory")
    assert memory is not None
    assert (memory.live, memory.dying, found.verdict.state) == (4, 43, State.GROWING)


@pytest.mark.parametrize(("symbols", "known"), [(SYMBOL, True), (frozenset({"vfs_read"}), False), (None, None)])
def test_symbols_tell_whether_the_kernel_reparents(
    host: FakeHost,
    symbols: frozenset[str] | None,
    known: bool | None,  # noqa: FBT001
) -> None:
    """The kernel's function is there or not; where symbols are not shown it is not known."""
    host.dying = 20
    host.root.symbols = symbols
    assert look(host, 0).lru_reparenting is known


def test_many_dying_call_for_the_sizes_of_structures(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read with the charges; damaged type information is a gap, and the table is asked instead."""
    host.dying = 20
    host.root.sizes = SIZES["6.18"]
    assert look(host, 0).host.structures == SIZES["6.18"]

    def refuse(_names: Collection[str]) -> dict[str, int]:
        raise ParseError("/sys/kernel/btf/vmlinux", 0, "no BTF of version 1")

    monkeypatch.setattr(host.root, "structures", refuse)
    seen = look(host, 0)
    assert seen.host.structures == {}
    assert Gap("sizes of the kernel's structures", "/sys/kernel/btf/vmlinux: no BTF of version 1") in seen.gaps


def test_standing_facts_are_read_once_at_the_end(host: FakeHost) -> None:
    """The host is described once; the source says the page size, and the architecture where /proc does not."""
    del host.root.files["/proc/sys/kernel/arch"]
    seen = look(host, 10)
    assert host.root.asked.count("/proc/sys/kernel/hostname") == 1
    assert (seen.host.hostname, seen.host.kernel, seen.host.architecture) == ("web-07", "6.18.44", "x86_64")
    assert (seen.host.page_size_bytes, seen.host.cpus_possible, seen.host.numa_nodes) == (PAGE, 2, 1)
    assert seen.host.slab_aliases == dict.fromkeys(
        ("mem_cgroup_per_node", "pool_workqueue"), ("mem_cgroup_per_node", "pool_workqueue")
    )
    assert (seen.host.container, seen.gaps) == (None, ())


def test_the_hosts_own_word_for_its_architecture_counts(host: FakeHost) -> None:
    """What /proc says of a captured host comes before what the bundle's maker was."""
    source = Source("bundle", (host.root,), PAGE, "aarch64")
    assert observe(source, host.clock, window_seconds=0).host.architecture == "x86_64"


@pytest.mark.parametrize("when", [None, 1.5], ids=["never", "half-way"])
@pytest.mark.parametrize("path", ["/proc/cgroups", "/proc/self/mountinfo"])
def test_a_count_that_is_there_at_one_end_alone_is_no_growth(host: FakeHost, path: str, when: float | None) -> None:
    """Where cgroups cannot be counted, ever or from half-way on, there is no closer look and no rate, but a gap."""
    if when is None:
        del host.root.files[path]
    else:
        host.clock.after(when, lambda: host.root.files.update({path: ""}))
    seen = look(host, 3)
    assert [sample.charges for sample in seen.samples] == [None] * 4
    found = diagnose(seen)
    assert "cgroups.memory.dying" not in found.growth.rates
    assert found.verdict.state == State.CANNOT_TELL
    assert found.gaps


def test_inside_a_container_there_is_no_closer_look(host: FakeHost) -> None:
    """Where the mount shows a part of the hierarchy the dying are unknown, at the start and at the end: no charges."""
    mounts = host.root.files["/proc/self/mountinfo"]
    assert isinstance(mounts, str)
    host.root.files["/proc/self/mountinfo"] = mounts.replace(f"0:32 / {MEMORY}", f"0:32 /docker/4f1a {MEMORY}")
    seen = look(host, 2)
    counts = [(count.live, count.dying) for count in map(count_memory, (seen.first, seen.last)) if count]
    assert counts == [(4, None), (4, None)]
    assert [sample.charges for sample in seen.samples] == [None] * 3
    assert diagnose(seen).verdict.state == State.CANNOT_TELL


def test_a_count_that_comes_late_is_no_growth(host: FakeHost) -> None:
    """Memory cgroups that are mounted during the look have no beginning to compare with."""
    mounts = host.root.files.pop("/proc/self/mountinfo")
    host.clock.after(1.5, lambda: host.root.files.update({"/proc/self/mountinfo": mounts}))
    seen = look(host, 3)
    assert "cgroups.memory.dying" not in diagnose(seen).growth.rates
    assert seen.lru_reparenting is None


def test_what_a_user_may_not_read_is_a_gap(host: FakeHost) -> None:
    """Without root /proc/slabinfo is refused: a gap with its remedy, and a verdict all the same."""
    host.root.errors["/proc/slabinfo"] = errno.EACCES
    found = diagnose(look(host, 0))
    assert [(gap.what, gap.why, gap.remedy) for gap in found.gaps] == [
        ("slab caches", "/proc/slabinfo: not permitted", "run as root")
    ]
    assert found.verdict.state == State.HEALTHY


def test_a_cgroup_that_vanishes_while_it_is_read_leaves_no_gap(host: FakeHost) -> None:
    """Kernfs says ENODEV for a file whose cgroup was removed after it was opened: nothing is missing then."""
    host.dying = 20
    host.root.errors[f"{MEMORY}/system.slice/cron.service/memory.stat"] = errno.ENODEV
    assert diagnose(look(host, 0)).gaps == ()


def test_a_captures_samples_are_read_without_waiting() -> None:
    """Of a capture every sample is read whole, the clock is not asked, and it is said to be a capture."""
    first, last = FakeHost(dying=320, live=False), FakeHost(dying=343, live=False)
    first.residue_pages, last.residue_pages = 320, 343
    last.clock.gone = 100.0
    clock = FakeHost().clock
    del first.root.files["/proc/sys/kernel/arch"], last.root.files["/proc/sys/kernel/arch"]
    source = Source("bundle", (first.root, last.root), PAGE, "aarch64")
    seen = observe(source, clock, window_seconds=10)
    assert (seen.captured, seen.window_seconds, clock.slept) == (True, 100.0, [])
    assert [sample.charges is not None for sample in seen.samples] == [True, True]
    assert seen.host.architecture == "aarch64"
    assert seen.lru_reparenting is False
    found = diagnose(seen)
    assert found.growth.rates["cgroups.memory.dying"].change == 23
    assert [(finding.id, finding.confidence) for finding in found.findings] == [("S1", "high")]


def test_one_captured_sample_is_one_reading() -> None:
    """A capture of one sample is both ends."""
    only = FakeHost(dying=5, live=False)
    seen = observe(only.source("tree"), only.clock, window_seconds=10)
    assert (len(seen.samples), seen.window_seconds, seen.lru_reparenting) == (1, 0.0, None)


BOOT = "/proc/sys/kernel/random/boot_id"
OTHER_BOOT = "0f1e2d3c-93e3-4d2b-8f2c-0c5d0b6b9a11\n"


@pytest.mark.parametrize(
    ("others", "kept", "why"),
    [
        ((), 3, None),
        ((0,), 2, "the first 1 of 3 samples are of another boot or another host and were left out"),
        ((0, 1), 1, "the first 2 of 3 samples are of another boot or another host and were left out"),
        ((1,), 1, "the first 2 of 3 samples are of another boot or another host and were left out"),
    ],
)
@pytest.mark.parametrize("brief", [False, True])
def test_samples_of_another_boot_are_no_growth(
    others: tuple[int, ...],
    kept: int,
    why: str | None,
    brief: bool,  # noqa: FBT001
) -> None:
    """A later boot, or another host, may have been up for longer: only the boot id tells that it is no later moment."""
    hosts = [FakeHost(dying=100 * number, live=False) for number in range(3)]
    for number, each in enumerate(hosts):
        each.clock.gone = 100.0 * number
        if number in others:
            each.root.files[BOOT] = OTHER_BOOT
    source = Source("tree", tuple(each.root for each in hosts), PAGE)
    seen = observe_briefly(source) if brief else observe(source, hosts[0].clock, window_seconds=0)
    assert (len(seen.samples), seen.window_seconds) == (kept, 100.0 * (kept - 1))
    assert [gap.why for gap in seen.gaps] == ([] if why is None else [why])


@pytest.mark.parametrize("unknown", [0, 1])
def test_samples_that_name_no_boot_are_compared(unknown: int) -> None:
    """An older capture without boot ids is one host's in time, unless something says otherwise."""
    hosts = [FakeHost(live=False), FakeHost(live=False)]
    del hosts[unknown].root.files[BOOT]
    assert len(observe_briefly(Source("tree", tuple(each.root for each in hosts), PAGE)).samples) == 2


def test_a_host_without_cgroups_is_observed(host: FakeHost) -> None:
    """No cgroup mount: nothing to count, a gap that says so, and no closer look."""
    host.root.files["/proc/self/mountinfo"] = "30 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    seen = look(host, 2)
    assert (seen.last.hierarchies, seen.lru_reparenting) == ((), None)
    assert [gap.what for gap in diagnose(seen).gaps] == ["cgroups"]


def test_brief_look_reads_once_and_less(host: FakeHost) -> None:
    """Status reads once, walks the memory hierarchy alone, and neither charges nor processes."""
    host.dying = 343
    seen = observe_briefly(host.source())
    assert (len(seen.samples), seen.captured, seen.window_seconds) == (1, False, 0.0)
    found = diagnose(seen)
    assert [(count.name, count.live, count.dying) for count in found.counts] == [("memory", 4, 343), ("unified", 3, 0)]
    assert [path for path in host.root.asked if path.endswith("/**")] == [f"{MEMORY}/**"]
    assert not {"/proc/1/status", f"{MEMORY}/flappy.slice/memory.stat"} & set(host.root.asked)
    assert (seen.last.charges, seen.last.processes, seen.host.page_size_bytes) == (None, (), PAGE)


def test_brief_look_at_a_capture_reads_every_sample() -> None:
    """Of a capture the growth costs nothing to see."""
    first, last = FakeHost(dying=320, live=False), FakeHost(dying=343, live=False)
    last.clock.gone = 100.0
    seen = observe_briefly(Source("bundle", (first.root, last.root), PAGE))
    assert (len(seen.samples), seen.captured) == (2, True)
    assert diagnose(seen).growth.rates["cgroups.memory.dying"].change == 23


def test_system_clock_is_the_machines() -> None:
    """The real clock goes on, sleeps as long as it is told, and knows the year."""
    clock = SystemClock()
    start = clock.monotonic()
    clock.sleep(0.02)
    assert 0.02 <= clock.monotonic() - start < 5
    # 2020-01-01 to 2100-01-01.
    assert 1_577_836_800 < clock.unix() < 4_102_444_800
