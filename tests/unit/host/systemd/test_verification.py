"""Complaints of systemd-analyze verify come as lines, whatever it does."""

from pathlib import Path

import pytest

from unreclaim.host.systemd import verification
from unreclaim.host.systemd.verification import verify_unit


def put_program(monkeypatch: pytest.MonkeyPatch, place: Path, text: str) -> None:
    """Put a systemd-analyze of the test's own where it is looked for."""
    program = place / "systemd-analyze"
    program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")


def test_without_the_program_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That is None, and not the absence of complaints."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert verify_unit("/x.service") is None


def test_complaints_and_a_bad_end_are_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it writes to stderr, empty lines left out, and its exit code where that is not 0."""
    put_program(monkeypatch, tmp_path, "echo \"$@\" >&2; echo >&2; printf 'b\\377d\\n' >&2; exit 3")
    expected = ("verify --man=no /x.service", "b\\xffd", "systemd-analyze: exit code 3")
    assert verify_unit("/x.service") == expected
    put_program(monkeypatch, tmp_path, "echo said; exit 0")
    assert verify_unit("/x.service") == ()


def test_no_answer_is_a_complaint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is given up, and a change that it was asked about is taken back."""
    monkeypatch.setattr(verification, "_SECONDS", 0.2)
    put_program(monkeypatch, tmp_path, "exec sleep 60")
    assert verify_unit("/x.service") == ("systemd-analyze: no answer within 0 seconds",)
