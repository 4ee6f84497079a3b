"""The quick ways through the files of physical pages give what a look at every page gives."""

import itertools
import struct
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from unreclaim.formats.kpagecgroup import BLOCK_PAGES, find_blocks, parse_kpagecgroup
from unreclaim.formats.kpageflags import COMPOUND_HEAD, COMPOUND_TAIL, count_flags, parse_kpageflags

unhurried = settings(deadline=None)
CGROUPS = st.sampled_from([0, 1, 7, 8, 2**64 - 1])
# Runs of one value as real memory has them, and single pages between.
RUNS = st.lists(st.tuples(CGROUPS, st.sampled_from([1, 2, 511, 512, 513])), max_size=8)
FLAGS = st.integers(0, 2**64 - 1).map(lambda flags: flags & ~(COMPOUND_HEAD | COMPOUND_TAIL))
WANTED = st.frozensets(CGROUPS.filter(bool))


def words(values: list[int]) -> bytes:
    """Write 64-bit words as the kernel does."""
    return struct.pack(f"{len(values)}Q", *values)


@unhurried
@given(RUNS, WANTED)
def test_blocks_are_those_with_a_wanted_cgroup(runs: list[tuple[int, int]], wanted: frozenset[int]) -> None:
    """Every block that holds a page of a wanted cgroup is in a stretch, no other is, and no stretches touch."""
    pages = [cgroup for cgroup, length in runs for _ in range(length)]
    found = find_blocks(words(pages), wanted)
    blocks = [start for start in range(0, len(pages), BLOCK_PAGES) if wanted & {*pages[start : start + BLOCK_PAGES]}]
    assert [start for first, end in found for start in range(first, end, BLOCK_PAGES)] == blocks
    assert all(end <= len(pages) for _, end in found)
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(found))


@unhurried
@given(st.lists(st.tuples(CGROUPS, FLAGS), max_size=1200), WANTED)
def test_counts_are_those_of_every_page(pages: list[tuple[int, int]], wanted: frozenset[int]) -> None:
    """Pages are counted by cgroup and flags as one by one; without large folios nothing is added."""
    cgroups, flags = words([cgroup for cgroup, _ in pages]), words([flag for _, flag in pages])
    counts = {
        (cgroup, flag): n for cgroup, kinds in count_flags(cgroups, flags, wanted).items() for flag, n in kinds.items()
    }
    assert counts == Counter((cgroup, flag) for cgroup, flag in pages if cgroup in wanted)
    assert parse_kpagecgroup(cgroups) == Counter(cgroup for cgroup, _ in pages)
    assert parse_kpageflags(flags) == Counter(flag for _, flag in pages)


@unhurried
@given(st.lists(st.tuples(CGROUPS, st.integers(0, 2**64 - 1)), max_size=600), WANTED)
def test_no_page_is_counted_twice(pages: list[tuple[int, int]], wanted: frozenset[int]) -> None:
    """Whatever the flags say of large folios, no more pages are counted than there are, and all wanted ones."""
    counts = count_flags(words([cgroup for cgroup, _ in pages]), words([flag for _, flag in pages]), wanted)
    counted = sum(sum(kinds.values()) for kinds in counts.values())
    assert sum(cgroup in wanted for cgroup, _ in pages) <= counted <= len(pages)
    assert counts.keys() <= wanted
