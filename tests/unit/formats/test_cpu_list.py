"""Lists of CPUs and NUMA nodes."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.cpu_list import parse_cpu_list

FILE = "/sys/devices/system/cpu/possible"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0\n", {0}),
        ("0-1\n", {0, 1}),
        ("0-3,8,10-11\n", {0, 1, 2, 3, 8, 10, 11}),
        ("5-5\n", {5}),
        ("1,2,3-4\n", {1, 2, 3, 4}),
        # What is printed for no offline CPU, with and without its newline.
        ("\n", set()),
        ("", set()),
        ("0-65535\n", set(range(65_536))),
    ],
)
def test_ranges_and_single_numbers_are_read(text: str, numbers: set[int]) -> None:
    """The parser gives all numbers of the list."""
    assert parse_cpu_list(text) == frozenset(numbers)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3-0\n", "'3-0' runs backwards"),
        ("4,2\n", "'2' runs backwards"),
        ("0-3,3\n", "'3' runs backwards"),
        ("0-65535,0-65535\n", "'0-65535' runs backwards"),
        ("1,\n", "expected a number up to 65535, found ''"),
        (",\n", "expected a number up to 65535, found ''"),
        ("-3\n", "expected a number up to 65535, found ''"),
        ("0-\n", "expected a number up to 65535, found ''"),
        ("0-3-5\n", "expected a number up to 65535, found '3-5'"),
        ("0, 1\n", "expected a number up to 65535, found ' 1'"),
        ("65536\n", "expected a number up to 65535, found '65536'"),
        ("0-65536\n", "expected a number up to 65535, found '65536'"),
        ("0-3:1/2\n", "expected a number up to 65535, found '3:1/2'"),
        ("0\n1\n", r"expected a number up to 65535, found '0\n1'"),
        ("\u0661\n", "expected a number up to 65535, found '\u0661'"),
    ],
    ids=ascii,
)
def test_other_lists_are_refused(text: str, why: str) -> None:
    """The parser refuses other forms, and numbers that do not rise: little text, long work."""
    assert refusal(parse_cpu_list, text) == (FILE, 1, why)
