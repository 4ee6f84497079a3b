"""Reads the journal through one long-lived journalctl, line by line, with a limit to the whole."""

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator

from unreclaim.base.errors import ParseError, UnavailableError
from unreclaim.formats.journal_entry import DROPPED, FIELDS, MESSAGE_IDS, JournalEntry, parse_journal_entry

_WHOLE_SECONDS = 60.0
_CHUNK = 2**20
_MOST_LINE_BYTES = 2**24
_COMMAND = ("journalctl", "--no-pager", "--output=json")
_HINT = "run as root, or as a member of the group systemd-journal"
_SLOW = "a shorter time is read sooner: --since 1h"


class JournalError(UnavailableError):
    """The journal cannot be read, or not to its end."""


def read_starts(
    since_unix_seconds: float | None, *, unit: str | None = None, whole_seconds: float = _WHOLE_SECONDS
) -> Iterator[JournalEntry]:
    """Give the messages of every systemd about units that start, the oldest first.

    since_unix_seconds: from then on, over boots; None: of this boot. unit: only what PID 1 says of this one, and what
    journald says of messages that it dropped.

    Raises:
        JournalError: there is no journal or no journalctl, it may not be read, or it takes too long; entries that were
            given before are whole.

    """
    matches = [f"MESSAGE_ID={identity}" for identity in MESSAGE_IDS]
    if unit is not None:
        # Different fields must all match; behind + stands another set of them.
        matches = [*matches, f"UNIT={unit}", "+", f"MESSAGE_ID={DROPPED}"]
    fields = f"--output-fields={','.join(FIELDS)}"
    for line in _lines((*_COMMAND, _range(since_unix_seconds), fields, *matches), whole_seconds):
        try:
            yield parse_journal_entry(line)
        except ParseError as error:
            raise JournalError("journal", str(error)) from None


def read_begin(since_unix_seconds: float | None, *, whole_seconds: float = _WHOLE_SECONDS) -> float | None:
    """Give the time of the oldest entry of all, in seconds since 1970; None: there is none.

    Raises:
        JournalError: as `read_starts`.

    """
    lines = _lines((*_COMMAND, _range(since_unix_seconds), "--output-fields=MESSAGE_ID"), whole_seconds)
    try:
        for line in lines:
            return parse_journal_entry(line).unix_seconds
    except ParseError as error:
        raise JournalError("journal", str(error)) from None
    finally:
        lines.close()
    return None


def _range(since_unix_seconds: float | None) -> str:
    # In whole seconds, as every version takes it: the second that is begun counts.
    return "--boot" if since_unix_seconds is None else f"--since=@{int(since_unix_seconds)}"


def _lines(command: tuple[str, ...], whole_seconds: float) -> Generator[str]:
    """Give the lines of journalctl, which ends with them; what it complains of is an error, after the last line."""
    give_up = time.monotonic() + whole_seconds
    environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(  # noqa: S603  words of our own, found by PATH
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=environment
            )
        except OSError as error:
            why = f"journalctl cannot be run: {error.strerror}"
            raise JournalError("journal", why, hint="is systemd-journald used here?") from None
        with process:
            try:
                yield from _split(process, give_up)
                code = process.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise JournalError("journal", "journalctl does not end", hint=_SLOW) from None
            finally:
                process.kill()
        complaints.seek(0)
        said = complaints.read(_CHUNK).decode("utf-8", "replace").strip()
        if code or said:
            raise JournalError("journal", " ".join(said.split()) or f"journalctl: exit code {code}", hint=_HINT)


def _split(process: subprocess.Popen[bytes], give_up: float) -> Iterator[str]:
    """Cut what a program writes into lines."""
    if process.stdout is None:
        return
    descriptor = process.stdout.fileno()
    rest = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, give_up - time.monotonic()))
        if not ready:
            raise JournalError("journal", "no answer in time", hint=_SLOW)
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "surrogateescape")
        if len(rest) > _MOST_LINE_BYTES:
            raise JournalError("journal", "an entry without end", hint=None)
