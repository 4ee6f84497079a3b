"""The verdict: every state, each with its sentence, its evidence, its limits and what to run next.

The usual host has 16 GiB and kernel 6.18 on 2 CPUs, where a dying cgroup costs 12,864 + 4,224 = 17,088 bytes. It holds
100 + 20 = 120 MB of kernel memory, 0.7 % of 17.18 GB. Growth matters there above 11.77 MB a day (half of memory in 730
days), and what has piled up above 17.18 MB (a thousandth): 1,006 cgroups.
"""

from itertools import pairwise

import pytest

from tests.fakes.build import (
    GIB,
    HOUR,
    beside,
    crowd,
    held,
    host,
    meminfo,
    observation,
    sample,
    v1,
    v2,
)
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.finding import Confidence, State, Verdict
from unreclaim.model.host import Container, Host
from unreclaim.model.sample import Observation, Sample

LONGER = "unreclaim diagnose --for 10m    a longer look tells growth from noise"
CAPTURE = "unreclaim capture    keeps the evidence, for a second look or a report"
BELOW = "see what is missing below"
ON_HOST = "run unreclaim diagnose on the container's host; the cure is there too"
ONE_READING = "there is only one reading, so growth cannot be seen, only what has piled up since boot"
HELD = "120 MB of kernel memory that cannot be reclaimed (0.7 % of memory)"
EACH = "each costs about 13 kB of slab and 4.2 kB of per-CPU memory here"
LIVE = "live cgroups: 40"
LXC = Container("lxc", ("/run/systemd/container says lxc",))
LXCFS = Container("lxc", ("/run/systemd/container says lxc",), ("/proc/meminfo", "/proc/uptime"))
DAY = 86_400.0
PART = "only a part of the hierarchy is visible here (container or bind mount)"


def verdict(*samples: Sample, of: Host | None = None, reparents: bool = True) -> Verdict:
    """Judge samples of the usual host; where its kernel reparents page cache S1 is silent, and the verdict alone."""
    return diagnose(observation(*samples, of=of, lru_reparenting=reparents)).verdict


def over(
    seconds: float, before: Hierarchy, after: Hierarchy, *, memory: MemInfo | None = None, of: Host | None = None
) -> Verdict:
    """Judge a host from both ends of a window that begins an hour after boot."""
    first, last = sample(before, uptime=HOUR, memory=memory), sample(after, uptime=HOUR + seconds, memory=memory)
    return verdict(first, last, of=of)


def dying_line(number: str) -> str:
    """Give the line that counts them."""
    return f"{number} memory cgroups are dying (a fresh boot has up to 19)"


# ── healthy ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_quiet_host_seen_once_is_healthy() -> None:
    """11 dying and 0.7 % of memory: healthy, as far as one reading can tell."""
    assert verdict() == Verdict(
        State.HEALTHY,
        f"this host holds {HELD}, and 11 memory cgroups are dying, as after any boot.",
        Confidence.HIGH,
        (ONE_READING,),
        (LIVE,),
        (LONGER,),
    )


def test_readings_across_a_reboot_show_no_growth() -> None:
    """Where the uptime fell, what was there before the boot says nothing about now, and that is the reason given."""
    found = over(-60, v1(11), v1(18))
    assert found.state == State.HEALTHY
    assert found.evidence == (
        "the time between the readings is not known, so growth cannot be seen, only what has piled up since boot",
    )


def test_quiet_host_over_ten_seconds_says_what_it_cannot_see() -> None:
    """None in ten seconds: 3.67 may have been due (Byar), 8,640 times that a day at 17,088 bytes are 542 MB."""
    found = over(10, v1(), v1())
    assert (found.state, found.confidence) == (State.HEALTHY, Confidence.HIGH)
    assert found.evidence == ("a window of 10 seconds cannot see growth below 542 MB a day",)
    assert found.next_commands == (LONGER,)


def test_quiet_host_over_ten_minutes_has_no_limit_to_tell() -> None:
    """Ten minutes are long enough, and nothing is to be run next."""
    found = over(600, v1(), v1())
    assert (found.state, found.evidence, found.next_commands) == (State.HEALTHY, (), ())


@pytest.mark.parametrize(
    ("dying", "few", "confidence"),
    [
        (0, "0 memory cgroups are dying, as after any boot", Confidence.HIGH),
        (19, "19 memory cgroups are dying, as after any boot", Confidence.HIGH),
        (20, "20 memory cgroups are dying, which cost too little here to matter", Confidence.MEDIUM),
        (1005, "1,005 memory cgroups are dying, which cost too little here to matter", Confidence.MEDIUM),
    ],
)
def test_healthy_host_may_have_some_dying(dying: int, few: str, confidence: Confidence) -> None:
    """Up to 19 are normal; more are named for what they are as long as they hold less than a thousandth of memory."""
    found = verdict(sample(v1(dying)))
    assert (found.state, found.confidence) == (State.HEALTHY, confidence)
    assert found.summary == f"this host holds {HELD}, and {few}."


def test_what_came_slowly_is_not_called_cheap() -> None:
    """After 400 days 50,000 dying hold 854 MB, 5 % of memory: too slow to matter, but not too little."""
    memory = meminfo(sunreclaim_bytes=1_000_000_000)
    found = verdict(sample(v1(50_000), uptime=400 * DAY, memory=memory))
    assert found.state == State.HEALTHY
    assert found.summary.endswith(
        "50,000 memory cgroups are dying, which hold about 854 MB and came too slowly to matter."
    )


