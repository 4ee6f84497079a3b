"""Output of date --utc."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.date_command import parse_date_command

FILE = "sos_commands/date/date_--utc"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        # The seconds are those of GNU date: date --utc --date=... +%s
        ("Thu Jan  1 00:00:00 UTC 1970\n", 0),
        ("Fri Feb 11 19:23:39 UTC 2022\n", 1_644_607_419),
        ("Thu Feb 29 23:59:59 UTC 2024", 1_709_251_199),
        ("Sun Nov 22 18:45:40 UTC 2026\n", 1_795_373_140),
    ],
)
def test_seconds_since_1970_are_given(text: str, seconds: int) -> None:
    """The parser gives the seconds since 1970."""
    assert parse_date_command(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fri Feb 11 14:23:39 EST 2022\n",
        "Fri 11 Feb 2022 07:23:39 PM UTC\n",
        "Fri Feb 11 19:23:39 UTC 0\n",
        "Fri Fev 11 19:23:39 UTC 2022\n",
        "Fri Feb 11 19:23:39 UTC 2022\nand more\n",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """The parser refuses another order, another language and another time zone."""
    assert refusal(parse_date_command, text) == (FILE, 1, f"expected a date in UTC, found {text!r}")


def test_a_day_that_is_not_in_the_calendar_is_refused() -> None:
    """The parser refuses the 29th of February of a common year."""
    text = "Wed Feb 29 19:23:39 UTC 2023\n"
    assert refusal(parse_date_command, text) == (FILE, 1, "Feb 2023 has no day 29")
