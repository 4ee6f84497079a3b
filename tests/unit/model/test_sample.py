"""Samples and what is asked of them."""

from tests.fakes.build import beside, host, sample, v1, v2
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.sample import Observation, Sample

PIDS = Hierarchy(1, "pids", ("pids",), "/sys/fs/cgroup/pids")


def test_hierarchies_are_found_by_what_they_are() -> None:
    """The memory hierarchy is the one with that controller, on v1 or v2; the unified one is version 2."""
    hybrid = sample(PIDS, beside(0), v1())
    assert (hybrid.memory_hierarchy(), hybrid.unified_hierarchy()) == (v1(), beside(0))
    modern = sample(v2())
    assert (modern.memory_hierarchy(), modern.unified_hierarchy()) == (v2(), v2())
    neither = sample(PIDS)
    assert (neither.memory_hierarchy(), neither.unified_hierarchy()) == (None, None)


def test_window_is_between_the_first_and_the_last_sample() -> None:
    """The window is in the host's own time since boot, so that a step of its clock does not matter."""
    first, middle, last = sample(uptime=100.25), sample(uptime=103.0), sample(uptime=110.5)
    seen = Observation(host(), (first, middle, last))
    assert (seen.first, seen.last, seen.window_seconds, seen.captured) == (first, last, 10.25, False)
    assert Observation(host(), (first,)).window_seconds == 0.0


def test_window_is_zero_where_the_time_is_not_known() -> None:
    """Without an uptime at either end no window can be told."""
    timed, untimed = sample(uptime=100.0), Sample()
    assert Observation(host(), (timed, untimed)).window_seconds == 0.0
    assert Observation(host(), (untimed, timed)).window_seconds == 0.0


def test_window_is_zero_across_a_reboot() -> None:
    """Where the uptime fell the host was booted in between, and how long that took is not known."""
    assert Observation(host(), (sample(uptime=1000.0), sample(uptime=50.0))).window_seconds == 0.0
