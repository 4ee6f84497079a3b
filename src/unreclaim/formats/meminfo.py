"""/proc/meminfo: where the kernel says the memory is.

Source: Documentation/filesystems/proc.rst "meminfo"; meminfo_proc_show() in fs/proc/meminfo.c
Needs: nothing. Percpu since 4.20, KReclaimable 4.20, SecPageTables 6.1, Zswap 5.19. Inside a container lxcfs may
    have rewritten it.

Example::

    MemTotal:       24683656 kB
    MemFree:        24502540 kB
    SUnreclaim:        20276 kB
    Percpu:              688 kB
    HugePages_Total:       0
    Hugepagesize:       2048 kB
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.base.units import KIB
from unreclaim.formats._tokens import U64_MAX, lines_of, many_unsigned, shown, unsigned

FILE = "/proc/meminfo"
_PLAIN_LINE = re.compile(r"^([^\s:]++): ++([0-9]{1,16}+)( kB)?$", re.MULTILINE)
# Each part begins where the one before it must end, so a long line takes no long time.
_LINE = re.compile(r"\s*([^\s:][^:]*):\s*(\S+)(\s+kB)?\s*")

NAMES = {
    "MemTotal": "mem_total_bytes",
    "MemFree": "mem_free_bytes",
    "MemAvailable": "mem_available_bytes",
    "Buffers": "buffers_bytes",
    "Cached": "cached_bytes",
    "SwapCached": "swap_cached_bytes",
    "Active": "active_bytes",
    "Inactive": "inactive_bytes",
    "Active(anon)": "active_anon_bytes",
    "Inactive(anon)": "inactive_anon_bytes",
    "Active(file)": "active_file_bytes",
    "Inactive(file)": "inactive_file_bytes",
    "Unevictable": "unevictable_bytes",
    "Mlocked": "mlocked_bytes",
    "SwapTotal": "swap_total_bytes",
    "SwapFree": "swap_free_bytes",
    "Zswap": "zswap_bytes",
    "Zswapped": "zswapped_bytes",
    "Dirty": "dirty_bytes",
    "Writeback": "writeback_bytes",
    "AnonPages": "anon_pages_bytes",
    "Mapped": "mapped_bytes",
    "Shmem": "shmem_bytes",
    "KReclaimable": "kreclaimable_bytes",
    "Slab": "slab_bytes",
    "SReclaimable": "sreclaimable_bytes",
    "SUnreclaim": "sunreclaim_bytes",
    "KernelStack": "kernel_stack_bytes",
    "ShadowCallStack": "shadow_call_stack_bytes",
    "PageTables": "page_tables_bytes",
    "SecPageTables": "sec_page_tables_bytes",
    "NFS_Unstable": "nfs_unstable_bytes",
    "Bounce": "bounce_bytes",
    "WritebackTmp": "writeback_tmp_bytes",
    "CommitLimit": "commit_limit_bytes",
    "Committed_AS": "committed_as_bytes",
    "VmallocTotal": "vmalloc_total_bytes",
    "VmallocUsed": "vmalloc_used_bytes",
    "VmallocChunk": "vmalloc_chunk_bytes",
    "Percpu": "percpu_bytes",
    "EarlyMemtestBad": "early_memtest_bad_bytes",
    "HardwareCorrupted": "hardware_corrupted_bytes",
    "AnonHugePages": "anon_huge_pages_bytes",
    "ShmemHugePages": "shmem_huge_pages_bytes",
    "ShmemPmdMapped": "shmem_pmd_mapped_bytes",
    "FileHugePages": "file_huge_pages_bytes",
    "FilePmdMapped": "file_pmd_mapped_bytes",
    "CmaTotal": "cma_total_bytes",
    "CmaFree": "cma_free_bytes",
    "Unaccepted": "unaccepted_bytes",
    "Balloon": "balloon_bytes",
    "GPUActive": "gpu_active_bytes",
    "GPUReclaim": "gpu_reclaim_bytes",
    "HugePages_Total": "huge_pages_total",
    "HugePages_Free": "huge_pages_free",
    "HugePages_Rsvd": "huge_pages_reserved",
    "HugePages_Surp": "huge_pages_surplus",
    "Hugepagesize": "huge_page_size_bytes",
    "Hugetlb": "hugetlb_bytes",
    "Quicklists": "quicklists_bytes",
    "HighTotal": "high_total_bytes",
    "HighFree": "high_free_bytes",
    "LowTotal": "low_total_bytes",
    "LowFree": "low_free_bytes",
    "MmapCopy": "mmap_copy_bytes",
    "DirectMap4k": "direct_map_4k_bytes",
    "DirectMap64k": "direct_map_64k_bytes",
    "DirectMap1M": "direct_map_1m_bytes",
    "DirectMap2M": "direct_map_2m_bytes",
    "DirectMap4M": "direct_map_4m_bytes",
    "DirectMap2G": "direct_map_2g_bytes",
    "DirectMap1G": "direct_map_1g_bytes",
}
"""The kernel's name of each line and ours; all are bytes but the ``huge_pages_*`` counts."""


