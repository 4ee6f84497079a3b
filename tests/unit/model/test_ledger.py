"""The ledger: all of MemTotal, line by line, and the rest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.build import meminfo, sample
from unreclaim.formats.meminfo import NAMES, MemInfo
from unreclaim.model.ledger import Ledger, Line, build_ledger
from unreclaim.model.sample import Sample

MIB = 2**20
SIZES = sorted(name for name in NAMES.values() if name != "mem_total_bytes")


def ledger_of(**mib: int) -> Ledger:
    """Build the ledger of a host that prints these lines, in MiB, and no others; counts of pages as they are."""
    values = {name: size if name.startswith("huge_pages_") else size * MIB for name, size in mib.items()}
    ledger = build_ledger(Sample(meminfo=MemInfo(values["mem_total_bytes"], values)))
    assert ledger is not None
    return ledger


def line_of(name: str, **mib: int) -> tuple[float | None, str, float, float]:
    """Give one line's size, relation and bounds, in MiB to the byte."""
    (line,) = (line for line in ledger_of(mem_total_bytes=1000, **mib).lines if line.id == name)
    assert line.reclaimable is (name in ("free", "page_cache", "swap_cache", "sreclaimable", "kernel_misc"))
    size = None if line.size_bytes is None else line.size_bytes / MIB
    return size, line.relation, line.low_bytes / MIB, line.high_bytes / MIB


def test_every_line_of_a_modern_host() -> None:
    """All lines come out in their order, each with the figure that the kernel prints.

    By hand: page cache is Cached 400 - Shmem 50 + Buffers 10 = 360; other reclaimable kernel memory is KReclaimable
    90 - SReclaimable 70 = 20; vmalloc may hold the kernel stacks, so 60 - 8 = 52 of it are surely extra; huge pages
    are Hugetlb 64. Sums: exact lines 100+200+360+50+70+20+40+30+8+9+3+64+4+1 = 959, shadow stacks 2, FUSE 5, graphics
    6+7, broken 11: 990. With vmalloc 52 (surely) 1042; at most 8 of vmalloc and 15 of swap cache more.
    """
    ledger = ledger_of(
        mem_total_bytes=2000,
        mem_free_bytes=100,
        anon_pages_bytes=200,
        cached_bytes=400,
        buffers_bytes=10,
        shmem_bytes=50,
        swap_cached_bytes=15,
        kreclaimable_bytes=90,
        sreclaimable_bytes=70,
        sunreclaim_bytes=40,
        percpu_bytes=30,
        kernel_stack_bytes=8,
        shadow_call_stack_bytes=2,
        page_tables_bytes=9,
        sec_page_tables_bytes=3,
        vmalloc_used_bytes=60,
        hugetlb_bytes=64,
        zswap_bytes=4,
        bounce_bytes=1,
        writeback_tmp_bytes=5,
        gpu_active_bytes=6,
        gpu_reclaim_bytes=7,
        hardware_corrupted_bytes=11,
    )
    figures = [
        ("free", 100, True, "exact", 100, 100),
        ("anon", 200, False, "exact", 200, 200),
        ("page_cache", 360, True, "exact", 360, 360),
        ("tmpfs", 50, False, "exact", 50, 50),
        ("swap_cache", 15, True, "at most", 0, 15),
        ("sreclaimable", 70, True, "exact", 70, 70),
        ("kernel_misc", 20, True, "exact", 20, 20),
        ("sunreclaim", 40, False, "exact", 40, 40),
        ("percpu", 30, False, "exact", 30, 30),
        ("kernel_stack", 8, False, "exact", 8, 8),
        ("shadow_call_stack", 2, False, "exact", 2, 2),
        ("page_tables", 9, False, "exact", 9, 9),
        ("sec_page_tables", 3, False, "exact", 3, 3),
        ("vmalloc", 60, False, "at most", 52, 60),
        ("hugetlb", 64, False, "exact", 64, 64),
        ("zswap", 4, False, "exact", 4, 4),
        ("zram", 0, False, "exact", 0, 0),
        ("bounce", 1, False, "exact", 1, 1),
        ("writeback_tmp", 5, False, "exact", 5, 5),
        ("gpu", 13, False, "exact", 13, 13),
        ("hardware_corrupted", 11, False, "exact", 11, 11),
    ]
    assert [
        (
            line.id,
            None if line.size_bytes is None else line.size_bytes / MIB,
            line.reclaimable,
            line.relation,
            line.low_bytes / MIB,
            line.high_bytes / MIB,
        )
        for line in ledger.lines
    ] == figures
    assert (ledger.mem_total_bytes, ledger.unknown) == (2000 * MIB, ())
    rest = (ledger.unaccounted_bytes, ledger.unaccounted_low_bytes, ledger.unaccounted_high_bytes)
    assert [size / MIB for size in rest] == [2000 - 1042, 2000 - 1042 - 15 - 8, 2000 - 1042]


def test_lines_that_an_old_kernel_does_not_print_hide_in_the_rest() -> None:
    """4.15 prints neither Percpu nor KReclaimable, and 0 for VmallocUsed: the ledger names all three as unknown."""
    ledger = ledger_of(
        mem_total_bytes=1000,
        mem_free_bytes=600,
        anon_pages_bytes=100,
        cached_bytes=150,
        buffers_bytes=50,
        shmem_bytes=0,
        swap_cached_bytes=0,
        sreclaimable_bytes=30,
        sunreclaim_bytes=12,
        kernel_stack_bytes=2,
        page_tables_bytes=1,
        vmalloc_used_bytes=0,
        huge_pages_total=0,
        huge_page_size_bytes=2,
    )
    assert ledger.unknown == ("other reclaimable kernel memory", "per-CPU memory", "vmalloc and modules")
    # 600 + 100 + 150 + 50 + 30 + 12 + 2 + 1 = 945
    assert (ledger.unaccounted_bytes, ledger.unaccounted_low_bytes) == (55 * MIB, 55 * MIB)


