"""``unreclaim lab``: what is refused before anything is made, and what is said of how long it stays."""

import contextlib
import os

import pytest

from tests.unit.render.test_lab import MADE
from unreclaim.cli import lab_reproduce
from unreclaim.cli.main import run

Output = pytest.CaptureFixture[str]
TWO = "give two units, or settings with --set and --against"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["compare"], TWO),
        (["compare", "a.service"], TWO),
        (["compare", "a.service", "b.service", "c.service"], TWO),
        (["compare", "a.service", "b.service", "--set", "Type=exec"], TWO),
        (["compare", "--set", "Type=exec"], TWO),
        (
            ["compare", "--set", "A=1", "--against", "A=2", "--exec", "x", "--unit-file", "/proc/meminfo"],
            "--unit-file and --exec exclude each other",
        ),
        (
            ["compare", "--set", "A=1", "--against", "A=2", "--starts", "3"],
            "there must be a start of each in every round: fewer --rounds or more --starts",
        ),
        (
            ["compare", "--set", "A=1", "--against", "A=2", "--suite", "../x"],
            "Invalid value for '--suite': '../x' is no name of a suite",
        ),
        (
            ["compare", "a.service", "b.service", "--run-for", "100 ns"],
            "--run-for: '100 ns' is no time span of systemd; write 100ms, 2s or 1min 30s",
        ),
        (["kernel", "--cgroup", "hybrid"], "hybrid is how a systemd sets cgroups up: it is for --units"),
        (["kernel", "--only", "makers"], "--only names groups of units: it is for --units"),
        (["kernel", "--modules", "/x"], "--modules is of a kernel of your own, named by --image"),
        (["reproduce", "empty", "--nspawn"], "--nspawn is for unit-loop alone"),
        (
            ["reproduce", "sockets", "--keep"],
            "what sockets leaves is held by this process and goes with it; use --hold",
        ),
        (
            ["reproduce", "empty", "--count", "20001"],
            "Invalid value for '--count': 20001 is not in the range 1<=x<=20000.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    """One line, the way to help, and 64."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run(["lab", *arguments]) == 64
    assert capsys.readouterr() == ("", f"unreclaim: {error}\nhint: unreclaim lab {arguments[0]} --help\n")


@pytest.mark.parametrize(
    "arguments",
    [["reproduce", "empty"], ["compare", "--set", "A=1", "--against", "A=2"], ["clean"]],
    ids=["reproduce", "compare", "clean"],
)
def test_a_user_is_told_to_be_root(capsys: Output, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """Without privileges every experiment says so, with 69, and makes nothing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(["lab", *arguments]) == 69
    assert capsys.readouterr() == (
        "",
        f"unreclaim: lab {arguments[0]}: only root can make cgroups\nhint: run it with sudo\n",
    )


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        ("100ms", "held for 0.1 seconds: look with unreclaim census or unreclaim diagnose"),
        ("0s", "it is removed now"),
    ],
)
def test_how_long_it_is_held_is_said(capsys: Output, monkeypatch: pytest.MonkeyPatch, hold: str, said: str) -> None:
    """A part of a second too, and that nothing is held."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab_reproduce, "reproduce", lambda *_: contextlib.nullcontext(MADE))
    assert run(["lab", "reproduce", "page-cache", "--hold", hold]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == said
