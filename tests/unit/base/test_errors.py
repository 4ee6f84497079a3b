"""What is said about errors, and the exit codes."""

import pytest

from unreclaim.base.errors import ExitCode, OutputError, ParseError, RootError, UnavailableError, UnreclaimError


def test_exit_codes_are_api() -> None:
    """Verdicts have the exit codes of a Nagios plugin, errors those of sysexits.h and the shell."""
    assert {code.name: code.value for code in ExitCode} == {
        "HEALTHY": 0,
        "WARNING": 1,
        "CRITICAL": 2,
        "CANNOT_TELL": 3,
        "USAGE": 64,
        "BAD_DATA": 65,
        "NO_INPUT": 66,
        "UNAVAILABLE": 69,
        "INTERNAL": 70,
        "CANNOT_WRITE": 73,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UnreclaimError, ExitCode.INTERNAL),
        (RootError, ExitCode.NO_INPUT),
        (UnavailableError, ExitCode.UNAVAILABLE),
        (OutputError, ExitCode.CANNOT_WRITE),
    ],
)
@pytest.mark.parametrize("hint", [None, "run as root"])
def test_error_says_what_why_and_what_to_do(kind: type[UnreclaimError], code: ExitCode, hint: str | None) -> None:
    """An error keeps its parts, reads as "what: why", and knows its exit code."""
    error = kind("/srv/x", "no such directory", hint=hint)
    assert isinstance(error, UnreclaimError)
    assert (error.what, error.why, error.hint) == ("/srv/x", "no such directory", hint)
    assert str(error) == "/srv/x: no such directory"
    assert error.exit_code is code


def test_hint_may_be_left_out() -> None:
    """An error without a hint has None there."""
    assert UnreclaimError("a", "b").hint is None


@pytest.mark.parametrize(("line", "what"), [(0, "/proc/meminfo"), (1, "/proc/meminfo:1"), (23, "/proc/meminfo:23")])
def test_parse_error_names_file_and_line(line: int, what: str) -> None:
    """A ParseError reads "file:line: why", and without the line where the whole file is meant."""
    error = ParseError("/proc/meminfo", line, "no MemTotal line")
    assert isinstance(error, UnreclaimError)
    assert (error.file, error.line, error.what, error.why, error.hint) == (
        "/proc/meminfo",
        line,
        what,
        "no MemTotal line",
        None,
    )
    assert str(error) == f"{what}: no MemTotal line"
    assert error.exit_code is ExitCode.BAD_DATA