@pytest.mark.parametrize(
    ("name", "printed", "line"),
    [
        # From 4.4 to 5.2 the kernel prints 0 whatever is used.
        ("vmalloc", {"vmalloc_used_bytes": 0, "kernel_stack_bytes": 8}, (None, "at most", 0, 0)),
        ("vmalloc", {}, (None, "at most", 0, 0)),
        ("vmalloc", {"vmalloc_used_bytes": 60}, (60, "at most", 60, 60)),
        # Stacks that are not vmalloc memory (CONFIG_VMAP_STACK=n) may be more than all of it.
        ("vmalloc", {"vmalloc_used_bytes": 5, "kernel_stack_bytes": 8}, (5, "at most", 0, 5)),
        ("page_cache", {"buffers_bytes": 10}, (None, "exact", 0, 0)),
        ("page_cache", {"cached_bytes": 400}, (400, "exact", 400, 400)),
        ("kernel_misc", {"kreclaimable_bytes": 90}, (None, "exact", 0, 0)),
        ("kernel_misc", {"sreclaimable_bytes": 70}, (None, "exact", 0, 0)),
        # Read one after the other: SReclaimable may have grown past KReclaimable.
        ("kernel_misc", {"kreclaimable_bytes": 69, "sreclaimable_bytes": 70}, (0, "exact", 0, 0)),
        ("swap_cache", {}, (None, "at most", 0, 0)),
        # Hugetlb (4.20) adds up every size of huge page; before it, those of the default size are what can be told.
        (
            "hugetlb",
            {"huge_pages_total": 3, "huge_page_size_bytes": 2, "hugetlb_bytes": 1024},
            (1024, "exact", 1024, 1024),
        ),
        ("hugetlb", {"huge_pages_total": 3, "huge_page_size_bytes": 2}, (6, "exact", 6, 6)),
        ("hugetlb", {"huge_pages_total": 3}, (0, "exact", 0, 0)),
        ("hugetlb", {"huge_page_size_bytes": 2}, (0, "exact", 0, 0)),
        # No such line: no such memory on this build.
        ("gpu", {}, (0, "exact", 0, 0)),
        ("gpu", {"gpu_active_bytes": 6}, (6, "exact", 6, 6)),
        ("gpu", {"gpu_reclaim_bytes": 7}, (7, "exact", 7, 7)),
        ("zswap", {}, (0, "exact", 0, 0)),
        ("anon", {}, (None, "exact", 0, 0)),
    ],
)
def test_a_line_where_the_kernel_says_less(
    name: str, printed: dict[str, int], line: tuple[int | None, str, int, int]
) -> None:
    """A line that the kernel does not print is unknown, and overlaps are bounded by what is known."""
    assert line_of(name, **printed) == line


def test_zram_is_a_line_of_its_own() -> None:
    """Compressed RAM disks are counted by the sample, not by /proc/meminfo."""
    ledger = build_ledger(Sample(meminfo=MemInfo(5000, {"mem_total_bytes": 5000}), zram_bytes=1234))
    assert ledger is not None
    assert ledger.lines[16] == Line("zram", "compressed RAM disks (zram)", 1234, False, "exact", 1234, 1234)  # noqa: FBT003
    assert ledger.unaccounted_bytes == 5000 - 1234


def test_without_meminfo_there_is_no_ledger() -> None:
    """Nothing can be accounted for without /proc/meminfo."""
    assert build_ledger(Sample()) is None


def test_the_usual_host_of_the_tests_adds_up() -> None:
    """The host that other tests start from leaves a plausible rest: above zero and below a fifth of memory.

    By hand: 8 GiB free, 2 GiB anon, 4 GiB - 50 MB + 100 MB cache, 50 MB tmpfs, 200 + 10 MB reclaimable, 100 MB
    unreclaimable slab, 20 MB per-CPU, 10 MB stacks, 40 MB tables, 30 - 10 MB vmalloc: 2 GiB - 500 MB are left.
    """
    ledger = build_ledger(sample())
    assert ledger is not None
    assert ledger.unaccounted_bytes == 2 * 2**30 - 500_000_000
    assert build_ledger(sample(memory=meminfo(percpu_bytes=None))) != ledger


amounts = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(
    total=amounts,
    values=st.dictionaries(st.sampled_from(SIZES), amounts),
    zram=st.none() | amounts,
)
def test_lines_and_rest_are_all_of_memory(total: int, values: dict[str, int], zram: int | None) -> None:
    """Whatever is printed, lines and rest add up to MemTotal exactly, at both ends."""
    ledger = build_ledger(Sample(meminfo=MemInfo(total, {**values, "mem_total_bytes": total}), zram_bytes=zram))
    assert ledger is not None
    assert sum(line.low_bytes for line in ledger.lines) + ledger.unaccounted_high_bytes == total
    assert sum(line.high_bytes for line in ledger.lines) + ledger.unaccounted_low_bytes == total
    assert ledger.unaccounted_low_bytes <= ledger.unaccounted_bytes == ledger.unaccounted_high_bytes
    for line in ledger.lines:
        assert line.low_bytes <= line.high_bytes == (line.size_bytes or 0)
        assert line.relation in ("exact", "at most")
        assert line.relation == "at most" or line.low_bytes == line.high_bytes
    assert len({line.id for line in ledger.lines}) == len(ledger.lines) == 21