class UnknownLine(Struct, frozen=True):
    """A line of /proc/meminfo that this program does not know: bytes, or a count if it had no unit."""

    name: str
    value: int
    is_bytes: bool


class MemInfo(Struct, frozen=True):
    """One reading of /proc/meminfo. None: this kernel does not print the line."""

    mem_total_bytes: int
    values: dict[str, int]
    unknown: tuple[UnknownLine, ...] = ()

    def get(self, field: str) -> int | None:
        """Give a field by our name (``sunreclaim_bytes``), or None where this kernel does not print it."""
        return self.values.get(field)


def parse_meminfo(text: str, *, file: str = FILE) -> MemInfo:
    """Read the whole of /proc/meminfo; every line is kept, known or not.

    Raises:
        ParseError: a line of another form or with another unit than it has, a line that occurs twice, or no MemTotal.

    """
    values = _plain_values(text)
    if values is not None:
        return MemInfo(values["mem_total_bytes"], values)
    values = {}
    unknown: dict[str, UnknownLine] = {}
    for number, line in enumerate(lines_of(text), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ParseError(file, number, f"expected 'Name: number kB', found {shown(line)}")
        name, digits, is_bytes = match[1].rstrip(), match[2], match[3] is not None
        value = unsigned(digits, file, number, limit=U64_MAX // KIB) * (KIB if is_bytes else 1)
        field = NAMES.get(name)
        if name in unknown or field in values:
            raise ParseError(file, number, f"{shown(name)} occurs twice")
        if field is not None and field.endswith("_bytes") != is_bytes:
            raise ParseError(file, number, f"{shown(name)} with another unit than it has")
        if field is None:
            unknown[name] = UnknownLine(name, value, is_bytes)
        else:
            values[field] = value
    if "mem_total_bytes" not in values:
        raise ParseError(file, 0, "no MemTotal line")
    return MemInfo(values["mem_total_bytes"], values, tuple(unknown.values()))


def _plain_values(text: str) -> dict[str, int] | None:
    """Read a file of known lines, each once and in its own unit, at once; None: it has to be read line by line."""
    if not text.endswith("\n"):
        # Cut off, perhaps in the middle of a line, which the count of lines below would not show.
        return None
    plain = _PLAIN_LINE.findall(text)
    fields = [NAMES.get(name) for name, _, _ in plain]
    units = [field is not None and field.endswith("_bytes") for field in fields]
    if None in fields or len(plain) != text.count("\n") or units != [unit != "" for _, _, unit in plain]:
        return None
    numbers = many_unsigned([digits for _, digits, _ in plain])
    values = {
        field: number * KIB if is_bytes else number
        for field, number, is_bytes in zip(fields, numbers, units, strict=True)
        if field is not None
    }
    return values if len(values) == len(fields) and "mem_total_bytes" in values else None
