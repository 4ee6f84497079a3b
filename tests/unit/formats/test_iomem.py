"""/proc/iomem."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.iomem import Span, parse_iomem

FILE = "/proc/iomem"
TEXT = """00000000-00000fff : Reserved
00001000-0009fbff : System RAM
000a0000-000bffff : PCI Bus 0000:00
00100000-bfffffff : System RAM
  01000000-01ffffff : Kernel code
100000000-63fffffff : System RAM
"""


def test_memory_is_read() -> None:
    """The parser reads the ranges of memory alone, the end being the first byte after."""
    assert parse_iomem(TEXT) == (
        Span(0x1000, 0x9FC00),
        Span(0x100000, 0xC0000000),
        Span(0x100000000, 0x640000000),
    )
    assert parse_iomem("") == ()


def test_frames_are_whole_pages() -> None:
    """A page that is memory only in part is no frame of it."""
    assert Span(0x1000, 0x9FC00).frames(4096) == range(1, 0x9F)
    assert Span(0x1001, 0x3000).frames(4096) == range(2, 3)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("x\n", 1, "expected an address range, found 'x'"),
        ("00000000-00000000 : System RAM\n", 1, "the addresses are hidden: not permitted"),
        ("0-f : a\n10-0f : System RAM\n", 2, "a range that ends before it begins: '10-0f : System RAM'"),
    ],
)
def test_what_is_no_range_is_refused(text: str, line: int, why: str) -> None:
    """The parser names the line and what is wrong with it."""
    assert refusal(parse_iomem, text) == (FILE, line, why)
