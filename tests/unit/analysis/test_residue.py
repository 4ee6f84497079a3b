"""What dying cgroups hold, by subtraction of the living from what a living cgroup is charged."""

import pytest

from tests.fakes.build import held, host, v1_charge, v2_charge
from unreclaim.analysis.residue import count_untold, counter_slack_bytes, find_residues
from unreclaim.formats.memory_stat import MemoryStat
from unreclaim.model.cgroups import Charge
from unreclaim.model.diagnosis import Residue
from unreclaim.model.host import Host


def test_v1_statistics_leave_over_what_the_dead_hold() -> None:
    """total_cache of a cgroup is its own cache, its living children's, and that of the dead.

    The root has 900 in all: 300 are its own, 500 its child's, 100 are left. The slice has 500: 20 own, 180 its
    service's, 300 are left, of which 40 are tmpfs (60 in all less 20 of the service).
    """
    charges = (
        v1_charge("/", "/system.slice", own=300, total=900, total_shmem=60),
        v1_charge("/system.slice", "/system.slice/cron.service", own=20, total=500, total_shmem=60),
        v1_charge("/system.slice/cron.service", own=180, total=180, own_shmem=20, total_shmem=20),
    )
    assert find_residues(charges, None) == (Residue("/system.slice", 300, 40), Residue("/", 100, 0))


def test_live_measurement_on_6_18() -> None:
    """2,046 pages of removed cgroups showed as 8.38 MB of total_cache above no living child and no cache of its own."""
    charges = (v1_charge("/", "/flappy", own=0, total=8_380_416), v1_charge("/flappy", total=8_380_416))
    assert find_residues(charges, None) == (Residue("/flappy", 2046 * 4096, 0),)


BATCH = 32 * 4096


def test_counters_of_5_4_show_what_its_statistics_hide() -> None:
    """The captured 5.4 host: its 300 dead held four pages each below flappy.slice, and memory.stat says 0.

    usage 6,144,000 less kernel memory 1,228,800 is 4,915,200 = 300 x 4 x 4096. Later, with 330 dead: 6,754,304 -
    1,347,584 = 5,406,720 = 330 x 4 x 4096. One batch of 32 pages may have been charged in advance on its one CPU.
    """
    slack = counter_slack_bytes(host(kernel="5.4.1", cpus=1))
    assert slack == BATCH
    for dead, usage, kernel in ((300, 6_144_000, 1_228_800), (330, 6_754_304, 1_347_584)):
        charges = (v1_charge("/flappy.slice", usage=usage, kernel=kernel),)
        assert find_residues(charges, slack) == (Residue("/flappy.slice", dead * 4 * 4096 - BATCH, 0),)


@pytest.mark.parametrize(
    ("facts", "slack"),
    [
        (host(kernel="5.4.1", cpus=1), BATCH),
        (host(kernel="4.15.0-213-generic", cpus=64), 64 * BATCH),
        (host(kernel="5.11.0", cpus=2), 2 * BATCH),
        (host(kernel="4.18.0", cpus=2, page_size_bytes=65_536), 2 * 32 * 65_536),
        (host(kernel="5.4.1", cpus=None, page_size_bytes=None), BATCH),
        # From 5.12 on the statistics are exact; of an unknown kernel the counters are not trusted.
        (host(kernel="5.12.0"), None),
        (host(kernel="6.18.44"), None),
        (host(kernel="custom"), None),
    ],
)
def test_counters_are_asked_before_5_12_and_doubted_by_a_batch_for_each_cpu(facts: Host, slack: int | None) -> None:
    """MEMCG_CHARGE_BATCH pages may wait on each CPU, charged in advance."""
    assert counter_slack_bytes(facts) == slack


def test_counters_of_living_children_are_taken_away() -> None:
    """Below a slice: (1,000,000 - 100,000) less (300,000 - 50,000) and (40,000 - 10,000) leaves 620,000."""
    charges = (
        v1_charge("/s", "/s/a", "/s/b", usage=1_000_000, kernel=100_000),
        v1_charge("/s/a", own=1, total=1, usage=300_000, kernel=50_000),
        v1_charge("/s/b", rss=1, usage=40_000, kernel=10_000),
    )
    assert find_residues(charges, 0) == (Residue("/s", 620_000, 0),)
    assert find_residues(charges, 619_999) == (Residue("/s", 1, 0),)
    assert find_residues(charges, 620_000) == find_residues(charges, None) == ()