def test_a_process_that_is_large_is_named_on_a_healthy_host() -> None:
    """Where PID 1 holds 14 GiB the kernel's memory is in order and the host is not: it is said whose memory it is."""
    processes = (ProcessStatus("systemd", 1, 14 * GIB), ProcessStatus("kubelet", 812, 80_000_000))
    found = verdict(sample(processes=processes))
    assert found.state == State.HEALTHY
    assert found.evidence == (
        "PID 1 (systemd) itself holds 15 GB, which is its own memory and not the kernel's",
        ONE_READING,
    )
    assert found.ruled_out == ("kubelet itself: 80 MB", LIVE)


# ── cannot tell ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "memory",
    [None, meminfo(sunreclaim_bytes=None), meminfo(mem_total_bytes=0)],
    ids=["no file", "no line", "no memory"],
)
def test_without_memory_figures_nothing_can_be_said(memory: MemInfo | None) -> None:
    """No /proc/meminfo, no SUnreclaim in it, or a MemTotal of 0: whatever else is there, no verdict."""
    seen = Sample(uptime_seconds=HOUR, meminfo=memory, hierarchies=(v1(50_000),))
    assert verdict(seen) == Verdict(
        State.CANNOT_TELL,
        "the kernel's memory figures could not be read, so nothing can be said about this host.",
        Confidence.HIGH,
        next_commands=(BELOW,),
    )


def test_figures_that_lxcfs_makes_up_are_not_judged() -> None:
    """Inside LXC with lxcfs the figures are the container's: they look critical here, and mean nothing."""
    made_up = sample(v1(11), memory=meminfo(sunreclaim_bytes=16 * GIB))
    assert verdict(made_up, of=host(container=LXCFS)) == Verdict(
        State.CANNOT_TELL,
        "this is inside a container whose memory figures lxcfs makes up; kernel memory belongs to the host.",
        Confidence.HIGH,
        ("lxcfs is mounted over /proc/meminfo",),
        next_commands=(ON_HOST,),
    )
    # So too where they could not even be read: the reason is the container, not a damaged file.
    nothing = verdict(Sample(uptime_seconds=HOUR), of=host(container=LXCFS))
    assert nothing.next_commands == (ON_HOST,)
    # lxcfs over other files leaves the memory figures as they are.
    uptime_only = Container("lxc", ("…",), ("/proc/uptime",))
    assert verdict(made_up, of=host(container=uptime_only)).state == State.CRITICAL


@pytest.mark.parametrize("hierarchy", [v1(300, whole=False), v1(300, whole=None), v2(5, whole=False), beside(0)])
def test_inside_a_container_dying_cgroups_cannot_be_counted(hierarchy: Hierarchy) -> None:
    """A container sees its own cgroups alone; a capture that does not say whether it saw all is not trusted there."""
    assert verdict(sample(hierarchy), of=host(container=LXC)) == Verdict(
        State.CANNOT_TELL,
        f"this host holds {HELD}, which is not much, but this is inside a container (lxc), which sees only its own "
        "cgroups: dying cgroups cannot be counted from here.",
        Confidence.HIGH,
        next_commands=(ON_HOST,),
    )


def test_container_that_sees_the_whole_hierarchy_is_judged() -> None:
    """A privileged container with the host's cgroups mounted counts as well as the host itself."""
    assert verdict(sample(v1(11)), of=host(container=LXC)).state == State.HEALTHY
    assert verdict(sample(v1(2000), uptime=DAY), of=host(container=LXC)).state == State.GROWING


@pytest.mark.parametrize(
    ("hierarchy", "why"),
    [
        (beside(0), "no hierarchy with the memory controller could be read"),
        (v1(None), "/proc/cgroups has no count for this hierarchy"),
        (v1(11, live=None), "the live directories were not counted"),
        (
            v1(300, whole=False),
            f"num_cgroups is the whole host's, but {PART}",
        ),
        (
            v2(None),
            "counts cgroups that any controller still holds, not only this one; cgroup.stat could not be read",
        ),
    ],
)
def test_dying_that_cannot_be_counted_are_not_called_none(hierarchy: Hierarchy, why: str) -> None:
    """Where the number is not known the host is not called healthy, and the reason is said."""
    found = verdict(sample(hierarchy))
    assert (found.state, found.next_commands) == (State.CANNOT_TELL, (BELOW,))
    assert found.summary == (
        f"this host holds {HELD}, which is not much, but {why}: dying cgroups cannot be counted from here."
    )


def test_a_capture_that_does_not_say_whether_it_is_whole_is_trusted_outside_a_container() -> None:
    """A bundle without the file that only the root has is of a host, unless something speaks for a container."""
    assert verdict(sample(v1(2000, whole=None), uptime=DAY)).state == State.GROWING
    assert verdict(sample(v1(11, whole=None))).state == State.HEALTHY


def test_part_of_v2_is_said_to_be_a_part() -> None:
    """Outside a container, a bind mount of a subtree counts that subtree, which is not the host."""
    found = verdict(sample(v2(5, of_memory=5, whole=False)))
    assert found.summary.endswith(f"which is not much, but {PART}: dying cgroups cannot be counted from here.")
    assert verdict(sample(v2(5000, of_memory=5000, whole=False), uptime=DAY)).state == State.CANNOT_TELL
    # Growth and decline in a part are not the host's either: 100 more and 100 fewer within ten seconds.
    few, many = v2(5, of_memory=5, whole=False), v2(105, of_memory=105, whole=False)
    assert over(10, few, many).state == over(10, many, few).state == State.CANNOT_TELL


