"""A journalctl that hangs, complains, is absent or says odd things; tests/root/test_units.py reads a real journal."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unreclaim.formats.journal_entry import STARTED, JournalEntry
from unreclaim.host.systemd import journal
from unreclaim.host.systemd.journal import JournalError, read_begin, read_starts

LINE = json.dumps({"__REALTIME_TIMESTAMP": "5000000", "_PID": "1", "MESSAGE_ID": STARTED, "UNIT": "a.service"})
ENTRY = JournalEntry(5.0, STARTED, "a.service")
Fake = Callable[[str], None]


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Give a function that puts a script in journalctl's place."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def put(script: str) -> None:
        program = tmp_path / "journalctl"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)

    return put


def failure(entries: Iterator[JournalEntry]) -> tuple[list[JournalEntry], str]:
    """Give the entries that come before the error, and its reason."""
    seen: list[JournalEntry] = []
    with pytest.raises(JournalError) as caught:
        seen.extend(entries)
    return seen, caught.value.why


def test_entries_are_read_as_they_come(journalctl: Fake) -> None:
    """One program gives all, from the second on that was asked for; a line without end is no entry."""
    journalctl(f"case $* in *--since=@7\\ *) ;; *) exit 1;; esac\nfor i in 1 2 3; do echo '{LINE}'; done; printf '{{'")
    assert list(read_starts(7.9)) == [ENTRY] * 3
    journalctl(f"case $* in *--boot*MESSAGE_ID=*) ;; *) exit 1;; esac\necho '{LINE}'")
    assert list(read_starts(None)) == [ENTRY]


def test_the_oldest_entry_ends_the_reading(journalctl: Fake) -> None:
    """It takes one line and ends the program, however much that has to say; no line is no entry."""
    journalctl(f"while echo '{LINE}'; do :; done")
    assert read_begin(None) == 5.0
    journalctl("exit 0")
    assert read_begin(None) is None


def test_a_journal_that_does_not_answer_is_given_up(journalctl: Fake) -> None:
    """What was read before the time is over is kept, and the program is ended."""
    journalctl(f"echo '{LINE}'; exec sleep 30")
    began = time.monotonic()
    assert failure(read_starts(None, whole_seconds=0.5)) == ([ENTRY], "no answer in time")
    journalctl("exec >&-; exec sleep 30")
    assert failure(read_starts(None, whole_seconds=0.3)) == ([], "journalctl does not end")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'No journal files were found.' >&2", "No journal files were found."),
        (f"echo '{LINE}'; printf 'Hint: not\\n  all' >&2", "Hint: not all"),
        ("exit 3", "journalctl: exit code 3"),
    ],
)
def test_what_it_complains_of_is_said(journalctl: Fake, script: str, why: str) -> None:
    """A complaint, or a code other than zero, is an error after the last entry."""
    journalctl(script)
    assert failure(read_starts(None)) == ([ENTRY] if LINE in script else [], why)


def test_what_is_no_entry_is_an_error(journalctl: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be read ends the reading; one that never ends is not kept for ever."""
    journalctl("echo x")
    assert failure(read_starts(None))[1].startswith("journalctl -o json:1: expected an entry")
    with pytest.raises(JournalError, match="expected an entry"):
        read_begin(None)
    monkeypatch.setattr(journal, "_MOST_LINE_BYTES", 1000)
    journalctl("while printf 0123456789; do :; done")
    assert failure(read_starts(None)) == ([], "an entry without end")


def test_without_journalctl_there_is_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without it is told so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert failure(read_starts(None)) == ([], "journalctl cannot be run: No such file or directory")
