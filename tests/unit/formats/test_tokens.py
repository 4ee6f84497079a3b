"""Numbers, lines and quotes that all parsers share."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import _PLAIN_TABLE, U64_MAX, keyed_counts, lines_of, many_unsigned, shown, unsigned

NO_NUMBERS = [
    "",
    "-1",
    "+1",
    "1_000",
    "1.5",
    "0x10",
    "1e3",
    " 1",
    "1\n",
    "\u0661\u0662",  # Arabic 12, which int() takes
    "\uff11",  # full-width 1, which int() takes
    "\u00b2",  # superscript 2, which str.isdigit() takes
    "NaN",
    "18446744073709551616",  # one over 64 bits
    "000000000000000000001",  # the kernel pads with spaces
]


@pytest.mark.parametrize("token", ["0", "7", "007", "18446744073709551615"])
def test_unsigned_reads_what_the_kernel_prints(token: str) -> None:
    """Unsigned reads decimal digits up to 64 bits."""
    assert unsigned(token, "f", 1) == int(token)


@pytest.mark.parametrize("token", NO_NUMBERS, ids=ascii)
def test_unsigned_refuses_what_only_python_reads(token: str) -> None:
    """Unsigned refuses signs, underscores, other bases and scripts, and numbers over 64 bits."""
    why = f"expected a number up to {U64_MAX}, found {token!r}"
    assert refusal(lambda text: unsigned(text, "f", 7), token) == ("f", 7, why)


@pytest.mark.parametrize("numbers", [[], ["0"], ["23", "9999999999999999999", "0"], ["007", "5", "0000"]])
def test_many_numbers_are_those_one_by_one(numbers: list[str]) -> None:
    """Many numbers are converted as each by itself, with leading zeros too, which JSON refuses."""
    assert many_unsigned(numbers) == [int(number) for number in numbers]


def test_unsigned_keeps_to_its_limit() -> None:
    """Unsigned takes the limit itself and nothing above."""
    assert unsigned("255", "f", 1, limit=255) == 255
    assert refusal(lambda text: unsigned(text, "f", 1, limit=255), "256") == (
        "f",
        1,
        "expected a number up to 255, found '256'",
    )


def test_unsigned_refuses_thousands_of_digits() -> None:
    """Unsigned refuses what int() would raise a ValueError for."""
    why = f"expected a number up to {U64_MAX}, found '{'9' * 37}...'"
    assert refusal(lambda text: unsigned(text, "f", 1), "9" * 5000) == ("f", 1, why)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("\n", [""]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("a\n\n", ["a", ""]),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\rg\n", ["a\x0bb\x0cc\x1cd\x85e\u2028f\rg"]),
    ],
)
def test_lines_end_at_newlines_only(text: str, lines: list[str]) -> None:
    """Lines are what wc and an editor count, whatever else Python takes for a line's end."""
    assert lines_of(text) == lines


@pytest.mark.parametrize(
    ("token", "quoted"),
    [
        ("", "''"),
        ("a'b", '"a\'b"'),
        ("a\nb\udcff", r"'a\nb\udcff'"),
        ("x" * 40, f"'{'x' * 40}'"),
        ("x" * 41, f"'{'x' * 37}...'"),
    ],
)
def test_shown_is_short_and_on_one_line(token: str, quoted: str) -> None:
    """Shown cuts after 40 characters and escapes what does not print."""
    assert shown(token) == quoted


def test_counts_keep_the_order_of_the_file() -> None:
    """Keyed counts are all there, in the file's order."""
    counts = keyed_counts("b 2\na 1\n\tc   18446744073709551615\n", "f")
    assert list(counts.items()) == [("b", 2), ("a", 1), ("c", U64_MAX)]


def test_plain_tables_are_known_as_such() -> None:
    """What kernels print is read the quick way; other spacing, signs and 20 digits are not."""
    assert _PLAIN_TABLE.fullmatch("nr_free_pages 492756\nTotal(x):y 0\n")
    for text in ("a 1", "a  1\n", "a -1\n", "a\u00e9 1\n", "a 18446744073709551615\n", "a 1\n\n"):
        assert not _PLAIN_TABLE.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["a 1\nb 9999999999999999999\n", "a 1\nb 9999999999999999999", "a\t1\n b  9999999999999999999 \n"]
)
def test_counts_are_alike_however_spaced(text: str) -> None:
    """Keyed counts are the same by the quick way, for what kernels print, and by the other."""
    assert keyed_counts(text, "f") == {"a": 1, "b": 9_999_999_999_999_999_999}


def test_no_lines_are_no_counts() -> None:
    """An empty file is no error here; whether it may be empty is for each format to say."""
    assert keyed_counts("", "f") == {}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a 1\nb\n", 2, "expected a name and a number, found 'b'"),
        ("a 1\n\nb 2\n", 2, "expected a name and a number, found ''"),
        ("a 1 2\n", 1, "expected a name and a number, found 'a 1 2'"),
        ("a 1\nb 2\na 3\n", 3, "'a' occurs twice"),
        ("a 1\nb -2\n", 2, f"expected a number up to {U64_MAX}, found '-2'"),
        ("a 1\x0cb 2\nc x\n", 1, r"expected a name and a number, found 'a 1\x0cb 2'"),
    ],
)
def test_counts_refuse_other_lines(text: str, line: int, why: str) -> None:
    """Keyed counts refuse a line that is not a name and a number, and a second line of one name."""
    assert refusal(lambda t: keyed_counts(t, "f"), text) == ("f", line, why)
