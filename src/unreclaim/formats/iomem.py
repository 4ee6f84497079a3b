"""/proc/iomem: which physical addresses are memory.

Source: Documentation/filesystems/proc.rst 1.1; r_show() in kernel/resource.c
Needs: root (CAP_SYS_ADMIN); to others every address is shown as 0. Addresses are hexadecimal and include both ends.
    A line is indented below the resource that it is part of; memory of an expander lies below its window.

Example::

    00001000-0009fbff : System RAM
    000a0000-000bffff : PCI Bus 0000:00
    00100000-bfffffff : System RAM
      01000000-01ffffff : Kernel code
    1040000000-203fffffff : CXL Window 0
      1040000000-203fffffff : System RAM (kmem)
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "/proc/iomem"
_LINE = re.compile(r" *([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.*)")
_MEMORY = re.compile(r"System RAM( \(.*\))?")


class Span(Struct, frozen=True):
    """Physical memory from `start` up to and without `end`, in bytes."""

    start: int
    end: int

    def frames(self, page_bytes: int) -> range:
        """Give the numbers of the page frames that lie wholly in it."""
        return range(-(-self.start // page_bytes), self.end // page_bytes)


def parse_iomem(text: str, *, file: str = FILE) -> tuple[Span, ...]:
    """Read the ranges of memory, in the file's order.

    Raises:
        ParseError: a line of another form, or addresses that are hidden from this process.

    """
    spans = []
    for number, line in enumerate(lines_of(text), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ParseError(file, number, f"expected an address range, found {shown(line)}")
        first, last, name = match.groups()
        start, end = int(first, 16), int(last, 16) + 1
        if _MEMORY.fullmatch(name):
            if end == 1:
                raise ParseError(file, number, "the addresses are hidden: not permitted")
            if end <= start:
                raise ParseError(file, number, f"a range that ends before it begins: {shown(line)}")
            spans.append(Span(start, end))
    return tuple(spans)
