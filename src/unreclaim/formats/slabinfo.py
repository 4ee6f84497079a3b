"""/proc/slabinfo 2.1: every cache of the slab allocator, objects and slabs.

Source: slab(5); Documentation/filesystems/proc.rst "slabinfo"; cache_show() in mm/slab_common.c,
    get_slabinfo() in mm/slub.c
Needs: root or CAP_DAC_READ_SEARCH (mode 0400). Under SLUB <active_objs> counts whole per-CPU slabs as in use, and
    caches of like size are merged under one name. Two caches may bear one name (seen on hosts with Mellanox cards).

Example::

    slabinfo - version: 2.1
    # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> ...
    kernfs_node_cache   8880   8880    136   30    1 : tunables    0    0    0 : slabdata    296    296      0
    dentry             21672  21672    192   21    1 : tunables    0    0    0 : slabdata   1032   1032      0
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import U64_MAX, lines_of, many_unsigned, shown

FILE = "/proc/slabinfo"
# What SLUB prints for caches whose names have no space; numbers of up to 19 digits all fit in 64 bits.
_PLAIN_WORDS = 16
_PLAIN = re.compile(
    r"(?:[!\"$-~][!-~]*+"
    + 5 * r" ++[0-9]{1,19}+"
    + " : tunables"
    + 3 * " ++[0-9]++"
    + " : slabdata"
    + 3 * r" ++[0-9]{1,19}+"
    + r"\n)*+"
)
_PLAIN_FIGURES = (1, 2, 3, 4, 5, 13, 14)


class SlabCache(Struct, frozen=True, gc=False):
    """One line of /proc/slabinfo: counts of objects and slabs, the object's size with its padding."""

    name: str
    active_objects: int
    objects: int
    object_size_bytes: int
    objects_per_slab: int
    pages_per_slab: int
    active_slabs: int
    slabs: int

    @property
    def pages(self) -> int:
        """Give the pages that this cache holds, used or not."""
        return self.slabs * self.pages_per_slab


def parse_slabinfo(text: str, *, file: str = FILE) -> tuple[SlabCache, ...]:
    """Read all caches in the file's order; caches of the same name are all kept.

    Raises:
        ParseError: another version than 2.x, or a line of another form; the statistics that a debugging SLAB adds are left aside.

    """
    if not text.startswith("slabinfo - version: 2."):
        found = shown(text.partition("\n")[0]) if text else "an empty file"
        raise ParseError(file, 1, f"expected 'slabinfo - version: 2.1', found {found}")
    start = _after_header(text)
    if start and _PLAIN.fullmatch(text, start):
        # Some 250 lines in every sample: column by column is twice as fast as line by line.
        words = text[start:].split()
        figures = (many_unsigned(words[column::_PLAIN_WORDS]) for column in _PLAIN_FIGURES)
        return tuple(map(SlabCache, words[::_PLAIN_WORDS], *figures))
    return tuple(
        _parse_cache(line, file, number)
        for number, line in enumerate(lines_of(text)[1:], 2)
        if line and not line.startswith("#")
    )


def _after_header(text: str) -> int:
    """Give where the third line starts; 0 where the second is no comment, as it is in every kernel."""
    first = text.find("\n") + 1
    return text.find("\n", first) + 1 if first and text.startswith("#", first) else 0


def _parse_cache(line: str, file: str, number: int) -> SlabCache:
    # A module may name its cache with spaces, so the name is whatever comes before the five numbers.
    head, _, tail = line.partition(" : tunables ")
    front = head.rsplit(None, 5)
    words = tail.split()
    if len(front) == 6 and len(words) >= 8 and words[3:5] == [":", "slabdata"]:
        figures = (*front[1:], words[5], words[6])
        digits = "".join(figures)
        # int() would take signs, underscores and digits of other scripts, and refuse thousands of digits.
        if digits.isascii() and digits.isdigit() and len(digits) <= 7 * 20:
            values = [int(figure) for figure in figures]
            if max(values) <= U64_MAX:
                return SlabCache(front[0], *values)
    raise ParseError(file, number, f"expected a line of slabinfo 2.1, found {shown(line)}")
