"""/sys/block/zramN/mm_stat: the memory that a compressed RAM disk holds.

Source: Documentation/admin-guide/blockdev/zram.rst "mm_stat"; mm_stat_show() in drivers/block/zram/zram_drv.c
Needs: nothing; 4.1. The third number, mem_used_total, is what the allocator took, with its overhead.

Example::

    4096000 1250000 1310720 0 1310720 12 0 0 0
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/sys/block/zram0/mm_stat"


def parse_zram_mm_stat(text: str, *, file: str = FILE) -> int:
    """Give mem_used_total in bytes.

    Raises:
        ParseError: fewer than three numbers.

    """
    words = text.split()
    if len(words) < 3:
        raise ParseError(file, 1, f"expected at least three numbers, found {shown(text)}")
    return unsigned(words[2], file, 1)
