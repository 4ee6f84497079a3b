"""What a killed test run leaves is removed by the next one, and what a living one has is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import TOP
from tests.machine import DISK, TMPFS, leftovers, memory_hierarchy, own_name, remove_leftovers, unified_hierarchy

pytestmark = [pytest.mark.live, pytest.mark.root]

PLACES = [place for place in (memory_hierarchy(), unified_hierarchy(), DISK, TMPFS) if place is not None]
# All of ours: in a virtual machine pytest is no package of that Python's own.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(TOP), *sys.path])}
MAKE = """
import sys, time
from pathlib import Path
from tests.machine import own_name
for place in sys.argv[1:]:
    path = Path(place) / own_name("test")
    (path / "inner one").mkdir(parents=True)
    print(path, flush=True)
time.sleep(600)
"""


class Run:
    """A run of the tests that has made a directory in each place and does not end by itself."""

    def __init__(self) -> None:
        """Start it, and wait until it has made them."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAKE, *map(str, PLACES)],
            cwd=TOP,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in PLACES]
        assert all(lines), "it ended before it had made all of them"
        self.paths = [Path(line.rstrip("\n")) for line in lines]

    def kill(self) -> None:
        """End it so that it cleans nothing up."""
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def runs() -> Iterator[tuple[Run, Run]]:
    """Give two runs, which are ended afterwards with all that they made."""
    both = (Run(), Run())
    try:
        yield both
    finally:
        for run in both:
            run.kill()
        remove_leftovers()


def test_what_a_killed_run_left_is_removed_and_a_living_one_keeps_its_own(runs: tuple[Run, Run]) -> None:
    """Of two runs one is killed: its cgroups, files on disk and in tmpfs go, those of the other stay."""
    killed, living = runs
    assert not {*killed.paths, *living.paths} & set(leftovers())
    killed.kill()
    assert set(killed.paths) <= set(leftovers())
    assert remove_leftovers() >= len(PLACES)
    assert [path for path in killed.paths if path.exists()] == []
    assert [path for path in living.paths if not (path / "inner one").is_dir()] == []


def test_a_pid_that_is_used_again_is_told_from_its_owner() -> None:
    """A process that bears the pid and was started at another time is not the owner; what bears no mark has none."""
    mark = own_name("test")
    what, pid, started, moment = mark.rsplit("-", 3)
    names = [mark, f"{what}-{pid}-{int(started) - 1}-{moment}", f"{what}-{pid}-{moment}", "unreclaim-test"]
    paths = [DISK / name for name in names]
    try:
        for path in paths:
            path.touch()
        assert [path in leftovers() for path in paths] == [False, True, False, False]
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def test_a_process_that_only_waits_to_be_reaped_owns_nothing() -> None:
    """What a process called its own that was killed is left over before its parent has waited for it."""
    command = [sys.executable, "-c", 'from tests.machine import own_name\nprint(own_name("test"), flush=True); input()']
    with subprocess.Popen(
        command, cwd=TOP, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().rstrip("\n")
        assert name
        path = DISK / name
        try:
            path.touch()
            assert path not in leftovers()
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert path in leftovers()
        finally:
            path.unlink(missing_ok=True)


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    """Anybody may put a link of such a name where all may write: only the link goes."""
    (tmp_path / "kept").mkdir()
    link = DISK / "unreclaim-test-1-1-1"
    link.symlink_to(tmp_path)
    remove_leftovers()
    assert not link.is_symlink()
    assert (tmp_path / "kept").is_dir()
