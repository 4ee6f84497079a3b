"""memory.stat of cgroup v1 and v2."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.memory_stat import MemoryStat, parse_memory_stat

# The root of 4.15, where the cgroup's own figures and those of its subtree differ.
V1 = """\
cache 13295616
rss 1695744
rss_huge 0
shmem 8192
mapped_file 8155136
dirty 0
writeback 0
pgpgin 10595
pgpgout 6935
pgfault 15680
pgmajfault 93
inactive_anon 0
active_anon 1703936
inactive_file 4423680
active_file 8863744
unevictable 0
hierarchical_memory_limit 9223372036854771712
total_cache 25276416
total_rss 11288576
total_rss_huge 0
total_shmem 28672
total_mapped_file 14884864
total_dirty 0
total_writeback 0
total_pgpgin 170172
total_pgpgout 161245
total_pgfault 279378
total_pgmajfault 178
total_inactive_anon 16384
total_active_anon 11272192
total_inactive_file 11710464
total_active_file 13537280
total_unevictable 0
"""
V1_VALUES = {
    "cache": 13_295_616,
    "rss": 1_695_744,
    "rss_huge": 0,
    "shmem": 8192,
    "mapped_file": 8_155_136,
    "dirty": 0,
    "writeback": 0,
    "pgpgin": 10_595,
    "pgpgout": 6935,
    "pgfault": 15_680,
    "pgmajfault": 93,
    "inactive_anon": 0,
    "active_anon": 1_703_936,
    "inactive_file": 4_423_680,
    "active_file": 8_863_744,
    "unevictable": 0,
    "hierarchical_memory_limit": 9_223_372_036_854_771_712,
    "total_cache": 25_276_416,
    "total_rss": 11_288_576,
    "total_rss_huge": 0,
    "total_shmem": 28_672,
    "total_mapped_file": 14_884_864,
    "total_dirty": 0,
    "total_writeback": 0,
    "total_pgpgin": 170_172,
    "total_pgpgout": 161_245,
    "total_pgfault": 279_378,
    "total_pgmajfault": 178,
    "total_inactive_anon": 16_384,
    "total_active_anon": 11_272_192,
    "total_inactive_file": 11_710_464,
    "total_active_file": 13_537_280,
    "total_unevictable": 0,
}
# The first lines of 6.1; percpu and sock came with 5.11 and 4.20, zswap with 5.19.
V2 = """\
anon 147456
file 8380416
kernel 1089536
kernel_stack 16384
pagetables 61440
sec_pagetables 0
percpu 2880
sock 0
vmalloc 0
shmem 4096
zswap 0
slab_reclaimable 874296
slab_unreclaimable 130136
slab 1004432
pgfault 5217
"""
V2_VALUES = {
    "anon": 147_456,
    "file": 8_380_416,
    "kernel": 1_089_536,
    "kernel_stack": 16_384,
    "pagetables": 61_440,
    "sec_pagetables": 0,
    "percpu": 2880,
    "sock": 0,
    "vmalloc": 0,
    "shmem": 4096,
    "zswap": 0,
    "slab_reclaimable": 874_296,
    "slab_unreclaimable": 130_136,
    "slab": 1_004_432,
    "pgfault": 5217,
}


def file_bytes(stat: MemoryStat) -> tuple[int | None, int | None, int | None, int | None]:
    """Give own and subtree page cache, own and subtree shared memory."""
    return stat.own_file_bytes, stat.subtree_file_bytes, stat.own_shmem_bytes, stat.subtree_shmem_bytes


def test_v1_tells_the_cgroup_from_its_subtree() -> None:
    """On v1 a cgroup's own figures are those without total_."""
    stat = parse_memory_stat(V1)
    assert stat == MemoryStat(V1_VALUES)
    assert file_bytes(stat) == (13_295_616, 25_276_416, 8192, 28_672)


def test_v2_tells_only_the_subtree() -> None:
    """On v2 every figure is that of the subtree, and what the cgroup alone is charged is not known."""
    stat = parse_memory_stat(V2)
    assert stat == MemoryStat(V2_VALUES)
    assert file_bytes(stat) == (None, 8_380_416, None, 4096)


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        # 4.4 had no shmem on v1: then it is not known, and not that of v2.
        ("cache 4096\ntotal_cache 8192\n", (4096, 8192, None, None)),
        ("cache 4096\nshmem 23\ntotal_cache 8192\n", (4096, 8192, None, None)),
        ("cache 0\nshmem 0\ntotal_cache 0\ntotal_shmem 0\n", (0, 0, 0, 0)),
        ("file 0\nshmem 0\n", (None, 0, None, 0)),
        ("anon 23\n", (None, None, None, None)),
    ],
)
def test_zero_is_told_from_unknown(text: str, figures: tuple[int | None, int | None, int | None, int | None]) -> None:
    """A figure is None where the kernel does not print it and 0 where it prints 0."""
    assert file_bytes(parse_memory_stat(text)) == figures


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "the file is empty"),
        ("cache 1\nrss\n", 2, "expected a name and a number, found 'rss'"),
        ("cache -1\n", 1, f"expected a number up to {U64_MAX}, found '-1'"),
        ("cache 1\nrss 1\ncache 1\n", 3, "'cache' occurs twice"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses an empty file and lines of another form."""
    assert refusal(parse_memory_stat, text) == ("memory.stat", line, why)
