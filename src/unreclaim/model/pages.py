"""The size of a page, told from figures that the kernel prints both in kB and in pages."""

from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.vmstat import VmStat

SIZES = (4096, 16_384, 65_536)
_PAIRS = (
    ("page_tables_bytes", "nr_page_table_pages"),
    ("mapped_bytes", "nr_mapped"),
    ("anon_pages_bytes", "nr_anon_pages"),
    ("shmem_bytes", "nr_shmem"),
)


def infer_page_size(meminfo: MemInfo | None, vmstat: VmStat | None) -> int | None:
    """Give the page size in bytes, or None where the two files do not agree on one.

    The files are read one after the other, so each pair may be off by a little; two pairs must agree.
    """
    if meminfo is None or vmstat is None:
        return None
    votes = dict.fromkeys(SIZES, 0)
    for field, counter in _PAIRS:
        size, pages = meminfo.get(field), vmstat.counters.get(counter)
        if size and pages:
            ratio = size / pages
            for candidate in SIZES:
                votes[candidate] += abs(ratio / candidate - 1) < 0.1
    best = max(SIZES, key=lambda candidate: votes[candidate])
    return best if votes[best] >= 2 else None
