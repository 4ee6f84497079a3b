"""Output of uptime."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.uptime_command import parse_uptime_command

LOAD = "  load average: 0.83, 0.73, 0.76\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (" 19:23:40 up 25 min,  1 user," + LOAD, 25 * 60),
        (" 19:23:40 up  1 min,  0 users," + LOAD, 60),
        (" 16:19:19 up 17:41,  2 users," + LOAD, (17 * 60 + 41) * 60),
        (" 16:19:19 up  1:05,  2 users," + LOAD, 65 * 60),
        (" 10:55:22 up 1 day,  2:03,  1 user," + LOAD, 86_400 + (2 * 60 + 3) * 60),
        (" 10:55:22 up 40 days, 21:17,  1 user," + LOAD, 40 * 86_400 + (21 * 60 + 17) * 60),
        (" 10:55:22 up 1234 days, 0 min,  1 user," + LOAD, 1234 * 86_400),
        # Without users (newer procps), and the plural that other implementations write.
        (" 10:55:22 up 5 days, 30 mins," + LOAD, 5 * 86_400 + 30 * 60),
        ("10:55:22 up 0 min, load average: 0.00, 0.00, 0.00", 0),
    ],
)
def test_each_form_is_read(text: str, seconds: int) -> None:
    """The parser reads days, hours and minutes however they are written."""
    assert parse_uptime_command(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "up 25 min\n",
        " 19:23:40 up 25 min\n",
        " 19:23:40 up forever,  1 user\n",
        " 19:23:40 up 1 day,  1 user," + LOAD,
        " 19:23:40 up -5 min,  1 user\n",
        " 19:23:40 up \u0662\u0665 min,  1 user\n",
        " 19:23:40 up 25 min,  1 user\n 19:23:41 up 25 min,  1 user\n",
        "uptime: command failed\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """The parser refuses all but the one line."""
    why = f"expected the line of uptime, found {text if len(text) <= 40 else text[:37] + '...'!r}"
    assert refusal(parse_uptime_command, text) == ("sos_commands/host/uptime", 1, why)
