"""/proc/vmstat: the kernel's page counters and event counters.

Source: Documentation/admin-guide/mm/ (no single page); vmstat_show() and vmstat_text[] in mm/vmstat.c
Needs: nothing. nr_* are pages, but nr_kernel_stack (KiB) and, since 5.9 internally, slab is still printed in pages.

Example::

    nr_free_pages 6125635
    nr_slab_unreclaimable 5069
    nr_page_table_pages 442
    nr_kernel_stack 1316
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import keyed_counts

FILE = "/proc/vmstat"


class VmStat(Struct, frozen=True):
    """All counters by the kernel's own name; those that start with ``nr_`` are gauges in pages."""

    counters: dict[str, int]


def parse_vmstat(text: str, *, file: str = FILE) -> VmStat:
    """Read every counter of /proc/vmstat.

    Raises:
        ParseError: a line that is not a name and a number, or an empty file.

    """
    counters = keyed_counts(text, file)
    if not counters:
        raise ParseError(file, 0, "the file is empty")
    return VmStat(counters)
