"""/proc/kpagecgroup: for each physical page, the cgroup that it is charged to. Binary, 8 bytes a page.

Source: Documentation/admin-guide/mm/pagemap.rst "/proc/kpagecgroup"; kpagecgroup_read() in fs/proc/page.c,
    page_cgroup_ino() in mm/memcontrol.c
Needs: root, CONFIG_MEMCG and CONFIG_PROC_PAGE_MONITOR; since 4.3. An entry is the inode number of the nearest ancestor
    that is online, so pages of a dying cgroup appear under a living one; 0: charged to none, or no page at all. Up to
    some 6.x the pages of a large folio after its first read 0.

Example::

    2d 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    2d 00 00 00 00 00 00 00 4d 01 00 00 00 00 00 00
"""

from collections import Counter
from collections.abc import Set as AbstractSet

from unreclaim.base.errors import ParseError

FILE = "/proc/kpagecgroup"
ENTRY_BYTES = 8
BLOCK_PAGES = 512
"""Pages that are looked at together: a huge page of x86 and arm64, and a large folio lies in one such block."""

_NOTHING = bytes(BLOCK_PAGES * ENTRY_BYTES)

Raw = bytes | bytearray | memoryview


def parse_kpagecgroup(raw: Raw, *, file: str = FILE) -> dict[int, int]:
    """Give the number of pages by cgroup (inode number, 0: none).

    Raises:
        ParseError: the length is no whole number of entries.

    """
    return dict(Counter(entries(raw, file)))


def entries(raw: Raw, file: str) -> memoryview:
    """Give the 64-bit words of a file that has one for each page, in this machine's byte order, without a copy.

    Raises:
        ParseError: the length is no whole number of them.

    """
    if len(raw) % ENTRY_BYTES:
        raise ParseError(file, 0, f"{len(raw)} bytes are no whole number of entries of {ENTRY_BYTES} bytes")
    return memoryview(raw).cast("B").cast("Q")


def find_blocks(raw: Raw, wanted: AbstractSet[int], *, file: str = FILE) -> tuple[tuple[int, int], ...]:
    """Find where pages of certain cgroups are: first page and end of each stretch of blocks that hold one.

    Most memory is free or one file's, so that a block is often one value from end to end and is told at a glance; the
    others are searched at 25 nanoseconds a page.

    Raises:
        ParseError: the length is no whole number of entries.

    """
    cgroups = entries(raw, file)
    bytes_of = memoryview(raw).cast("B")
    stretches: list[tuple[int, int]] = []
    for start in range(0, len(cgroups), BLOCK_PAGES):
        block = bytes(bytes_of[start * ENTRY_BYTES : (start + BLOCK_PAGES) * ENTRY_BYTES])
        if block == _NOTHING:
            continue
        end = start + len(block) // ENTRY_BYTES
        if block == block[:ENTRY_BYTES] * (end - start):
            found = cgroups[start] in wanted
        else:
            found = not wanted.isdisjoint(cgroups[start:end])
        if found and stretches and stretches[-1][1] == start:
            stretches[-1] = (stretches[-1][0], end)
        elif found:
            stretches.append((start, end))
    return tuple(stretches)