def test_counters_are_not_asked_where_they_would_mislead() -> None:
    """With pages of its own (cache or anonymous), at the root, or with a counter missing, they say nothing."""
    charges = (
        v1_charge("/", usage=37_548_032, kernel=4_128_768),
        v1_charge("/cache", own=4096, total=4096, usage=1_000_000, kernel=0),
        v1_charge("/anon", rss=4096, usage=1_000_000, kernel=0),
        v1_charge("/nokmem", usage=1_000_000),
        v1_charge("/odd", kernel=1),
        v1_charge("/parent", "/parent/child", usage=1_000_000, kernel=0),
        v1_charge("/parent/child", usage=1_000_000),
    )
    assert find_residues(charges, 0) == ()


def test_statistics_come_before_counters() -> None:
    """Counters are asked only where the statistics say nothing."""
    charges = (v1_charge("/s", total=4096, usage=1_000_000, kernel=0),)
    assert find_residues(charges, 0) == (Residue("/s", 4096, 0),)


def test_v2_shows_it_where_there_are_children() -> None:
    """v2 prints the subtree's only. A cgroup with children has no processes: file 900 - 300 - 200 = 400 is the dead's.

    shmem: 90 - 30 - 0 = 60. The root and cgroups without children have processes of their own and tell nothing.
    """
    charges = (
        v2_charge("/", "/system.slice", file=5000),
        v2_charge("/system.slice", "/system.slice/a", "/system.slice/b", file=900, shmem=90),
        v2_charge("/system.slice/a", file=300, shmem=30),
        v2_charge("/system.slice/b", file=200),
    )
    assert find_residues(charges, None) == (Residue("/system.slice", 400, 60),)


def test_v2_shows_it_where_nobody_runs() -> None:
    """A slice whose units are all dying has no children either; as nobody runs in it, the pages are theirs."""
    left = v2_charge("/flappy.slice", file=94_208, shmem=4096, nr_dying=23, populated=False)
    beside = v2_charge("/app.service", file=8192, nr_dying=5, populated=True)
    root = v2_charge("/", "/flappy.slice", "/app.service", file=204_800, nr_dying=30)
    charges = (root, left, beside)
    assert find_residues(charges) == (Residue("/flappy.slice", 94_208, 4096),)
    # Five are beside the processes of a service, and two right below the root.
    assert count_untold(charges) == 7


def test_v1_leaves_nothing_untold() -> None:
    """v1 says what is a cgroup's own, and v2 without counts of dying cgroups says nothing of them."""
    assert count_untold(held(4096)) == 0
    assert count_untold((v2_charge("/"), v2_charge("/a", populated=True))) == 0


def test_a_child_that_was_not_read_leaves_its_parent_out() -> None:
    """The charge of a child that vanished, or could not be read, would be taken for the dead's."""
    charges = (
        v1_charge("/", "/a", "/gone", own=0, total=900),
        v1_charge("/a", total=100),
    )
    assert find_residues(charges, None) == (Residue("/a", 100, 0),)


def test_more_in_the_children_than_in_the_parent_is_nothing() -> None:
    """Charges are read one after the other, so a child may have grown past its parent: never below zero."""
    charges = (
        v1_charge("/s", "/s/a", total=100, total_shmem=1, usage=5, kernel=9),
        v1_charge("/s/a", own=200, total=200, own_shmem=2, total_shmem=2, usage=0, kernel=0),
    )
    assert find_residues(charges, 0) == ()


def test_tmpfs_is_part_of_the_page_cache() -> None:
    """The tmpfs part is never more than the whole, also where it was read a moment later."""
    charges = (v1_charge("/s", total=4096, total_shmem=8192),)
    assert find_residues(charges, None) == (Residue("/s", 4096, 4096),)


def test_statistics_that_lack_the_lines_tell_nothing() -> None:
    """Without page cache in memory.stat nothing is taken from nothing."""
    bare = MemoryStat({"rss": 5})
    charges = (
        Charge("/s", ("/s/a",), bare),
        Charge("/s/a", (), bare),
        Charge("/t", ("/t/a",), MemoryStat({"file": 900, "shmem": 0})),
        Charge("/t/a", (), bare),
        Charge("/u", (), MemoryStat({"cache": 0, "total_cache": 700})),
        Charge("/w", ("/w/a",), bare),
        Charge("/w/a", (), MemoryStat({"file": 0, "shmem": 0})),
    )
    assert find_residues(charges, None) == (Residue("/u", 700, 0),)


def test_largest_comes_first() -> None:
    """Residues are ranked by size, and by path where they are equal."""
    charges = tuple(v1_charge(path, total=size) for path, size in (("/b", 10), ("/c", 99), ("/a", 10), ("/d", 0)))
    assert find_residues(charges, None) == (Residue("/c", 99, 0), Residue("/a", 10, 0), Residue("/b", 10, 0))


def test_nothing_charged_is_nothing_held() -> None:
    """A host without cgroups, or one that is quiet, has no residues."""
    assert find_residues((), None) == ()
    assert find_residues((v1_charge("/", "/a", own=5, total=10), v1_charge("/a", own=5, total=5)), None) == ()
