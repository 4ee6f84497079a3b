"""Which cgroup each physical page is charged to."""

import struct

import pytest

from unreclaim.base.errors import ParseError
from unreclaim.formats.kpagecgroup import BLOCK_PAGES, find_blocks, parse_kpagecgroup


def words(*values: int) -> bytes:
    """Write 64-bit words as the kernel does."""
    return struct.pack(f"{len(values)}Q", *values)


def test_pages_are_counted_by_cgroup() -> None:
    """Each entry is a cgroup's inode number, which may need all 64 bits; 0 is none."""
    raw = words(0, 45, 45, 0, 2**32 + 45, 45)
    assert parse_kpagecgroup(raw) == {0: 2, 45: 3, 2**32 + 45: 1}
    assert parse_kpagecgroup(memoryview(bytearray(raw))) == parse_kpagecgroup(raw)
    assert parse_kpagecgroup(b"") == {}


@pytest.mark.parametrize("size", [1, 7, 9, 8 * BLOCK_PAGES - 1])
def test_part_of_an_entry_is_refused(size: int) -> None:
    """The kernel gives whole entries only."""
    for parse in (parse_kpagecgroup, lambda raw: find_blocks(raw, {1})):
        with pytest.raises(ParseError, match=f"{size} bytes are no whole number of entries of 8 bytes"):
            parse(bytes(size))


def test_stretches_of_blocks_with_a_wanted_cgroup_are_found() -> None:
    """Blocks of nothing and of others are left out; neighbours are joined, the last may be short."""
    none, other, mine = [0] * BLOCK_PAGES, [9] * BLOCK_PAGES, [7] * BLOCK_PAGES
    mixed = [*([0] * (BLOCK_PAGES - 1)), 8]
    strangers = [*([9] * (BLOCK_PAGES - 1)), 0]
    raw = words(*none, *mine, *mixed, *other, *strangers, *mixed, *none, 0, 7, 0)
    found = find_blocks(raw, {7, 8})
    assert [(first / BLOCK_PAGES, end / BLOCK_PAGES) for first, end in found] == [(1, 3), (5, 6), (7, 7 + 3 / 512)]
    assert find_blocks(raw, {10}) == ()
    assert find_blocks(b"", {7}) == ()
