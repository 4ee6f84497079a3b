"""The ledger: where all of MemTotal is, line by line, and what no line of the kernel accounts for.

The kernel's figures are not a partition. Most lines are pages counted once (``exact``); a few overlap another line by
an amount that the kernel does not print (``at most``: between nothing and the whole figure is extra). What is left is
the *unaccounted* line, an interval: pages taken by drivers straight from the page allocator, per-CPU free lists, and
every line that this kernel does not print yet (Percpu before 4.20).
"""

from msgspec import Struct

from unreclaim.formats.meminfo import MemInfo
from unreclaim.model.sample import Sample


class Line(Struct, frozen=True):
    """One use of memory: bytes, whether the kernel can take it back, and the bounds where the figure overlaps.

    size_bytes None: this kernel does not say. low_bytes is what the line surely adds to the sum, high_bytes at most.
    """

    id: str
    title: str
    size_bytes: int | None
    reclaimable: bool
    relation: str = "exact"
    low_bytes: int = 0
    high_bytes: int = 0


class Ledger(Struct, frozen=True):
    """All lines, and the rest of MemTotal that they leave (with bounds; below zero: the kernel counted twice)."""

    mem_total_bytes: int
    lines: tuple[Line, ...]
    unaccounted_bytes: int
    unaccounted_low_bytes: int
    unaccounted_high_bytes: int

    @property
    def unknown(self) -> tuple[str, ...]:
        """Name the lines that this kernel does not print and that therefore hide in the unaccounted rest."""
        return tuple(line.title for line in self.lines if line.size_bytes is None)


def build_ledger(sample: Sample) -> Ledger | None:
    """Account for all of MemTotal; None without /proc/meminfo."""
    if sample.meminfo is None:
        return None
    lines = _lines(sample.meminfo, sample.zram_bytes)
    total = sample.meminfo.mem_total_bytes
    high = total - sum(line.low_bytes for line in lines)
    low = total - sum(line.high_bytes for line in lines)
    # The lower bound of an overlapping line is the likelier end: a kernel stack is vmalloc memory on most builds.
    return Ledger(total, lines, high, low, high)


def _lines(info: MemInfo, zram_bytes: int | None) -> tuple[Line, ...]:
    get = info.get
    cached, shmem = get("cached_bytes"), get("shmem_bytes")
    cache = None if cached is None else cached - (shmem or 0) + (get("buffers_bytes") or 0)
    kreclaimable, sreclaimable = get("kreclaimable_bytes"), get("sreclaimable_bytes")
    misc = None if kreclaimable is None or sreclaimable is None else max(0, kreclaimable - sreclaimable)
    return (
        _exact("free", "free", get("mem_free_bytes"), reclaimable=True),
        _exact("anon", "processes' anonymous memory", get("anon_pages_bytes"), reclaimable=False),
        _exact("page_cache", "page cache of files", cache, reclaimable=True),
        _exact("tmpfs", "tmpfs and shared memory", shmem, reclaimable=False),
        # Cached leaves the swap cache out, but a page of it that is mapped is in AnonPages too.
        _at_most("swap_cache", "swap cache", get("swap_cached_bytes"), reclaimable=True),
        _exact("sreclaimable", "slab, reclaimable", sreclaimable, reclaimable=True),
        _exact("kernel_misc", "other reclaimable kernel memory", misc, reclaimable=True),
        _exact("sunreclaim", "slab, unreclaimable", get("sunreclaim_bytes"), reclaimable=False),
        _exact("percpu", "per-CPU memory", get("percpu_bytes"), reclaimable=False),
        _exact("kernel_stack", "kernel stacks", get("kernel_stack_bytes"), reclaimable=False),
        _optional("shadow_call_stack", "shadow call stacks", get("shadow_call_stack_bytes")),
        _exact("page_tables", "page tables", get("page_tables_bytes"), reclaimable=False),
        _optional("sec_page_tables", "page tables of virtual machines and IOMMUs", get("sec_page_tables_bytes")),
        _vmalloc(get("vmalloc_used_bytes"), get("kernel_stack_bytes")),
        _exact("hugetlb", "huge pages set aside", _hugetlb(info), reclaimable=False),
        _optional("zswap", "compressed swap (zswap)", get("zswap_bytes")),
        _optional("zram", "compressed RAM disks (zram)", zram_bytes),
        _optional("bounce", "bounce buffers", get("bounce_bytes")),
        _optional("writeback_tmp", "FUSE writeback copies", get("writeback_tmp_bytes")),
        _optional("gpu", "graphics memory", _sum(get("gpu_active_bytes"), get("gpu_reclaim_bytes"))),
        _optional("hardware_corrupted", "pages set aside as broken", get("hardware_corrupted_bytes")),
    )


def _exact(name: str, title: str, size: int | None, *, reclaimable: bool) -> Line:
    return Line(name, title, size, reclaimable, "exact", size or 0, size or 0)


def _at_most(name: str, title: str, size: int | None, *, reclaimable: bool) -> Line:
    return Line(name, title, size, reclaimable, "at most", 0, size or 0)


def _optional(name: str, title: str, size: int | None) -> Line:
    # A line that only some builds and hosts have: without it there is no such memory to speak of.
    return _exact(name, title, size or 0, reclaimable=False)


def _vmalloc(used: int | None, stacks: int | None) -> Line:
    """With CONFIG_VMAP_STACK kernel stacks are vmalloc memory too; from 4.4 to 5.2 the kernel always prints 0.

    Source: a5ad88ce8c7f ("mm: get rid of 'vmalloc_info' from /proc/meminfo", 4.4), 97105f0ab7b8 ("mm: vmalloc: show
    number of vmalloc pages in /proc/meminfo", 5.3).
    """
    if not used:
        return Line("vmalloc", "vmalloc and modules", None, reclaimable=False, relation="at most")
    return Line(
        "vmalloc",
        "vmalloc and modules",
        used,
        reclaimable=False,
        relation="at most",
        low_bytes=max(0, used - (stacks or 0)),
        high_bytes=used,
    )


def _hugetlb(info: MemInfo) -> int | None:
    pages, size = info.get("huge_pages_total"), info.get("huge_page_size_bytes")
    by_default_size = 0 if pages is None or size is None else pages * size
    return info.values.get("hugetlb_bytes", by_default_size)


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)
