"""/proc/meminfo."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.meminfo import NAMES, MemInfo, UnknownLine, _plain_values, parse_meminfo

FILE = "/proc/meminfo"
LARGEST = 2**64 // 1024 - 1

KERNEL_4_15 = """\
MemTotal:        2052132 kB
MemFree:         1971024 kB
MemAvailable:    1956648 kB
Buffers:            2240 kB
Cached:            22368 kB
SwapCached:            0 kB
Active:            23964 kB
Inactive:          11380 kB
Active(anon):      10744 kB
Inactive(anon):       16 kB
Active(file):      13220 kB
Inactive(file):    11364 kB
Unevictable:           0 kB
Mlocked:               0 kB
SwapTotal:             0 kB
SwapFree:              0 kB
Dirty:                 0 kB
Writeback:             0 kB
AnonPages:         10740 kB
Mapped:            14476 kB
Shmem:                28 kB
Slab:              26040 kB
SReclaimable:      14248 kB
SUnreclaim:        11792 kB
KernelStack:         752 kB
PageTables:          232 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:     1026064 kB
Committed_AS:      23052 kB
VmallocTotal:   34359738367 kB
VmallocUsed:           0 kB
VmallocChunk:          0 kB
AnonHugePages:         0 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
DirectMap4k:       20340 kB
DirectMap2M:     2076672 kB
"""
KIB_4_15 = {
    "mem_total_bytes": 2_052_132,
    "mem_free_bytes": 1_971_024,
    "mem_available_bytes": 1_956_648,
    "buffers_bytes": 2_240,
    "cached_bytes": 22_368,
    "swap_cached_bytes": 0,
    "active_bytes": 23_964,
    "inactive_bytes": 11_380,
    "active_anon_bytes": 10_744,
    "inactive_anon_bytes": 16,
    "active_file_bytes": 13_220,
    "inactive_file_bytes": 11_364,
    "unevictable_bytes": 0,
    "mlocked_bytes": 0,
    "swap_total_bytes": 0,
    "swap_free_bytes": 0,
    "dirty_bytes": 0,
    "writeback_bytes": 0,
    "anon_pages_bytes": 10_740,
    "mapped_bytes": 14_476,
    "shmem_bytes": 28,
    "slab_bytes": 26_040,
    "sreclaimable_bytes": 14_248,
    "sunreclaim_bytes": 11_792,
    "kernel_stack_bytes": 752,
    "page_tables_bytes": 232,
    "nfs_unstable_bytes": 0,
    "bounce_bytes": 0,
    "writeback_tmp_bytes": 0,
    "commit_limit_bytes": 1_026_064,
    "committed_as_bytes": 23_052,
    "vmalloc_total_bytes": 34_359_738_367,
    "vmalloc_used_bytes": 0,
    "vmalloc_chunk_bytes": 0,
    "anon_huge_pages_bytes": 0,
    "shmem_huge_pages_bytes": 0,
    "shmem_pmd_mapped_bytes": 0,
    "huge_page_size_bytes": 2_048,
    "direct_map_4k_bytes": 20_340,
    "direct_map_2m_bytes": 2_076_672,
}
KERNEL_6_18 = """\
MemTotal:       24683656 kB
MemFree:        23949480 kB
MemAvailable:   24301396 kB
Buffers:           18332 kB
Cached:           497444 kB
SwapCached:            0 kB
Active:           176432 kB
Inactive:         337124 kB
Active(anon):       1520 kB
Inactive(anon):     5188 kB
Active(file):     174912 kB
Inactive(file):   331936 kB
Unevictable:       11876 kB
Mlocked:           10868 kB
SwapTotal:             0 kB
SwapFree:              0 kB
Zswap:                 0 kB
Zswapped:              0 kB
Dirty:              4304 kB
Writeback:             0 kB
AnonPages:          9680 kB
Mapped:            10748 kB
Shmem:              8924 kB
KReclaimable:     102296 kB
Slab:             127424 kB
SReclaimable:     102296 kB
SUnreclaim:        25128 kB
KernelStack:        1324 kB
PageTables:         1456 kB
SecPageTables:         0 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    12341828 kB
Committed_AS:      53708 kB
VmallocTotal:   34359738367 kB
VmallocUsed:       14124 kB
VmallocChunk:          0 kB
Percpu:              688 kB
AnonHugePages:         0 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:         0 kB
FilePmdMapped:         0 kB
Balloon:               0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:               0 kB
DirectMap4k:       30720 kB
DirectMap2M:     2066432 kB
DirectMap1G:    25165824 kB
"""
KIB_6_18 = {
    "mem_total_bytes": 24_683_656,
    "mem_free_bytes": 23_949_480,
    "mem_available_bytes": 24_301_396,
    "buffers_bytes": 18_332,
    "cached_bytes": 497_444,
    "swap_cached_bytes": 0,
    "active_bytes": 176_432,
    "inactive_bytes": 337_124,
    "active_anon_bytes": 1_520,
    "inactive_anon_bytes": 5_188,
    "active_file_bytes": 174_912,
    "inactive_file_bytes": 331_936,
    "unevictable_bytes": 11_876,
    "mlocked_bytes": 10_868,
    "swap_total_bytes": 0,
    "swap_free_bytes": 0,
    "zswap_bytes": 0,
    "zswapped_bytes": 0,
    "dirty_bytes": 4_304,
    "writeback_bytes": 0,
    "anon_pages_bytes": 9_680,
    "mapped_bytes": 10_748,
    "shmem_bytes": 8_924,
    "kreclaimable_bytes": 102_296,
    "slab_bytes": 127_424,
    "sreclaimable_bytes": 102_296,
    "sunreclaim_bytes": 25_128,
    "kernel_stack_bytes": 1_324,
    "page_tables_bytes": 1_456,
    "sec_page_tables_bytes": 0,
    "nfs_unstable_bytes": 0,
    "bounce_bytes": 0,
    "writeback_tmp_bytes": 0,
    "commit_limit_bytes": 12_341_828,
    "committed_as_bytes": 53_708,
    "vmalloc_total_bytes": 34_359_738_367,
    "vmalloc_used_bytes": 14_124,
    "vmalloc_chunk_bytes": 0,
    "percpu_bytes": 688,
    "anon_huge_pages_bytes": 0,
    "shmem_huge_pages_bytes": 0,
    "shmem_pmd_mapped_bytes": 0,
    "file_huge_pages_bytes": 0,
    "file_pmd_mapped_bytes": 0,
    "balloon_bytes": 0,
    "huge_page_size_bytes": 2_048,
    "hugetlb_bytes": 0,
    "direct_map_4k_bytes": 30_720,
    "direct_map_2m_bytes": 2_066_432,
    "direct_map_1g_bytes": 25_165_824,
}
# Lines that neither of the two prints.
ELSEWHERE = {
    "ShadowCallStack": "shadow_call_stack_bytes",
    "EarlyMemtestBad": "early_memtest_bad_bytes",
    "HardwareCorrupted": "hardware_corrupted_bytes",
    "CmaTotal": "cma_total_bytes",
    "CmaFree": "cma_free_bytes",
    "Unaccepted": "unaccepted_bytes",
    "GPUActive": "gpu_active_bytes",
    "GPUReclaim": "gpu_reclaim_bytes",
    "Quicklists": "quicklists_bytes",
    "HighTotal": "high_total_bytes",
    "HighFree": "high_free_bytes",
    "LowTotal": "low_total_bytes",
    "LowFree": "low_free_bytes",
    "MmapCopy": "mmap_copy_bytes",
    "DirectMap64k": "direct_map_64k_bytes",
    "DirectMap1M": "direct_map_1m_bytes",
    "DirectMap4M": "direct_map_4m_bytes",
    "DirectMap2G": "direct_map_2g_bytes",
}
HUGE_PAGES = {
    "huge_pages_total": 0,
    "huge_pages_free": 0,
    "huge_pages_reserved": 0,
    "huge_pages_surplus": 0,
}


@pytest.mark.parametrize(("text", "sizes"), [(KERNEL_4_15, KIB_4_15), (KERNEL_6_18, KIB_6_18)], ids=["4.15", "6.18"])
def test_every_line_is_read(text: str, sizes: dict[str, int]) -> None:
    """The parser reads the whole file in its order: sizes as bytes, counts of huge pages as they are."""
    expected = {name: kib * 1024 for name, kib in sizes.items()} | HUGE_PAGES
    meminfo = parse_meminfo(text)
    assert meminfo == MemInfo(expected["mem_total_bytes"], expected, ())
    printed = [NAMES[line.partition(":")[0]] for line in text.splitlines()]
    assert list(meminfo.values) == printed


@pytest.mark.parametrize("text", [KERNEL_4_15, KERNEL_6_18], ids=["4.15", "6.18"])
def test_plain_files_are_read_quickly_and_alike(text: str) -> None:
    """The parser reads what kernels print at once, and alike where another line forbids the quick way."""
    meminfo = parse_meminfo(text)
    assert _plain_values(text) == meminfo.values
    assert _plain_values(text + "Odd: 1\n") is None
    odd = (UnknownLine("Odd", 1, is_bytes=False),)
    assert parse_meminfo(text + "Odd: 1\n") == MemInfo(meminfo.mem_total_bytes, meminfo.values, odd)


def test_get_tells_zero_from_unknown() -> None:
    """Get gives 0 where the kernel prints 0, and None where it prints no such line."""
    old = parse_meminfo(KERNEL_4_15)
    assert [old.get(field) for field in ("sunreclaim_bytes", "bounce_bytes", "percpu_bytes")] == [
        12_075_008,
        0,
        None,
    ]


def test_names_of_other_kernels_are_known() -> None:
    """The parser knows lines of other architectures and configurations, and no more than those shown here."""
    text = "MemTotal: 2 kB\n" + "".join(f"{name}: 23 kB\n" for name in ELSEWHERE)
    expected = dict.fromkeys(ELSEWHERE.values(), 23 * 1024) | {"mem_total_bytes": 2048}
    assert parse_meminfo(text) == MemInfo(2048, expected)
    shown = {line.partition(":")[0] for line in (KERNEL_4_15 + KERNEL_6_18).splitlines()}
    assert NAMES.keys() == shown | ELSEWHERE.keys()


def test_no_two_names_are_one_field() -> None:
    """Each line of the kernel has a field of its own."""
    assert len(set(NAMES.values())) == len(NAMES)


def test_unknown_lines_are_kept() -> None:
    """The parser keeps lines that it does not know, in their order, with or without a unit or a space."""
    text = "MemTotal: 4 kB\nZoned Out:\t 2 kB\nSheaves :  7\nnode 0 MemFree: 1 kB\n"
    assert parse_meminfo(text) == MemInfo(
        4096,
        {"mem_total_bytes": 4096},
        (
            UnknownLine("Zoned Out", 2048, is_bytes=True),
            UnknownLine("Sheaves", 7, is_bytes=False),
            UnknownLine("node 0 MemFree", 1024, is_bytes=True),
        ),
    )


def test_largest_size_fits() -> None:
    """The parser takes as many kB as make 64 bits of bytes."""
    expected = MemInfo(LARGEST * 1024, {"mem_total_bytes": LARGEST * 1024})
    assert parse_meminfo(f"MemTotal: {LARGEST} kB\n") == expected


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "no MemTotal line"),
        ("MemFree: 1 kB\n", 0, "no MemTotal line"),
        ("MemTotal 1 kB\n", 1, "expected 'Name: number kB', found 'MemTotal 1 kB'"),
        ("MemTotal: 1 kB\n\n", 2, "expected 'Name: number kB', found ''"),
        # Cut off, or with a bad line where the last newline is missing: as many lines as newlines are good.
        ("MemTotal: 1 kB\nMemFr", 2, "expected 'Name: number kB', found 'MemFr'"),
        ("MemTotal: 1 kB\nMemFree:\nBuffers: 1 kB", 2, "expected 'Name: number kB', found 'MemFree:'"),
        ("MemTotal: 1 kB\nMemFree:\n", 2, "expected 'Name: number kB', found 'MemFree:'"),
        ("MemTotal: 1 kB\n: 1 kB\n", 2, "expected 'Name: number kB', found ': 1 kB'"),
        ("MemTotal: 1 kB\n : 1 kB\n", 2, "expected 'Name: number kB', found ' : 1 kB'"),
        ("MemTotal: 1 MB\n", 1, "expected 'Name: number kB', found 'MemTotal: 1 MB'"),
        ("MemTotal: 1 kB kB\n", 1, "expected 'Name: number kB', found 'MemTotal: 1 kB kB'"),
        (
            "MemTotal: 1 kB\x0cMemFree: 1 kB\nx",
            1,
            r"expected 'Name: number kB', found 'MemTotal: 1 kB\x0cMemFree: 1 kB'",
        ),
        ("MemTotal: 1 kB\nMemTotal: 1 kB\n", 2, "'MemTotal' occurs twice"),
        ("MemTotal: 1 kB\nX: 1\nX: 2\n", 3, "'X' occurs twice"),
        ("MemTotal: 1\n", 1, "'MemTotal' with another unit than it has"),
        ("HugePages_Total: 1 kB\n", 1, "'HugePages_Total' with another unit than it has"),
        ("MemTotal: -1 kB\n", 1, f"expected a number up to {LARGEST}, found '-1'"),
        ("MemTotal: 1_0 kB\n", 1, f"expected a number up to {LARGEST}, found '1_0'"),
        (f"MemTotal: {LARGEST + 1} kB\n", 1, f"expected a number up to {LARGEST}, found '{LARGEST + 1}'"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses lines of another form or unit, a second line of one name, and no MemTotal."""
    assert refusal(parse_meminfo, text) == (FILE, line, why)
