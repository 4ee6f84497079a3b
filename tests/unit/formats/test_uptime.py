"""/proc/uptime."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.uptime import parse_uptime

FILE = "/proc/uptime"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17.70 4.21\n", 17.70),
        ("245.39 187.53\n", 245.39),
        ("1681.50 3275.89\n", 1681.5),
        # 49.7 days, where 32 bits of milliseconds end; and a hundredth that float() would give as 0.07.
        ("4294967.07 123456789.00\n", 4_294_967.07),
        ("0.00 0.00\n", 0.0),
    ],
)
def test_seconds_are_read_to_a_hundredth(text: str, seconds: float) -> None:
    """The parser gives the first number."""
    assert parse_uptime(text) == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected two numbers of seconds, found ''"),
        ("17.70\n", r"expected two numbers of seconds, found '17.70\n'"),
        ("17.70 4.21 1.00\n", r"expected two numbers of seconds, found '17.70 4.21 1.00\n'"),
        ("17 4.21\n", "expected seconds with two decimals, found '17'"),
        ("17.7 4.21\n", "expected seconds with two decimals, found '17.7'"),
        ("17.70 4.2\n", "expected seconds with two decimals, found '4.2'"),
        ("17.70 idle\n", "expected seconds with two decimals, found 'idle'"),
        ("-1.70 4.21\n", f"expected a number up to {U64_MAX}, found '-1'"),
        (".70 4.21\n", f"expected a number up to {U64_MAX}, found ''"),
        ("1.+7 4.21\n", f"expected a number up to {U64_MAX}, found '+7'"),
        ("17.70 4.2e\n", f"expected a number up to {U64_MAX}, found '2e'"),
        (
            "18446744073709551616.00 4.21\n",
            f"expected a number up to {U64_MAX}, found '18446744073709551616'",
        ),
    ],
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    """The parser refuses all but two numbers with two decimals each."""
    assert refusal(parse_uptime, text) == (FILE, 1, why)
