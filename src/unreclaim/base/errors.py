"""What can go wrong, and what is said about it.

The tree::

    UnreclaimError         what: why (hint: what to do)
    +-- ParseError         a file of the kernel, of systemd or of a bundle does not have its documented form
    +-- RootError          the host, directory or archive to be read cannot be used at all
    +-- UnavailableError   this host lacks what was asked for
    +-- OutputError        a result cannot be written

A fact that is missing on a host that is otherwise readable is no error: it is a `model.gap.Gap`.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; API.

    0 to 3 are those of a Nagios plugin. The rest follow sysexits.h so that they never mean a verdict.
    """

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2
    CANNOT_TELL = 3
    USAGE = 64
    BAD_DATA = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    INTERNAL = 70
    CANNOT_WRITE = 73
    INTERRUPTED = 130


class UnreclaimError(Exception):
    """An error that is shown to the user as ``unreclaim: what: why`` and a hint."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, what: str, why: str, *, hint: str | None = None) -> None:
        """Say what failed, why, and, where there is something to do, what to do."""
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.hint = hint


class ParseError(UnreclaimError):
    """A file does not have its documented form."""

    exit_code = ExitCode.BAD_DATA

    def __init__(self, file: str, line: int, why: str) -> None:
        """Name the file, the 1-based line (0: the file as a whole) and what is wrong with it."""
        super().__init__(f"{file}:{line}" if line else file, why)
        self.file = file
        self.line = line


class RootError(UnreclaimError):
    """The host, directory or archive named by ``--root`` cannot be read."""

    exit_code = ExitCode.NO_INPUT


class UnavailableError(UnreclaimError):
    """This host lacks what was asked for; `why` and `hint` say what is missing."""

    exit_code = ExitCode.UNAVAILABLE


class OutputError(UnreclaimError):
    """A result cannot be written where it was asked for."""

    exit_code = ExitCode.CANNOT_WRITE
