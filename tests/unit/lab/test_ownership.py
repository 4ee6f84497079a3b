"""Whose a thing of the laboratory is."""

import os
import subprocess

import pytest

from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import is_orphan, own_name, require_root, started_ticks

pytestmark = pytest.mark.live


def test_what_is_ours_is_no_orphan() -> None:
    """This process lives, and its pid with another start time is another process."""
    name = own_name()
    assert name == f"unreclaim-lab-{os.getpid()}-{started_ticks(os.getpid())}"
    assert [is_orphan(name), is_orphan(f"{name}.service"), is_orphan(f"{name}1")] == [False, False, True]


@pytest.mark.parametrize("name", ["unreclaim-lab", "unreclaim-lab-x-1", "unreclaim-lab-1-1-x", "unreclaim-test-1-1-1"])
def test_other_names_are_nobodys(name: str) -> None:
    """What does not bear a pid and a start time is left alone."""
    assert not is_orphan(name)


def test_a_process_that_ended_owns_nothing() -> None:
    """Neither one that is gone nor one that only waits to be reaped."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert started_ticks(process.pid) is None
    process.wait()
    assert started_ticks(process.pid) is None
    assert is_orphan(f"unreclaim-lab-{process.pid}-1.service")


def test_without_privileges_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried without root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"^lab clean: only root can make cgroups$"):
        require_root("lab clean")
