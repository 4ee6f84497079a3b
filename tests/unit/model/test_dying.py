"""How many cgroups live and how many are dying, from each source that a kernel has."""

import pytest

from tests.fakes.build import beside, sample, v1, v2
from unreclaim.formats.cgroup_stat import CgroupStat
from unreclaim.model.cgroups import Hierarchy, Subtree
from unreclaim.model.dying import Count, count_controllers, count_memory, count_one, count_unified
from unreclaim.model.sample import Sample

V1_SOURCE = "/proc/cgroups num_cgroups minus live directories"
PART = "only a part of the hierarchy is visible here (container or bind mount)"
OTHERS_TOO = "counts cgroups that any controller still holds, not only this one"
UNTOLD = "the capture does not show whether this is the whole hierarchy"


def test_v1_subtracts_live_directories() -> None:
    """On v1 the dying are num_cgroups less the live directories: 355 - 15 on the captured 5.4 host, as kprobes say."""
    captured = v1(340, live=15)
    assert captured.num_cgroups == (355, 355)
    assert count_memory(sample(captured)) == Count("memory", 15, 340, V1_SOURCE, None, 340, 340)


@pytest.mark.parametrize(
    ("before", "after", "vanished", "dying", "low", "high"),
    [
        # 3 cgroups made during the walk: each is in the later count and may or may not be among the 40 live ones.
        (51, 54, 0, 14, 11, 14),
        # 3 were freed.
        (54, 51, 0, 11, 11, 14),
        # Of 40 directories that were listed 2 were gone when they were looked at: not live, perhaps dying.
        (51, 51, 2, 11, 11, 13),
        # More live directories than the kernel had cgroups before: made during the walk, so perhaps none is dying.
        (38, 41, 0, 1, 0, 1),
        # One was made and removed again while the others were looked at.
        (39, 39, 0, 0, 0, 0),
        (40, 40, 0, 0, 0, 0),
    ],
)
def test_v1_bounds_what_came_and_went(before: int, after: int, vanished: int, dying: int, low: int, high: int) -> None:
    """Where cgroups came or went during the walk, the counts before and after it bound the answer; never below 0."""
    hierarchy = v1(before - 40, live=40, then=after - 40, vanished=vanished)
    steady = low == high and after >= 40
    weakness = None if steady else "cgroups came and went while they were counted"
    assert hierarchy.num_cgroups == (before, after)
    assert count_one(hierarchy, "memory") == Count("memory", 40, dying, V1_SOURCE, weakness, low, high)


def test_v1_part_of_a_hierarchy_tells_nothing() -> None:
    """In a container num_cgroups is the whole host's and the directories are not: no difference is taken."""
    why = f"num_cgroups is the whole host's, but {PART}"
    assert count_one(v1(300, live=7, whole=False), "memory") == Count("memory", 7, None, "none", why)


@pytest.mark.parametrize(
    ("then", "weakness"),
    [(11, UNTOLD), (12, f"cgroups came and went while they were counted; {UNTOLD}")],
)
def test_v1_of_a_capture_says_that_it_may_be_a_part(then: int, weakness: str) -> None:
    """A capture that did not keep what tells the root of a hierarchy is counted, and its weakness is said."""
    assert count_one(v1(11, then=then, whole=None), "memory") == Count(
        "memory", 40, then, V1_SOURCE, weakness, 11, then
    )


def test_v1_without_one_of_its_figures_tells_nothing() -> None:
    """Without a row in /proc/cgroups, or without a walk, the dying are unknown, which is not zero."""
    no_row = Count("memory", 40, None, "none", "/proc/cgroups has no count for this hierarchy")
    no_walk = Count("memory", None, None, "none", "the live directories were not counted")
    neither = Count("memory", None, None, "none", "/proc/cgroups has no count for this hierarchy")
    assert count_one(v1(None), "memory") == no_row
    assert count_one(v1(11, live=None), "memory") == no_walk
    assert count_one(v1(None, live=None), "memory") == neither


def test_v2_takes_the_count_of_the_controller_itself() -> None:
    """From 6.12 on nr_dying_subsys_memory is the answer, and nr_subsys_memory the live ones, the root included."""
    hierarchy = v2(16, live=18, of_memory=15)
    assert count_one(hierarchy, "memory") == Count(
        "memory", 18, 15, "cgroup.stat: nr_dying_subsys_memory", None, 15, 15
    )


def test_v2_zero_of_the_controller_is_zero() -> None:
    """A printed 0 is 0: the count of all controllers does not stand in for it."""
    assert count_one(v2(16, of_memory=0), "memory").dying == 0


def test_v2_without_the_live_line_leaves_it_unknown() -> None:
    """A kernel that prints nr_dying_subsys_memory but not nr_subsys_memory does not say how many live."""
    stat = CgroupStat(17, 16, {}, {"memory": 15})
    hierarchy = Hierarchy(2, "unified", ("memory",), "/sys/fs/cgroup", whole=True, subtrees=(Subtree("/", 1, stat),))
    source = "cgroup.stat: nr_dying_subsys_memory"
    assert count_one(hierarchy, "memory") == Count("memory", None, 15, source, None, 15, 15)


