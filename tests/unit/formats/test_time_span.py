"""Time spans."""

import math

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.time_span import parse_time_span, time_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1ms", 0.001),
        ("100ms", 0.1),
        ("5min 20s", 320),
        ("5min 20s 300ms\n", 320.3),
        ("0", 0),
        ("15", 15),
        ("+5", 5),
        (".5", 0.5),
        ("1.5min", 90),
        ("1 h30", 3630),
        ("5s6", 11),
        ("5 6", 11),
        ("1ms1", 1.001),
        ("5\u00b5s", 5e-6),
        ("5\u03bcs", 5e-6),
        ("1M", 2_629_800),
        ("1y 1w 1d", 31_557_600 + 604_800 + 86_400),
        ("0.99999999999s", 0.999999),
        ("0" * 60 + "5", 5),
        (" infinity ", math.inf),
    ],
)
def test_time_spans_are_seconds(text: str, seconds: float) -> None:
    """Numbers with units are added up; the values are those that ``systemd-analyze timespan`` gives."""
    assert parse_time_span(text) == seconds


NO_SPANS = [" ", "5x", ".", "+", "+.5", "1.s", "1.5.5", "-1", "1,5", "5S", "yes", "1e5", "5ss", "5minu", "infinity 5"]


@pytest.mark.parametrize("text", [*NO_SPANS, "\u0663s", ""])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    """What systemd ignores with a warning is a ParseError."""
    assert refusal(parse_time_span, text) == (
        "time span",
        0,
        f"expected a time span such as 5min 20s, found {text!r}",
    )


@pytest.mark.parametrize(
    "text", ["18446744073709s", "9223372036854775808us", "9" * 30, "99999999999y", "584000y 584000y"]
)
def test_what_systemd_cannot_count_is_refused(text: str) -> None:
    """More than 64 bits of microseconds is no time span."""
    assert refusal(parse_time_span, text) == ("time span", 0, f"'{text}' is longer than systemd counts")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.001, "1ms"),
        (0.25, "250ms"),
        (0.0015, "1.5ms"),
        (0.2340347, "234.035ms"),
        (1.5, "1.5s"),
        (15, "15s"),
        (60, "1min"),
        (90, "90s"),
        (3600, "60min"),
        (math.inf, "infinity"),
    ],
)
def test_times_are_written_for_systemd(seconds: float, text: str) -> None:
    """A time is whole minutes, seconds or milliseconds, to the microsecond, and is read back as it was."""
    assert time_span(seconds) == text
    assert parse_time_span(text) == pytest.approx(seconds, abs=1e-6)
