"""How ``unreclaim units`` takes its options."""

import datetime as dt

import click
import pytest

from tests.fakes.hosts import HOSTS
from unreclaim.cli.main import run
from unreclaim.cli.units import _moment, command

Output = pytest.CaptureFixture[str]


def test_a_capture_is_refused_with_a_hint(capsys: Output) -> None:
    """What needs a running systemd says so, and the exit code is that of what a host lacks."""
    assert run(["units", "--root", str(HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz")]) == 69
    out, error = capsys.readouterr()
    assert (out, error.splitlines()) == (
        "",
        [
            "unreclaim: units: units asks a running systemd and its journal; what --root names has neither",
            "hint: run it on the host itself; a capture has: unreclaim diagnose --root",
        ],
    )


@pytest.mark.parametrize("text", ["soon", "-1h", "2026-13-01", ""])
def test_a_time_that_is_none_is_wrong_usage(capsys: Output, text: str) -> None:
    """It is refused before anybody is asked."""
    assert run(["units", f"--since={text}"]) == 64
    assert "is no duration" in capsys.readouterr().err


def test_a_time_is_a_date_or_so_long_ago() -> None:
    """A date is one of this time zone unless it names another; never before 1970."""
    context = click.Context(command)
    assert _moment("2026-11-25T08:00:00+00:00", 0.0, context) == 1_795_593_600.0
    assert _moment("2026-11-25T08:00", 0.0, context) == dt.datetime(2026, 11, 25, 8).timestamp()  # noqa: DTZ001
    assert _moment("24h", 1_795_593_600.0, context) == 1_795_507_200.0
    assert _moment("24h", 5.0, context) == 0.0
