"""A list of CPUs or NUMA nodes, as in /sys/devices/system/{cpu,node}/possible.

Source: Documentation/admin-guide/cputopology.rst, Documentation/admin-guide/kernel-parameters.rst "cpu lists";
    bitmap_print_to_pagebuf() in lib/bitmap-str.c
Needs: nothing. An empty line is an empty set (no offline CPU).

Example::

    0-3,8,10-11
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/sys/devices/system/cpu/possible"
# NR_CPUS is at most 8192 on x86-64 and arm64; a larger list is no kernel's and would only cost memory.
LIMIT = 65_535


def parse_cpu_list(text: str, *, file: str = FILE) -> frozenset[int]:
    """Give the numbers in a kernel list (``0-3,8``).

    Raises:
        ParseError: another form, numbers that do not rise from left to right, or a number above 65,535.

    """
    numbers: set[int] = set()
    # The kernel walks a bitmap, so its numbers rise; taking any order, "0-65535,0-65535,…" would cost hours.
    above = 0
    stripped = text.strip()
    for part in stripped.split(",") if stripped else ():
        first, dash, last = part.partition("-")
        start = unsigned(first, file, 1, limit=LIMIT)
        end = unsigned(last, file, 1, limit=LIMIT) if dash else start
        if not above <= start <= end:
            raise ParseError(file, 1, f"{shown(part)} runs backwards")
        numbers.update(range(start, end + 1))
        above = end + 1
    return frozenset(numbers)
