"""Pressure stall information."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.pressure import Pressure, Stall, parse_pressure

FILE = "/proc/pressure/memory"
NOTHING = "avg10=0.00 avg60=0.00 avg300=0.00 total=0"


@pytest.mark.parametrize(
    ("text", "pressure"),
    [
        # cpu of 5.4 has no full line, irq of 6.1 and newer no some line.
        (
            "some avg10=5.31 avg60=7.17 avg300=2.77 total=9765309\n",
            Pressure(Stall(5.31, 7.17, 2.77, 9.765309), None),
        ),
        (
            "full avg10=0.02 avg60=0.01 avg300=0.00 total=2300000\n",
            Pressure(None, Stall(0.02, 0.01, 0.0, 2.3)),
        ),
        (
            (
                "some avg10=0.12 avg60=0.05 avg300=0.01 total=108059\n"
                "full avg10=100.00 avg60=0.00 avg300=0.00 total=40664\n"
            ),
            Pressure(Stall(0.12, 0.05, 0.01, 0.108059), Stall(100.0, 0.0, 0.0, 0.040664)),
        ),
        # More than all of the time, which no kernel has printed yet.
        ("full avg10=1234567.00 avg60=0.00 avg300=0.00 total=0\n", Pressure(None, Stall(1_234_567.0, 0.0, 0.0, 0.0))),
        # What a later kernel might add: a line of another kind, a blank one, and one more average.
        (
            f"most {NOTHING}\n\nsome avg10=0.12 avg30=9.99 avg60=0.05 avg300=0.01 total=23 new\n",
            Pressure(Stall(0.12, 0.05, 0.01, 0.000023), None),
        ),
    ],
    ids=["cpu", "irq", "memory", "much", "later"],
)
def test_stalls_are_read(text: str, pressure: Pressure) -> None:
    """The parser reads percentages as printed and the total in seconds; None is no line."""
    assert parse_pressure(text) == pressure


@pytest.mark.parametrize("text", ["", "\n", f"most {NOTHING}\n"])
def test_neither_line_is_an_error(text: str) -> None:
    """The parser refuses a file with neither of the two lines."""
    assert refusal(parse_pressure, text) == (FILE, 0, "neither a 'some' nor a 'full' line")


@pytest.mark.parametrize(
    "pairs",
    [
        "",
        "avg10=0.00",
        "avg10=0.00 avg60=0.00 avg300=0.00",
        "avg60=0.00 avg300=0.00 total=0",
        "avg10=0.00 avg300=0.00 total=0",
        "avg10=0.00 avg60=0.00 total=0",
        "avg10=-0.1 avg60=0.00 avg300=0.00 total=0",
        "avg10=.00 avg60=0.00 avg300=0.00 total=0",
        "avg10=0. avg60=0.00 avg300=0.00 total=0",
        "avg10=0.0x avg60=0.00 avg300=0.00 total=0",
        "avg10=1e9 avg60=0.00 avg300=0.00 total=0",
        "avg10=nan avg60=0.00 avg300=0.00 total=0",
        "avg10=0.00=1 avg60=0.00 avg300=0.00 total=0",
        "avg10=12345678.00 avg60=0.00 avg300=0.00 total=0",
        "avg10=0.0.0 avg60=0.00 avg300=0.00 total=0",
        "avg10=0.00 avg60=\u0661.00 avg300=0.00 total=0",
        "avg10=0.00 avg60=0.00 avg300=1234567890.00 total=0",
    ],
    ids=ascii,
)
def test_other_stalls_are_refused(pairs: str) -> None:
    """The parser refuses a line that lacks an average or the total, and averages of another form."""
    shown = repr(pairs) if len(pairs) <= 40 else f"{pairs[:37]!r}"[:-1] + "...'"
    expected = (FILE, 2, f"expected avg10= avg60= avg300= total=, found {shown}")
    assert refusal(parse_pressure, f"some {NOTHING}\nfull {pairs}\n") == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"some {NOTHING}\nfull {NOTHING[:-1]}-1\n", f"expected a number up to {U64_MAX}, found '-1'"),
        (f"some {NOTHING}\nfull {NOTHING[:-1]}\n", f"expected a number up to {U64_MAX}, found ''"),
        (f"some {NOTHING}\nsome {NOTHING}\n", "'some' occurs twice"),
    ],
)
def test_other_totals_and_second_lines_are_refused(text: str, why: str) -> None:
    """The parser refuses a total that is no number, and a second line of one kind."""
    assert refusal(parse_pressure, text) == (FILE, 2, why)
