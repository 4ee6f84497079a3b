"""Slab caches, ranked, and the fingerprint that memory cgroups leave in them."""

import pytest

from tests.fakes.build import host, observation, sample, slab
from unreclaim.analysis.slab import rank_slabs, read_fingerprint
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.model.diagnosis import Fingerprint, SlabUse
from unreclaim.model.dying import Count
from unreclaim.model.sample import Observation

DAY = 86_400


def seen(*slabs: tuple[SlabCache, ...] | None, aliases: dict[str, tuple[str, ...]] | None = None) -> Observation:
    """Observe caches once, or at both ends of ten seconds."""
    samples = [sample(uptime=1000.0 + 10 * index, slabs=caches) for index, caches in enumerate(slabs)]
    return observation(*samples, of=host(slab_aliases=aliases))


def test_caches_are_ranked_by_the_pages_they_hold() -> None:
    """A cache's size is its slabs' pages, used or not; the largest is first, and names decide where sizes are equal.

    dentry: 2,370 slabs of one page. kmalloc-4k: 5 slabs of 8 pages. Two caches of one page each. Growth is unknown.
    """
    caches = (
        slab("b", 10, 128, 32, 1),
        SlabCache("kmalloc-4k", 38, 40, 4096, 8, 8, 5, 5),
        slab("a", 10, 128, 32, 1),
        SlabCache("dentry", 36_908, 49_770, 192, 21, 1, 2370, 2370),
    )
    assert rank_slabs(seen(caches)) == (
        SlabUse("dentry", 49_770, 36_908, 192, 2370 * 4096, None),
        SlabUse("kmalloc-4k", 40, 38, 4096, 40 * 4096, None),
        SlabUse("a", 10, 10, 128, 4096, None),
        SlabUse("b", 10, 10, 128, 4096, None),
    )


def test_caches_that_are_nearly_empty_rank_by_what_they_hold() -> None:
    """One object may hold a slab of 8 pages: 32,768 bytes come before 64 objects of 64 bytes in one page."""
    caches = (slab("full", 64, 64, 64, 1), slab("hollow", 1, 2240, 14, 8))
    assert [(use.name, use.size_bytes) for use in rank_slabs(seen(caches))] == [("hollow", 32_768), ("full", 4096)]


def test_growth_is_in_pages_between_the_ends() -> None:
    """3 slabs of 8 pages more in ten seconds are 98,304 bytes, 8,640 times that a day; a cache that is new grew by all.

    One that shrinks grows by less than nothing, and one that is gone is not listed.
    """
    first = (slab("grows", 80, 4096, 8, 8), slab("shrinks", 80, 4096, 8, 8), slab("goes", 8, 4096, 8, 8))
    last = (slab("grows", 104, 4096, 8, 8), slab("shrinks", 72, 4096, 8, 8), slab("comes", 16, 4096, 8, 8))
    assert [(use.name, use.growth_bytes_per_day) for use in rank_slabs(seen(first, last))] == [
        ("grows", 3 * 32_768 * 8640.0),
        ("shrinks", -32_768 * 8640.0),
        ("comes", 2 * 32_768 * 8640.0),
    ]


def test_caches_of_one_name_stay_apart() -> None:
    """Two caches of one name (Mellanox cards) are told apart by their order: each has its own size and growth."""
    first = (slab("mlx5_fs_ftes", 272, 472, 17, 2), slab("x", 1, 64, 64, 1), slab("mlx5_fs_ftes", 119, 472, 17, 2))
    last = (slab("mlx5_fs_ftes", 272, 472, 17, 2), slab("x", 1, 64, 64, 1), slab("mlx5_fs_ftes", 136, 472, 17, 2))
    assert [
        (use.name, use.objects, use.size_bytes, use.growth_bytes_per_day) for use in rank_slabs(seen(first, last))
    ] == [
        ("mlx5_fs_ftes", 272, 16 * 8192, 0.0),
        ("mlx5_fs_ftes", 136, 8 * 8192, 8192 * 8640.0),
        ("x", 1, 4096, 0.0),
    ]


