"""/sys/block/zramN/mm_stat."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.zram_mm_stat import parse_zram_mm_stat

FILE = "/sys/block/zram0/mm_stat"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        # As 6.18 prints it for a disk that is not set up, 5.10 for one in use, and the seven columns of 4.1.
        ("       0        0        0        0        0        0        0        0        0\n", 0),
        ("  4096000  1250000  1310720        0  1310720       12        0        0        0\n", 1_310_720),
        ("    8192     4096    12288        0    12288        1        0\n", 12_288),
        ("8192 4096 23", 23),
    ],
)
def test_third_number_is_what_the_allocator_took(text: str, used: int) -> None:
    """The parser gives mem_used_total."""
    assert parse_zram_mm_stat(text) == used


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected at least three numbers, found ''"),
        ("4096000 1250000\n", r"expected at least three numbers, found '4096000 1250000\n'"),
        ("4096000 1250000 -1 0\n", f"expected a number up to {U64_MAX}, found '-1'"),
        ("4096000 1250000 1_0 0\n", f"expected a number up to {U64_MAX}, found '1_0'"),
    ],
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    """The parser refuses a line of fewer than three numbers, and a third that is none."""
    assert refusal(parse_zram_mm_stat, text) == (FILE, 1, why)