# ── critical ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_half_of_memory_is_critical() -> None:
    """8 GiB of 16 in slab and per-CPU memory: 8,589,934,592 bytes, and the dying explain 0.2 % of them.

    1,000 x 12,864 bytes of slab by 8.57 GB are 0.15 %, 1,000 x 4,224 bytes by 20 MB 21 %.
    """
    sizes = {"sunreclaim_bytes": 8 * GIB - 20_000_000, "percpu_bytes": 20_000_000}
    assert verdict(sample(v1(1000), memory=meminfo(**sizes))) == Verdict(
        State.CRITICAL,
        "this host holds 8.6 GB of kernel memory that cannot be reclaimed (50 % of memory); 13 GB are still available.",
        Confidence.HIGH,
        (
            dying_line("1,000"),
            f"{EACH}: 17 MB in all",
            "that is 0.2 % of the unreclaimable slab and 21 % of per-CPU memory",
        ),
        (LIVE,),
        (CAPTURE,),
    )


QUARTER = 4 * GIB
TENTH = 16 * GIB // 10


@pytest.mark.parametrize(
    ("kernel", "available", "state"),
    [
        (8 * GIB, 12 * GIB, State.CRITICAL),
        (8 * GIB - 1, 12 * GIB, State.GROWING),
        (QUARTER, TENTH, State.CRITICAL),
        (QUARTER - 1, TENTH, State.GROWING),
        (QUARTER, TENTH + 1, State.GROWING),
        # Before 3.14 there is no MemAvailable.
        (QUARTER, None, State.GROWING),
        (8 * GIB, None, State.CRITICAL),
    ],
)
def test_a_quarter_is_critical_where_memory_is_short(kernel: int, available: int | None, state: State) -> None:
    """Half of memory is critical, a quarter is where less than a tenth is still available."""
    memory = meminfo(sunreclaim_bytes=kernel, percpu_bytes=0, mem_available_bytes=available)
    found = verdict(sample(memory=memory))
    assert found.state == state
    assert ("still available" in found.summary) == (state == State.CRITICAL and available is not None)


def test_figures_that_are_not_known_leave_no_line() -> None:
    """None dying cost nothing; where neither live nor dying are counted there is nothing to rule out by it."""
    half = meminfo(sunreclaim_bytes=8 * GIB)
    assert verdict(sample(v1(0), memory=half)).evidence == (dying_line("0"),)
    unknown = verdict(sample(v1(11, live=None), memory=half))
    assert (unknown.evidence, unknown.ruled_out) == ((), ())


def test_dying_hold_no_more_than_there_is() -> None:
    """10,000 x 17,088 bytes are 171 MB of 120, and their slab 129 % of 100 MB: the price is too dear there."""
    found = verdict(sample(v1(10_000), uptime=DAY))
    assert found.summary.startswith("10,000 memory cgroups are dying and hold about 120 MB: up to 120 MB a day")
    assert found.evidence[2] == (
        "that is more than all of the unreclaimable slab and more than all of per-CPU memory: they cost less here"
    )
    many_cpus = verdict(sample(v1(2000), uptime=DAY), of=host(cpus=64))
    assert many_cpus.evidence[2] == (
        "that is 26 % of the unreclaimable slab and more than all of per-CPU memory: they cost less here"
    )


def test_percpu_counts_as_slab_does() -> None:
    """On a host with many CPUs the per-CPU part alone may be half of memory."""
    assert verdict(sample(memory=meminfo(percpu_bytes=8 * GIB))).state == State.CRITICAL
    without = verdict(sample(memory=meminfo(percpu_bytes=None)))
    assert without.summary.startswith("this host holds 100 MB of kernel memory that cannot be reclaimed (0.6 % of")


# ── growing and draining within the window ──────────────────────────────────────────────────────────────────────


def test_cgroups_that_stay_behind_are_growth() -> None:
    """23 more within a hundred seconds: 23 x 864 x 17,088 bytes are 340 MB a day.

    The exact limits of 23 (14.58 and 34.51) at that cost: 215 and 510 MB. 34 x 12,864 of 100 MB slab: 0.4 %.
    """
    assert over(100, v1(11), v1(34)) == Verdict(
        State.GROWING,
        "23 more memory cgroups stayed behind in the kernel within 100 seconds; "
        "at that pace this host loses 340 MB of kernel memory a day.",
        Confidence.MEDIUM,
        (
            dying_line("34"),
            f"{EACH}: 581 kB in all",
            "that is 0.4 % of the unreclaimable slab and 0.7 % of per-CPU memory",
            "100 seconds leave it between 215 MB and 510 MB a day, if it goes on like this",
        ),
        (LIVE,),
        (LONGER, CAPTURE),
    )


def test_ten_minutes_make_it_sure() -> None:
    """From ten minutes on the growth is no bulge."""
    assert over(599, v1(11), v1(34)).confidence == Confidence.MEDIUM
    assert over(600, v1(11), v1(34)).confidence == Confidence.HIGH


