"""Files of a cgroup with one number."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.single_value import parse_single_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0\n", 0),
        ("8380416\n", 8_380_416),
        # No limit: v1 prints the highest number of whole pages, v2 a word.
        ("9223372036854771712\n", 9_223_372_036_854_771_712),
        ("max\n", None),
    ],
)
def test_number_or_max_is_read(text: str, value: int | None) -> None:
    """The parser gives the number, and None where there is no limit."""
    assert parse_single_value(text) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "''"),
        ("maximum\n", "'maximum'"),
        ("-1\n", "'-1'"),
        ("1 2\n", "'1 2'"),
        ("1\n2\n", r"'1\n2'"),
        ("1_000\n", "'1_000'"),
        ("18446744073709551616\n", "'18446744073709551616'"),
    ],
)
def test_anything_else_is_refused(text: str, found: str) -> None:
    """The parser refuses signs, more than one number, and what does not fit 64 bits."""
    assert refusal(parse_single_value, text) == (
        "memory.current",
        1,
        f"expected a number up to {U64_MAX}, found {found}",
    )