def test_v2_before_6_12_takes_all_controllers_and_says_so() -> None:
    """Before 6.12 nr_dying_descendants has to do; live are nr_descendants and the root, which it leaves out."""
    source = "cgroup.stat: nr_dying_descendants"
    assert count_one(v2(16, live=18), "memory") == Count("memory", 18, 16, source, OTHERS_TOO, 16, 16)


def test_v2_ignores_proc_cgroups() -> None:
    """On v2 num_cgroups is the whole hierarchy's in every row, so it is not used: 38 = 19 live + 18 dying + root."""
    top = Subtree("/", 1, CgroupStat(19, 18))
    hierarchy = Hierarchy(
        2, "unified", ("memory",), "/sys/fs/cgroup", directories=20, num_cgroups=(38, 38), subtrees=(top,)
    )
    assert count_one(hierarchy, "memory").dying == 18


@pytest.mark.parametrize("of_memory", [None, 4])
def test_v2_part_of_a_hierarchy_counts_that_part_and_says_so(of_memory: int | None) -> None:
    """In a container cgroup.stat counts what is below the container: a figure, with its weakness."""
    weakness = PART if of_memory is not None else f"{OTHERS_TOO}; {PART}"
    count = count_one(v2(4, whole=False, of_memory=of_memory), "memory")
    assert (count.dying, count.weakness) == (4, weakness)
    unified = count_unified(sample(v2(4, whole=False, of_memory=of_memory)))
    assert unified == Count("unified", 40, 4, "cgroup.stat: nr_dying_descendants", PART, 4, 4)


@pytest.mark.parametrize(
    ("whole", "weakness"),
    [(True, "cgroup.stat could not be read"), (False, f"cgroup.stat could not be read; {PART}")],
)
def test_v2_without_cgroup_stat_tells_nothing(whole: bool, weakness: str) -> None:  # noqa: FBT001
    """Without cgroup.stat, or before 4.14, the dying are unknown; the directories that were walked are live."""
    hierarchy = Hierarchy(2, "unified", ("memory",), "/sys/fs/cgroup", whole, 40, 0, None, (Subtree("/", 1),))
    assert count_one(hierarchy, "memory") == Count("memory", 40, None, "none", f"{OTHERS_TOO}; {weakness}")
    assert count_unified(sample(hierarchy)) == Count("unified", 40, None, "none", weakness)
    untouched = Hierarchy(2, "unified", ("memory",), "/sys/fs/cgroup", whole)
    assert count_unified(sample(untouched)) == Count("unified", None, None, "none", weakness)


def test_hybrid_host_has_both_counts() -> None:
    """On a hybrid host the v1 memory count and the unified count are facts of their own: a leak may be in either."""
    hybrid = sample(beside(60), v1(3))
    memory = Count("memory", 40, 3, V1_SOURCE, None, 3, 3)
    unified = Count("unified", 30, 60, "cgroup.stat: nr_dying_descendants", None, 60, 60)
    assert (count_memory(hybrid), count_unified(hybrid)) == (memory, unified)
    assert count_controllers(hybrid) == (memory, unified)


def test_7_2_needs_no_row_of_proc_cgroups() -> None:
    """Debian's 7.2 has no memory row in /proc/cgroups: cgroup.stat of v2 answers all the same."""
    count = count_memory(sample(v2(6, live=21, of_memory=6)))
    assert count == Count("memory", 21, 6, "cgroup.stat: nr_dying_subsys_memory", None, 6, 6)


def test_every_controller_is_counted_memory_first() -> None:
    """Every controller is counted on the hierarchy that it is on, memory first and the others by name."""
    cpu = Hierarchy(
        1, "cpu,cpuacct", ("cpu", "cpuacct"), "/sys/fs/cgroup/cpu", directories=3, num_cgroups=(4, 4), whole=True
    )
    pids = Hierarchy(1, "pids", ("pids",), "/sys/fs/cgroup/pids", directories=14, num_cgroups=(14, 14), whole=True)
    systemd = Hierarchy(1, "name=systemd", (), "/sys/fs/cgroup/systemd")
    counts = count_controllers(sample(pids, systemd, cpu, v1(340, live=15), beside(0, live=15)))
    assert counts == (
        Count("memory", 15, 340, V1_SOURCE, None, 340, 340),
        Count("cpu", 3, 1, V1_SOURCE, None, 1, 1),
        Count("cpuacct", 3, 1, V1_SOURCE, None, 1, 1),
        Count("pids", 14, 0, V1_SOURCE, None, 0, 0),
        Count("unified", 15, 0, "cgroup.stat: nr_dying_descendants", None, 0, 0),
    )


def test_what_is_not_mounted_is_not_counted() -> None:
    """Without a memory controller, or without v2, there is nothing to count, which is not a count of zero."""
    assert count_memory(sample(beside(60))) is None
    assert count_unified(sample(v1(3))) is None
    assert count_controllers(Sample()) == ()