@pytest.mark.parametrize(("more", "state"), [(4, State.HEALTHY), (5, State.GROWING)])
def test_a_few_that_wait_for_the_kernel_are_no_growth(more: int, state: State) -> None:
    """Four may be between rmdir and the kernel's work queue; five within ten seconds are 240 MB a day at least."""
    assert over(10, v1(11), v1(11 + more)).state == state


def test_growth_that_will_never_matter_is_healthy() -> None:
    """On 1 TiB growth matters above 753 MB a day: 23 in a hundred seconds may be 215 MB a day alone."""
    large = meminfo(mem_total_bytes=1024 * GIB)
    assert over(100, v1(11), v1(34), memory=large).state == State.HEALTHY
    assert over(100, v1(11), v1(34), memory=meminfo(mem_total_bytes=64 * GIB)).state == State.GROWING


def test_growth_costs_slab_alone_where_cpus_are_unknown() -> None:
    """Without the number of CPUs the price is a lower bound, and growth is still called growth: 23 x 864 x 12,864."""
    found = over(100, v1(11), v1(34), of=host(cpus=None))
    assert found.state == State.GROWING
    assert "loses 256 MB of kernel memory a day" in found.summary
    assert found.evidence[1] == "each costs about 13 kB of slab here: 437 kB in all"
    assert found.evidence[3].startswith("100 seconds leave it between 162 MB and 384 MB a day")


def test_cgroups_that_are_freed_are_a_drain() -> None:
    """2,000 dying and 23 fewer within ten seconds: it drains, whatever has piled up; 1,977 x 17,088 are 34 MB."""
    assert over(10, v1(2000), v1(1977)) == Verdict(
        State.DRAINING,
        "23 dying memory cgroups were freed within 10 seconds; 1,977 are left.",
        Confidence.HIGH,
        (
            dying_line("1,977"),
            f"{EACH}: 34 MB in all",
            "that is 25 % of the unreclaimable slab and 42 % of per-CPU memory",
        ),
        (LIVE,),
        (LONGER,),
    )


def test_counts_in_doubt_are_neither_growth_nor_drain() -> None:
    """Where cgroups came and went during a count, 60 to 80 were dying: 70 later may be ten more or ten fewer."""
    disturbed, quiet = v1(60, then=80), v1(70)
    assert over(10, disturbed, quiet).state == State.HEALTHY
    assert over(10, v1(60), v1(60, then=70)).state == State.HEALTHY
    assert over(10, v1(80), quiet).state == State.DRAINING


@pytest.mark.parametrize(("fewer", "state"), [(4, State.HEALTHY), (5, State.DRAINING)])
def test_a_few_fewer_are_no_drain(fewer: int, state: State) -> None:
    """Four fewer may have waited for the kernel's work queue."""
    assert over(10, v1(11), v1(11 - fewer)).state == state


def slab_grows(seconds: float, more: int, **sizes: int | None) -> Verdict:
    """Judge a host whose unreclaimable slab grew within a window."""
    start = meminfo(**sizes).get("sunreclaim_bytes") or 0
    return verdict(
        sample(uptime=HOUR, memory=meminfo(**sizes)),
        sample(uptime=HOUR + seconds, memory=meminfo(**{**sizes, "sunreclaim_bytes": start + more})),
    )


def test_bytes_that_grow_for_ten_minutes_are_growth() -> None:
    """10 MB of slab in ten minutes are 1.44 GB a day, give or take the reading error of slab and of per-CPU memory.

    Each is 36 x 2 pages = 294,912 bytes, 144 times that a day: 42.5 MB. 1,440 - 85 = 1,355 and 1,525 MB.
    """
    assert slab_grows(600, 10_000_000) == Verdict(
        State.GROWING,
        "kernel memory that cannot be reclaimed grows by 1.4 GB a day (1.4 GB to 1.5 GB), "
        "and dying cgroups do not explain it.",
        Confidence.MEDIUM,
        (
            dying_line("11"),
            f"{EACH}: 188 kB in all",
            "that is 0.1 % of the unreclaimable slab and 0.2 % of per-CPU memory",
        ),
        (LIVE,),
        (CAPTURE,),
    )


def test_bytes_that_swing_are_no_growth() -> None:
    """Below ten minutes, within the reading error, or too slow to matter: no growth.

    Twice 294,912 bytes are the reading error: 600,000 in ten minutes leave 10,176 x 144 = 1.5 MB a day, 700,000 leave
    15.9 MB. Falling memory is no growth either.
    """
    assert slab_grows(599, 10_000_000).state == State.HEALTHY
    assert slab_grows(600, 2 * 294_912).state == State.HEALTHY
    assert slab_grows(600, 600_000).state == State.HEALTHY
    assert slab_grows(600, 700_000).state == State.GROWING
    assert slab_grows(600, -10_000_000).state == State.HEALTHY


def test_bytes_of_an_old_kernel_are_slab_alone() -> None:
    """4.15 prints no Percpu: slab's own reading error is all there is: 1,440 - 42.5 MB."""
    found = slab_grows(600, 10_000_000, percpu_bytes=None)
    assert found.summary.startswith("kernel memory that cannot be reclaimed grows by 1.4 GB a day (1.4 GB to 1.5 GB)")
    assert slab_grows(600, 400_000, percpu_bytes=None).state == State.GROWING
    assert slab_grows(600, 400_000).state == State.HEALTHY


# ── piled up since boot ─────────────────────────────────────────────────────────────────────────────────────────


