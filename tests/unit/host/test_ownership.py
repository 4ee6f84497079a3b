"""Whose a thing that we made is."""

import os
import subprocess

import pytest

from unreclaim.host.ownership import is_orphan, own_name, started_ticks

pytestmark = pytest.mark.live


def test_what_is_ours_is_no_orphan() -> None:
    """This process lives, and its pid with another start time is another process."""
    name = own_name("lab")
    assert name == f"unreclaim-lab-{os.getpid()}-{started_ticks(os.getpid())}"
    assert [is_orphan(name, "lab"), is_orphan(f"{name}.service", "lab"), is_orphan(f"{name}1", "lab")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["unreclaim-lab", "unreclaim-lab-x-1", "unreclaim-lab-1-1-x", "unreclaim-trial-1-1"])
def test_other_names_are_nobodys(name: str) -> None:
    """What does not bear a pid and a start time is left alone."""
    assert not is_orphan(name, "lab", "trace")


def test_a_process_that_ended_owns_nothing() -> None:
    """Neither one that is gone nor one that only waits to be reaped."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert started_ticks(process.pid) is None
    process.wait()
    assert started_ticks(process.pid) is None
    assert is_orphan(f"unreclaim-lab-{process.pid}-1.service", "trace", "lab")
    assert not is_orphan(f"unreclaim-lab-{process.pid}-1.service", "trace")
