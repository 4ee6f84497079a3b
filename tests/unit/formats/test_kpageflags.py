"""What each physical page is, and whose."""

import struct

import pytest

from unreclaim.base.errors import ParseError
from unreclaim.formats import kpageflags
from unreclaim.formats.kpageflags import COMPOUND_HEAD, COMPOUND_TAIL, LRU, MLOCKED, UPTODATE, count_flags

FILE = LRU | UPTODATE
HEAD = FILE | COMPOUND_HEAD
TAIL = FILE | COMPOUND_TAIL


def words(*values: int) -> bytes:
    """Write 64-bit words as the kernel does."""
    return struct.pack(f"{len(values)}Q", *values)


def test_bits_are_the_kernels() -> None:
    """The numbers are those of include/uapi/linux/kernel-page-flags.h and include/linux/kernel-page-flags.h."""
    bits = {
        "UPTODATE": 3,
        "DIRTY": 4,
        "LRU": 5,
        "WRITEBACK": 8,
        "MAPPED": 11,
        "ANONYMOUS": 12,
        "SWAP_BACKED": 14,
        "COMPOUND_HEAD": 15,
        "COMPOUND_TAIL": 16,
        "MLOCKED": 33,
    }
    assert {name: getattr(kpageflags, name) for name in bits} == {name: 1 << bit for name, bit in bits.items()}


def test_pages_are_counted_by_flags() -> None:
    """All bits of a page together, known or not, are one kind of page."""
    raw = words(0, FILE, FILE, FILE | MLOCKED, 1 << 63)
    assert kpageflags.parse_kpageflags(raw) == {0: 1, FILE: 2, FILE | MLOCKED: 1, 1 << 63: 1}


def test_pages_of_wanted_cgroups_are_counted_by_flags() -> None:
    """Only pages of those cgroups count, each under its own; where one file is shorter the rest is left out."""
    cgroups = words(7, 7, 8, 9, 0, 7)
    flags = words(FILE, FILE, FILE, FILE, FILE, 0, FILE)
    assert count_flags(cgroups, flags, {7, 8, 11}) == {7: {FILE: 2, 0: 1}, 8: {FILE: 1}}
    assert count_flags(cgroups[:16], flags, {7}) == count_flags(cgroups, flags[:16], {7}) == {7: {FILE: 2}}
    assert count_flags(b"", b"", {7}) == {}


def test_large_folios_count_each_page() -> None:
    """Where every page says whose and what it is they are counted as they are."""
    assert count_flags(words(7, 7, 7, 9), words(HEAD, TAIL, TAIL, TAIL), {7}) == {7: {HEAD: 1, TAIL: 2}}


@pytest.mark.parametrize("bare", [COMPOUND_TAIL, TAIL])
def test_pages_of_a_large_folio_that_belong_to_none_count_with_its_first(bare: int) -> None:
    """Kernels before 6.x give the cgroup of a large folio at its first page alone, some the flags too."""
    cgroups = words(7, 0, 0, 7, 8, 0, 0, 9)
    flags = words(HEAD, bare, bare, FILE, HEAD, bare, 0, COMPOUND_TAIL)
    assert count_flags(cgroups, flags, {7}) == {7: {HEAD: 1, TAIL: 2, FILE: 1}}
    assert count_flags(cgroups, flags, {7, 8}) == {7: {HEAD: 1, TAIL: 2, FILE: 1}, 8: {HEAD: 1, TAIL: 1}}


def test_pages_of_a_large_folio_without_flags_of_their_own_take_its_first_ones() -> None:
    """Where the other pages are known to be the cgroup's but have only the mark of a part, they are the same."""
    assert count_flags(words(7, 7, 7), words(HEAD, COMPOUND_TAIL, COMPOUND_TAIL), {7}) == {7: {HEAD: 1, TAIL: 2}}


def test_part_of_an_entry_is_refused() -> None:
    """Both files have whole entries only."""
    for cgroups, flags in ((bytes(9), bytes(8)), (bytes(8), bytes(9))):
        with pytest.raises(ParseError, match="9 bytes are no whole number"):
            count_flags(cgroups, flags, {7})