def test_cgroups_that_piled_up_are_growth() -> None:
    """2,000 dying a day after boot hold 34.2 MB, which is what was lost in that day at most."""
    assert verdict(sample(v1(2000), uptime=DAY)) == Verdict(
        State.GROWING,
        "2,000 memory cgroups are dying and hold about 34 MB: up to 34 MB a day on average since boot, 24 hours ago.",
        Confidence.MEDIUM,
        (
            dying_line("2,000"),
            f"{EACH}: 34 MB in all",
            "that is 26 % of the unreclaimable slab and 42 % of per-CPU memory",
            ONE_READING,
        ),
        (LIVE,),
        (LONGER, CAPTURE),
    )


@pytest.mark.parametrize(
    ("dying", "days", "state"),
    [
        # A thousandth of 17.18 GB is 17.18 MB: 1,005 x 17,088 are 17.17 MB, 1,006 are 17.19 MB.
        (1005, 1.0, State.HEALTHY),
        (1006, 1.0, State.GROWING),
        # 34.18 MB in 2.9 days are 11.78 MB a day, in 2.91 days 11.74 MB: 11.77 is where it matters.
        (2000, 2.9, State.GROWING),
        (2000, 2.91, State.HEALTHY),
    ],
)
def test_what_piled_up_slowly_or_little_is_healthy(dying: int, days: float, state: State) -> None:
    """Less than a thousandth of memory, or too slow to fill half of it in two years, is no fault."""
    assert verdict(sample(v1(dying), uptime=days * DAY)).state == state


@pytest.mark.parametrize("uptime", [None, 0.0])
def test_what_piled_up_in_an_unknown_time_is_not_called_healthy(uptime: float | None) -> None:
    """Where the uptime is not known the rate is not, but 34 MB are held all the same."""
    found = verdict(sample(v1(2000), uptime=uptime))
    assert (found.state, found.confidence) == (State.GROWING, Confidence.LOW)
    assert found.summary == "2,000 memory cgroups are dying and hold about 34 MB: since when is not known."
    assert verdict(sample(v1(1005), uptime=uptime)).state == State.HEALTHY


def test_what_piled_up_is_priced_without_the_number_of_cpus() -> None:
    """A sosreport may lack /sys/devices/system/cpu: 50,000 dying are not healthy for that."""
    memory = meminfo(sunreclaim_bytes=1_000_000_000)
    found = verdict(sample(v1(50_000), uptime=DAY, memory=memory), of=host(cpus=None))
    assert found.state == State.GROWING
    assert found.summary.startswith("50,000 memory cgroups are dying and hold about 643 MB: up to 643 MB a day")


def test_what_page_cache_does_not_hold_is_said() -> None:
    """Where the charges were read and too little is left over, page cache is excluded; otherwise S1 says the rest."""
    line = "page cache does not hold them: the charges of live cgroups leave too little of it over"
    excluded = verdict(sample(v1(2000), uptime=DAY, charges=held(4096)), reparents=False)
    assert excluded.evidence[3] == line
    assert "reboot" not in excluded.summary
    pinned = verdict(sample(v1(2000), uptime=DAY, charges=held(2000 * 4096)), reparents=False)
    assert line not in pinned.evidence
    normal = verdict(sample(v1(19), charges=held(0), memory=meminfo(sunreclaim_bytes=8 * GIB)))
    assert normal.state == State.CRITICAL
    assert line not in normal.evidence


CURE = " It can be got back without a reboot."


def test_no_reboot_is_promised_where_the_cause_was_seen() -> None:
    """Page cache seen in the charges is got back on a running host; S1 shows the number, so the verdict does not."""
    pinned = verdict(sample(v1(2000), uptime=DAY, charges=held(2000 * 4096)), reparents=False)
    assert pinned.summary.endswith(f" on average since boot, 24 hours ago.{CURE}")
    assert dying_line("2,000") not in pinned.evidence
    before, after = (sample(v1(dying), uptime=HOUR + dying, charges=held(dying * 4096)) for dying in (40, 63))
    assert verdict(before, after, reparents=False).summary.endswith(f" of kernel memory a day.{CURE}")


def test_no_reboot_is_needed_where_it_is_critical_either() -> None:
    """Where it matters most the sentence says so too."""
    half = sample(v1(500_000), uptime=DAY, charges=held(500_000 * 4096), memory=meminfo(sunreclaim_bytes=8 * GIB))
    found = verdict(half, reparents=False)
    assert found.state == State.CRITICAL
    assert found.summary.endswith(f" are still available.{CURE}")


def test_nothing_is_promised_on_suspicion() -> None:
    """Without the charges, or before 5.3 where dentries pin too, page cache is only likely or possible."""
    unread = verdict(sample(v1(2000), uptime=DAY), reparents=False)
    old = verdict(sample(v1(4000), uptime=DAY, charges=held(4000 * 4096)), of=host(kernel="4.15.11"), reparents=False)
    assert (unread.state, old.state) == (State.GROWING, State.GROWING)
    assert "reboot" not in unread.summary + old.summary


