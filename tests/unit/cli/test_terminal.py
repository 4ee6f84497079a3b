"""Colour and progress, on terminals of the kernel's own making."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.fakes.hosts import HOSTS
from unreclaim.cli.terminal import progress_line, stage_line, wants_colour

BUNDLE = HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz"
COLOUR = re.compile(rb"\033\[1;32mHEALTHY\033\[0m: This host")


def on_a_terminal(environment: Mapping[str, str]) -> bytes:
    """Give what diagnose writes to a terminal."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    done = subprocess.run(
        [sys.executable, "-m", "unreclaim", "diagnose", "--root", BUNDLE],
        stdout=theirs,
        env={**clean, "TERM": "xterm", **environment},
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 0
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1(65_536)


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "empty", "no-color.org", "dumb"],
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """The state is coloured on a terminal, unless NO_COLOR is set and not empty, or the terminal is dumb."""
    text = on_a_terminal(environment)
    assert bool(COLOUR.search(text)) is coloured
    assert (b"\033" in text) is coloured


@pytest.mark.parametrize("streams", ["pipe", "closed"])
def test_elsewhere_there_is_neither_colour_nor_progress(monkeypatch: pytest.MonkeyPatch, streams: str) -> None:
    """A pipe, a file, or no stream at all is no terminal."""
    if streams == "closed":
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
    assert wants_colour() is False
    assert progress_line("watching") is None
    assert stage_line("reclaim") is None


def test_short_waits_show_no_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a second nobody needs to be told; from then on one line is written over and over and wiped at the end."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = progress_line("capturing")
    assert show is not None
    show(0, 0.9)
    assert capsys.readouterr().err == ""
    show(0, 1)
    show(0.6, 1)
    show(1, 1)
    assert capsys.readouterr().err == (
        "\r\033[Kcapturing: 0 of 1 s (Ctrl-C ends)\r\033[Kcapturing: 1 of 1 s (Ctrl-C ends)\r\033[K"
    )


def test_a_stage_is_one_line_of_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written over by the next and wiped at the end; a file's name does not steer the terminal."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = stage_line("reclaim")
    assert show is not None
    show("drop the cache of /a\n\033[2J\udcff")
    show("x" * 100)
    show("")
    assert capsys.readouterr().err == (
        f"\r\033[Kreclaim: drop the cache of /a??[2J?\r\033[Kreclaim: {'x' * 70}\r\033[K"
    )