def test_merged_caches_are_named() -> None:
    """SLUB keeps like caches under one name: the others are named beside it, the name itself is not."""
    names = ("mem_cgroup_per_node", "pool_workqueue", "zspage")
    (use,) = rank_slabs(seen((slab("pool_workqueue", 8, 512, 8, 1),), aliases=dict.fromkeys(names, names)))
    assert use.merged_with == ("mem_cgroup_per_node", "zspage")


def test_without_slabinfo_there_are_no_caches() -> None:
    """A user may not read /proc/slabinfo: nothing is ranked. Where only the first was not read, growth is unknown."""
    assert rank_slabs(seen(None)) == ()
    assert rank_slabs(seen((slab("x", 1, 64, 64, 1),), None)) == ()
    (use,) = rank_slabs(seen(None, (slab("x", 1, 64, 64, 1),)))
    assert use == SlabUse("x", 1, 1, 64, 4096, None)


def test_without_a_page_size_objects_rank_them() -> None:
    """Where the page size is not known there is no size and no growth; objects x size still rank: 1200 before 1000."""
    caches = (slab("many", 100, 10, 128, 1), slab("few", 20, 60, 25, 1))
    blind = observation(
        sample(slabs=caches, uptime=1.0), sample(slabs=caches, uptime=2.0), of=host(page_size_bytes=None)
    )
    assert rank_slabs(blind) == (
        SlabUse("few", 20, 20, 60, None, None),
        SlabUse("many", 100, 100, 10, None, None),
    )


def test_large_pages_make_large_caches() -> None:
    """On arm64 with pages of 64 kB a slab of one page has 65,536 bytes."""
    large = observation(sample(slabs=(slab("x", 1, 64, 1024, 1),)), of=host(page_size_bytes=65_536))
    assert rank_slabs(large)[0].size_bytes == 65_536


def fingerprint(live: int, dying: int, *caches: SlabCache) -> Fingerprint | None:
    """Read the fingerprint of a host with so many cgroups."""
    return read_fingerprint(seen(caches), Count("memory", live, dying, ""))


@pytest.mark.parametrize(
    ("active", "ratio", "fits"),
    [(1000, 1.0, True), (800, 0.8, True), (1600, 1.6, True), (799, 0.8, True), (780, 0.78, False), (1700, 1.7, False)],
)
def test_fingerprint_is_one_mem_cgroup_for_each(active: int, ratio: float, fits: bool) -> None:  # noqa: FBT001
    """960 dying and 40 live are 1,000 mem_cgroup objects; the count of active ones lies somewhat above the truth."""
    found = fingerprint(40, 960, slab("mem_cgroup", 2000, 2240, 14, 8, active=active), slab("dentry", 9, 192, 21, 1))
    assert found == Fingerprint(1000, {"mem_cgroup": ratio}, fits)


def test_fingerprint_needs_the_kernels_own_cache() -> None:
    """Before 6.16 mem_cgroup is among kmalloc's: whether it fits cannot be told, also where slabinfo is unreadable."""
    assert fingerprint(40, 960, slab("kmalloc-4k", 1000, 4096, 8, 8)) == Fingerprint(1000, {}, None)
    assert read_fingerprint(seen(None), Count("memory", 40, 960, "")) == Fingerprint(1000, {}, None)


def test_few_cgroups_leave_no_fingerprint() -> None:
    """Below twenty the objects that wait on per-CPU lists outweigh the count."""
    cache = slab("mem_cgroup", 28, 2240, 14, 8)
    assert fingerprint(10, 9, cache) == Fingerprint(19, {"mem_cgroup": 1.47}, None)
    assert fingerprint(10, 10, cache) == Fingerprint(20, {"mem_cgroup": 1.4}, fits=True)
    assert fingerprint(0, 0, cache) == Fingerprint(0, {}, None)


def test_fingerprint_of_an_unknown_number_is_none() -> None:
    """There is nothing to compare where live or dying cannot be counted."""
    caches = seen((slab("mem_cgroup", 28, 2240, 14, 8),))
    assert read_fingerprint(caches, None) is None
    assert read_fingerprint(caches, Count("memory", None, 5, "")) is None
    assert read_fingerprint(caches, Count("memory", 5, None, "")) is None