def test_what_holds_cgroups_on_old_kernels_is_said() -> None:
    """Before 5.3 dentries and inodes hold them where page cache was not seen to; what frees those is worth a try."""
    seen = sample(v1(5000), uptime=DAY, charges=held(4096))
    old = verdict(seen, of=host(kernel="4.15.0-213-generic"), reparents=False)
    assert "before kernel 5.3 cached directory entries and inodes do, as a rule" in old.evidence[3]
    assert old.next_commands[0].startswith("echo 2 > /proc/sys/vm/drop_caches    ")
    assert old.next_commands[1:] == verdict(seen, reparents=False).next_commands == (LONGER, CAPTURE)
    inside = host(kernel="4.15.0-213-generic", container=LXC)
    told = verdict(seen, of=inside, reparents=False).next_commands
    assert told == (f"on the container's host: {old.next_commands[0]}", LONGER, CAPTURE)


def test_nothing_is_promised_for_another_finding() -> None:
    """Live cgroups pile up as well, but what holds the dying was looked for in the charges and not found there."""
    both = v1(2000, live=6000, crowds=(crowd("run-r*.scope", 5920),))
    found = diagnose(observation(sample(both, uptime=DAY, charges=held(4096))))
    assert [finding.id for finding in found.findings] == ["S6"]
    assert found.verdict.summary.startswith("2,000 memory cgroups are dying and hold about 34 MB")
    assert "reboot" not in found.verdict.summary


def test_nothing_is_promised_of_a_reference_leak() -> None:
    """Page cache pins 40 memory cgroups, but the verdict is about the v2 hierarchy, which only a reboot clears."""
    found = diagnose(observation(sample(v1(40), beside(5000), charges=held(40 * 4096))))
    assert [finding.id for finding in found.findings] == ["S1"]
    assert found.verdict.summary.startswith("5,000 cgroups of the v2 hierarchy are dying")
    assert "reboot" not in found.verdict.summary


# ── the v2 hierarchy beside v1 ──────────────────────────────────────────────────────────────────────────────────

SMALL = meminfo(
    mem_total_bytes=GIB // 4,
    mem_available_bytes=GIB // 8,
    sunreclaim_bytes=12_000_000,
    percpu_bytes=1_000_000,
)


def test_reference_leak_shows_in_the_v2_hierarchy_alone() -> None:
    """S7a on a hybrid host: net_prio pins 60 cgroups of the v2 hierarchy, and 3 memory cgroups are dying.

    60 x 4,500 bytes are 270 kB, a thousandth of 256 MiB (268,435); in an hour that is 6.48 MB a day, and 184 kB a day
    would eat half of it in two years. 3 x 12,864 of 12 MB slab are 0.3 %.
    """
    assert verdict(sample(v1(3), beside(60), memory=SMALL)) == Verdict(
        State.GROWING,
        "60 cgroups of the v2 hierarchy are dying and hold about 270 kB: "
        "up to 6.5 MB a day on average since boot, 60 minutes ago.",
        Confidence.MEDIUM,
        (
            dying_line("3"),
            f"{EACH}: 51 kB in all",
            "that is 0.3 % of the unreclaimable slab and 1.3 % of per-CPU memory",
            "60 cgroups of the v2 hierarchy are dying besides",
            ONE_READING,
        ),
        (LIVE,),
        (LONGER, CAPTURE),
    )


@pytest.mark.parametrize(
    "hierarchies",
    [
        (v1(3), beside(59)),
        (v1(3), beside(60, whole=False)),
        (v1(3), beside(None)),
        (v1(3),),
    ],
    ids=["too little", "a part", "unknown", "not mounted"],
)
def test_v2_hierarchy_that_does_not_count_leaves_the_host_healthy(hierarchies: tuple[Hierarchy, ...]) -> None:
    """59 x 4,500 are less than a thousandth; of a part, an unknown number or no v2 at all nothing is said."""
    assert verdict(sample(*hierarchies, memory=SMALL)).state == State.HEALTHY


def test_v2_hierarchy_in_order_is_not_mentioned() -> None:
    """Where none of its cgroups is dying there is nothing besides."""
    found = verdict(sample(v1(2000), beside(0), uptime=DAY))
    assert found.state == State.GROWING
    assert [line for line in found.evidence if "besides" in line] == []


def test_v2_hierarchy_is_not_judged_twice() -> None:
    """On a v2 host the memory controller's count is that hierarchy's: 60 of 17,088 bytes are judged as such, once."""
    found = verdict(sample(v2(60, of_memory=3), memory=SMALL))
    assert found.state == State.HEALTHY
    accumulated = verdict(sample(v2(60), memory=SMALL))
    assert accumulated.summary.startswith("60 memory cgroups are dying and hold about 1.0 MB: ")
    assert [line for line in accumulated.evidence if "besides" in line] == []


