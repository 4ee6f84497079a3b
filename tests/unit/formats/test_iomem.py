"""Which physical addresses are memory."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.iomem import FILE, Span, parse_iomem

TEXT = """\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
  000f0000-000fffff : System ROM
00100000-bfffffff : System RAM
  01000000-02276f47 : Kernel code
1040000000-203fffffff : CXL Window 0
  1040000000-203fffffff : dax1.0
    1040000000-203fffffff : System RAM (kmem)
2040000000-2040000fff : System RAM of another kind
"""


def test_memory_is_found_at_every_depth() -> None:
    """Memory of an expander is part of another resource and counts as well; ends are one behind the last byte."""
    ends = ((0x1000, 0x9FC00), (0x100000, 0xC0000000), (0x1040000000, 0x2040000000))
    assert parse_iomem(TEXT) == tuple(Span(*pair) for pair in ends)
    assert parse_iomem("") == ()


def test_frames_are_those_that_lie_wholly_inside() -> None:
    """Of 0x1000 to 0x9fc00 the last page is cut off."""
    assert Span(0x1000, 0x9FC00).frames(4096) == range(1, 0x9F)
    assert Span(1, 4096).frames(4096) == range(1, 1)


@pytest.mark.parametrize(
    "line", ["", "System RAM", "0-1: System RAM", "0x0-0x1 : RAM", "0-1-2 : RAM", "00000000000000000-1 : RAM"]
)
def test_other_lines_are_refused(line: str) -> None:
    """A line without two addresses and a name is no line of this file."""
    why = f"expected an address range, found {line!r}"
    assert refusal(parse_iomem, f"0-1 : Reserved\n{line}\n2-3 : x") == (FILE, 2, why)


def test_hidden_and_backward_addresses_are_refused() -> None:
    """Who may not see addresses gets zeros, which are no place."""
    hidden = "the addresses are hidden: not permitted"
    assert refusal(parse_iomem, "0-0 : Reserved\n00000000-00000000 : System RAM\n") == (FILE, 2, hidden)
    why = "a range that ends before it begins: '5-3 : System RAM'"
    assert refusal(parse_iomem, "5-3 : System RAM\n") == (FILE, 1, why)
