"""A signal ends the program as Ctrl-C does: nothing half-written is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.live]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_capture_that_is_ended_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Between two samples the signal ends it with 130 and one line; neither the bundle nor its beginnings remain."""
    command = [sys.executable, "-m", "unreclaim", "capture", "--samples", "2", "--every", "60s", "-o", "it.tar.gz"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        _wait_for_its_beginnings(tmp_path)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    # Click ends the line that a terminal shows ^C on.
    assert (process.returncode, errors) == (130, "\nunreclaim: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """Under nohup the capture goes on to its end."""
    command = ["nohup", sys.executable, "-m", "unreclaim", "capture", "--samples", "2", "--every", "2s", "-o", "it"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_for_its_beginnings(tmp_path)
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=30) == 0
    assert os.listdir(tmp_path) == ["it"]


def _wait_for_its_beginnings(directory: Path) -> None:
    give_up = time.monotonic() + 20
    while not list(directory.glob(".unreclaim-*")):
        assert time.monotonic() < give_up, "the capture never began"
        time.sleep(0.02)