def test_a_boot_leaves_some_in_the_v2_hierarchy_too() -> None:
    """Up to 19 are normal there as well: on a host of 16 MiB they would be half a per cent."""
    tiny = meminfo(mem_total_bytes=GIB // 64, sunreclaim_bytes=1_000_000, percpu_bytes=0, mem_available_bytes=GIB // 65)
    assert verdict(sample(v1(3), beside(19), memory=tiny)).state == State.HEALTHY
    assert verdict(sample(v1(3), beside(20), memory=tiny)).state == State.GROWING


def test_a_host_that_just_booted_is_not_alarmed_by_its_uptime() -> None:
    """Half a minute after boot any amount is a torrent by the day: 19 dying of a boot are normal all the same.

    20 on a host of 256 MiB are 342 kB, above its thousandth (268 kB), and then the half minute counts: 984 MB a day.
    """
    assert verdict(sample(v1(19), uptime=30.0, memory=SMALL)).state == State.HEALTHY
    found = verdict(sample(v1(20), uptime=30.0, memory=SMALL))
    assert found.summary == (
        "20 memory cgroups are dying and hold about 342 kB: up to 984 MB a day on average since boot, 30 seconds ago."
    )
    assert verdict(sample(v1(1005), uptime=30.0)).state == State.HEALTHY


def test_v2_without_memory_anywhere_is_still_judged() -> None:
    """Where no memory controller is mounted the v2 hierarchy may leak all the same."""
    found = verdict(sample(beside(60), memory=SMALL))
    assert found.state == State.GROWING
    assert found.evidence == (ONE_READING,)


# ── live cgroups, and high for no known reason ──────────────────────────────────────────────────────────────────


def test_live_cgroups_that_pile_up_are_growth() -> None:
    """S6 alone makes the verdict, with its own evidence and how sure it is."""
    found = verdict(sample(v1(11, live=6000, crowds=(crowd("run-r*.scope", 5920),))))
    assert found == Verdict(
        State.GROWING,
        "6,000 cgroups are live and 11 are dying: so many alike look as if nothing removes them.",
        Confidence.MEDIUM,
        (ONE_READING,),
        (),
        (LONGER,),
    )
    seen_growing = over(10, v1(11, live=100), v1(11, live=123))
    assert seen_growing.summary.endswith(" are dying: something makes them and does not remove them.")


def test_other_findings_make_no_such_verdict() -> None:
    """S1 with little cost is told beside a healthy verdict."""
    seen = diagnose(observation(sample(v1(100), charges=held(100 * 4096))))
    assert [finding.id for finding in seen.findings] == ["S1"]
    assert seen.verdict.state == State.HEALTHY


def test_a_tenth_of_memory_for_no_known_reason_is_growth() -> None:
    """2 GB of slab on 16 GiB (2.02 GB with per-CPU memory, 12 %), and 11 dying: something else gathered it."""
    assert verdict(sample(memory=meminfo(sunreclaim_bytes=2_000_000_000), uptime=23 * DAY)) == Verdict(
        State.GROWING,
        "this host has gathered 2.0 GB of kernel memory that cannot be reclaimed (12 % of memory) in the 23 days "
        "since boot, and dying cgroups do not explain it; whether it still grows, this window cannot tell.",
        Confidence.LOW,
        (
            dying_line("11"),
            f"{EACH}: 188 kB in all",
            "that is under 0.1 % of the unreclaimable slab and 0.2 % of per-CPU memory",
            ONE_READING,
        ),
        (LIVE,),
        (LONGER, CAPTURE),
    )


HIGH = meminfo(sunreclaim_bytes=2_000_000_000)


@pytest.mark.parametrize(
    ("dying", "said"),
    [
        # Of 2.02 GB: 17,088 bytes each.
        (11_822, "dying cgroups explain about 10 % of it"),
        (11_821, "dying cgroups do not explain it"),
        (59_106, "dying cgroups are most of it: about 1.0 GB"),
        (59_105, "dying cgroups explain about 50 % of it"),
        (200_000, "dying cgroups are most of it: about 2.0 GB"),
    ],
)
def test_what_came_too_slowly_to_matter_is_not_said_to_be_something_else(dying: int, said: str) -> None:
    """After 400 days what dying cgroups hold came slowly, but it may be what fills a tenth of memory all the same."""
    found = verdict(sample(v1(dying), uptime=400 * DAY, memory=HIGH))
    assert f"in the 400 days since boot, and {said}; " in found.summary


def test_what_was_not_counted_is_not_said_to_explain_nothing() -> None:
    """Without a count of the whole host nobody can tell what dying cgroups have to do with it."""
    unknown = "how much of it dying cgroups hold cannot be told from here"
    assert unknown in verdict(sample(v1(None), memory=HIGH)).summary
    assert unknown in verdict(sample(v1(300, whole=False), memory=HIGH), of=host(container=LXC)).summary
    before, after = (sample(beside(0), uptime=at, memory=meminfo(sunreclaim_bytes=size)) for at, size in GROWS)
    assert unknown in verdict(before, after).summary


GROWS = ((HOUR, 100_000_000), (HOUR + 600, 110_000_000))


@pytest.mark.parametrize(
    ("more", "live", "said"),
    [
        # 10 MB in ten minutes; 17,088 bytes each.
        (30, 40, "dying cgroups do not explain it"),
        (100, 40, "dying cgroups explain about 17 % of it"),
        (30, 6000, "live cgroups that pile up have a part in it"),
    ],
)
def test_growth_is_not_said_to_be_something_else_where_cgroups_have_a_part(more: int, live: int, said: str) -> None:
    """Dying cgroups that grow too slowly to be the verdict may be a part of the growth; so may live ones."""
    memory = [meminfo(sunreclaim_bytes=size, mem_total_bytes=400 * GIB) for _, size in GROWS]
    first = sample(v1(11, live=40), uptime=HOUR, memory=memory[0])
    last = sample(v1(11 + more, live=live), uptime=HOUR + 600, memory=memory[1])
    found = verdict(first, last)
    assert found.summary == (
        f"kernel memory that cannot be reclaimed grows by 1.4 GB a day (1.3 GB to 1.6 GB), and {said}."
    )


def test_a_long_look_that_saw_no_growth_says_so() -> None:
    """Ten minutes without one more: what piled up since boot is told with that, and what is high for no reason."""
    still = over(600, v1(2000), v1(2000))
    assert still.state == State.GROWING
    assert still.summary.endswith(" on average since boot, 70 minutes ago, but no more within the 10 minutes watched.")
    assert over(599, v1(2000), v1(2000)).summary.endswith(" on average since boot, 70 minutes ago.")
    leak = verdict(sample(v1(3), beside(60), memory=SMALL), sample(v1(3), beside(60), uptime=HOUR + 600, memory=SMALL))
    assert leak.summary.endswith(" minutes ago, but no more within the 10 minutes watched.")
    high = over(600, v1(), v1(), memory=HIGH)
    assert high.summary.endswith("; within the 10 minutes watched it did not grow enough to matter.")


def test_high_in_an_unknown_time_is_said_so() -> None:
    """Without an uptime the sentence leaves it out."""
    found = verdict(sample(memory=meminfo(sunreclaim_bytes=2_000_000_000), uptime=None))
    assert "(12 % of memory) since boot, and" in found.summary


@pytest.mark.parametrize(
    ("total", "kernel", "state"),
    [
        (16 * GIB, TENTH, State.HEALTHY),
        (16 * GIB, TENTH + 1, State.GROWING),
        # A small machine's kernel takes its share: below 1 GiB a tenth is not high.
        (4 * GIB, GIB - 1, State.HEALTHY),
        (4 * GIB, GIB, State.GROWING),
    ],
)
def test_high_is_a_tenth_of_memory_and_a_gib(total: int, kernel: int, state: State) -> None:
    """Both must be reached."""
    memory = meminfo(mem_total_bytes=total, mem_available_bytes=total // 2, sunreclaim_bytes=kernel, percpu_bytes=0)
    assert verdict(sample(memory=memory)).state == state


def test_high_comes_before_not_being_able_to_count() -> None:
    """In a container a host that holds a tenth of its memory in slab is not called one that cannot be told."""
    found = verdict(
        sample(v1(300, whole=False), memory=meminfo(sunreclaim_bytes=2_000_000_000)), of=host(container=LXC)
    )
    assert (found.state, found.evidence) == (State.GROWING, (ONE_READING,))


def test_a_window_without_a_count_has_no_limit_to_tell() -> None:
    """What ten seconds cannot see of cgroups that are not counted is nothing to speak of."""
    high = meminfo(sunreclaim_bytes=2_000_000_000)
    found = over(10, beside(0), beside(0), memory=high)
    assert (found.state, found.evidence) == (State.GROWING, ())


# ── the order of the questions ──────────────────────────────────────────────────────────────────────────────────


def everything(
    *, faked: bool, critical: bool, window: bool, accumulated: bool, unified: bool, live: bool
) -> Observation:
    """Make a host to which each question that is True has an answer; it is high and grows for no reason anyway."""
    crowds = (crowd("run-r*.scope", 500_000),) if live else ()
    dying = 3000 if accumulated else 11
    slab = 8 * GIB if critical else 2_000_000_000

    def at(uptime: float, more: int) -> Sample:
        hierarchies = (v1(dying + more, live=600_000 if live else 40, crowds=crowds), beside(5000 if unified else 0))
        return sample(*hierarchies, uptime=uptime, memory=meminfo(sunreclaim_bytes=slab))

    container = LXCFS if faked else None
    return observation(at(HOUR, 0), at(HOUR + 10, 23 if window else 0), of=host(container=container))


def test_questions_are_asked_in_their_order() -> None:
    """What can be told at all comes first, then what is urgent, what is seen, what piled up, and what is only high."""
    asked = dict.fromkeys(("faked", "critical", "window", "accumulated", "unified", "live"), True)
    answers = []
    for question in (*asked, None):
        found = diagnose(everything(**asked)).verdict
        answers.append(f"{found.state}: {found.summary}")
        if question:
            asked[question] = False
    starts = (
        "cannot tell: this is inside a container whose memory figures lxcfs makes up",
        "critical: this host holds 8.6 GB",
        "growing: 23 more memory cgroups stayed behind",
        "growing: 3,000 memory cgroups are dying and hold about",
        "growing: 5,000 cgroups of the v2 hierarchy are dying",
        "growing: 600,000 cgroups are live and 11 are dying",
        "growing: this host has gathered 2.0 GB",
    )
    assert [answer[: len(start)] for answer, start in zip(answers, starts, strict=True)] == list(starts)


@pytest.mark.parametrize(
    "seen",
    [
        observation(sample()),
        observation(sample(v1(2000), uptime=DAY)),
        observation(sample(v1(3), beside(60), memory=SMALL)),
        observation(sample(memory=meminfo(percpu_bytes=8 * GIB))),
        observation(Sample()),
        observation(sample(v1(300, whole=False)), of=host(container=LXC)),
        observation(sample(v1(2000), uptime=HOUR), sample(v1(1900), uptime=HOUR + 10)),
    ],
)
def test_a_verdict_is_one_plain_sentence(seen: Observation) -> None:
    """Every summary is a sentence that begins in lower case, ends once, shouts at nobody and has no word twice."""
    found = diagnose(seen).verdict
    assert found.summary.endswith(".")
    assert found.summary[0].islower() or found.summary[0].isdigit()
    assert "!" not in found.summary
    assert "  " not in found.summary
    assert [word for word, after in pairwise(found.summary.split()) if word == after] == []
    assert all(line and "!" not in line for line in (*found.evidence, *found.ruled_out, *found.next_commands))
