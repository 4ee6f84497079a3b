"""The reproducers of the laboratory on this kernel: each leaves what it must, and nothing stays behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from tests.machine import DISK, TMPFS, memory_hierarchy
from tests.root.test_census import census
from tests.root.workload import PRIME
from unreclaim.host.root import LiveRoot
from unreclaim.lab.errors import LabError
from unreclaim.lab.reproduce import Order, reproduce

pytestmark = [pytest.mark.live, pytest.mark.root]

ATTEMPTS = 3


def reparents() -> bool:
    """Tell whether this kernel hands pages to the parent."""
    return " lru_reparent_memcg\n" in Path("/proc/kallsyms").read_text(encoding="utf-8")


def by_pages() -> int:
    """Give how many of 23 cgroups that pages hold stay."""
    return 0 if reparents() else PRIME


def by_sockets() -> int:
    """Give how many of 23 cgroups that sockets hold stay: v1 does not count them."""
    return PRIME if (memory_hierarchy() or Path()).joinpath("cgroup.controllers").exists() else 0


KINDS: dict[str, Callable[[], int]] = {
    **dict.fromkeys(("page-cache", "shared-log", "tmpfs", "memfd", "mlock", "mapped"), by_pages),
    **dict.fromkeys(("empty", "dentries", "live-cgroups"), int),
    "sockets": by_sockets,
}


def places() -> list[Path]:
    """List everything of the laboratory's that is there, whoever's it is."""
    everywhere = (memory_hierarchy(), DISK, TMPFS)
    return [path for place in everywhere if place for path in place.glob("unreclaim-lab-*")]


def of(pid: int) -> list[Path]:
    """List what is a process's."""
    return [path for path in places() if path.name.split("-")[2] == str(pid)]


def cgroups_of(pid: int) -> list[Path]:
    """List a process's cgroups: one, the parent of all."""
    return [path for path in of(pid) if path.parent == memory_hierarchy()]


def lab(*arguments: str) -> tuple[int, dict[str, Any], int]:
    """Run an experiment; give its exit code, its JSON and its pid."""
    command = [sys.executable, "-m", "unreclaim", "lab", *arguments, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        output, error = process.communicate()
    assert error == ""
    return process.returncode, json.loads(output), process.pid


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_leaves_what_it_must(kind: str) -> None:
    """23 cgroups leave 23 dying or none, exactly, as is expected of the kind; then nothing of it is there any more.

    Now and then a cgroup is the first to touch a block of the filesystem's metadata, or is freed by reclaim that others
    cause: then it is tried again.
    """
    wanted = KINDS[kind]()
    attempts = ATTEMPTS
    while True:
        code, document, pid = lab("reproduce", kind, "--count", str(PRIME))
        assert of(pid) == []
        attempts -= 1
        if document["dying"] == wanted or not attempts:
            break
    assert (code, document["agrees"]) == (0, True)
    assert (document["made"], document["dying"]) == (PRIME, wanted)
    assert document["live"] == (PRIME if kind == "live-cgroups" else 0)
    assert document["source"].startswith("the census")
    assert document["cut_short"] is None


def test_what_is_held_can_be_looked_at_and_a_killed_run_is_cleaned_up() -> None:
    """While it holds 23 of them the census finds just these; after SIGKILL all is there until clean removes it."""
    command = [sys.executable, "-u", "-m", "unreclaim", "lab", "reproduce", "tmpfs", "--count", str(PRIME)]
    with subprocess.Popen([*command, "--hold", "60s"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("held for 60 s"):
                break
        own = f"/unreclaim-lab-{process.pid}-"
        below = [each for each in census()["dying"] if each["ancestor"].startswith(own)]
        process.kill()
    assert len(below) == by_pages()
    left = of(process.pid)
    assert len(left) == 3
    code, document, _ = lab("clean")
    assert code == 0
    assert {str(path) for path in left} <= set(document["removed"])
    assert of(process.pid) == []


def test_a_run_that_is_killed_in_the_middle_is_cleaned_up() -> None:
    """Killed while it makes cgroups, with a process in one of them, it leaves nothing that clean does not remove."""
    command = [sys.executable, "-m", "unreclaim", "lab", "reproduce", "page-cache", "--count", "5000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        give_up = time.monotonic() + 30
        while not any(cgroups_of(process.pid)) and time.monotonic() < give_up:
            time.sleep(0.01)
        # Two seconds go by before the first cgroup: files are made, and the host's noise is listened to.
        time.sleep(3)
        process.kill()
    (cgroup,) = cgroups_of(process.pid)
    with contextlib.suppress(FileExistsError):
        (cgroup / "23").mkdir()
    asleep = subprocess.Popen(["sleep", "60"])
    (cgroup / "23" / "cgroup.procs").write_text(str(asleep.pid), encoding="ascii")
    lab("clean")
    assert asleep.wait() == -signal.SIGKILL
    assert of(process.pid) == []


def test_what_a_living_process_calls_its_own_stays() -> None:
    """Clean leaves alone what belongs to a process that lives, and what only looks like ours."""
    start = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    mine = TMPFS / f"unreclaim-lab-{os.getpid()}-{start}"
    other = TMPFS / f"unreclaim-lab-{os.getpid()}-{start}-x"
    mine.mkdir()
    other.mkdir()
    try:
        lab("clean")
        assert (mine.exists(), other.exists()) == (True, True)
    finally:
        mine.rmdir()
        other.rmdir()


def test_a_link_under_our_name_is_not_followed(tmp_path: Path) -> None:
    """What is no directory of our own is left alone, whatever it is called."""
    (tmp_path / "precious").touch()
    link = TMPFS / "unreclaim-lab-1-1"
    link.symlink_to(tmp_path)
    try:
        lab("clean")
        assert (tmp_path / "precious").exists()
        assert link.is_symlink()
    finally:
        link.unlink()


class ShortOfMemory(LiveRoot):
    """This host, were it short of memory."""

    def read_text(self, path: str) -> str:
        """Read a file, but /proc/meminfo with little memory available."""
        text = super().read_text(path)
        if path != "/proc/meminfo":
            return text
        return "".join(
            f"MemAvailable: {500 << 10} kB\n" if line.startswith("MemAvailable") else line
            for line in text.splitlines(keepends=True)
        )


def test_a_host_short_of_memory_is_left_alone() -> None:
    """Below 512 MiB available nothing is made, and it is said why."""
    with (
        pytest.raises(LabError, match=r"^lab: this host is short of memory: 524 MB available, and .* must stay$"),
        reproduce(Order("empty", PRIME), ShortOfMemory(), FakeClock()),
    ):
        pass
    assert of(os.getpid()) == []


def test_without_a_memory_controller_it_says_so() -> None:
    """A host whose hierarchies have none cannot make one dying."""
    files = {"/proc/meminfo": Path("/proc/meminfo").read_text(encoding="utf-8"), "/proc/self/mountinfo": ""}
    with (
        pytest.raises(LabError, match="no hierarchy with the memory controller could be read"),
        reproduce(Order("empty", PRIME), FakeRoot(files), FakeClock()),
    ):
        pass


def test_it_stops_when_the_time_is_over() -> None:
    """With no time at all the first readings end it; what was made is counted, and it is said why it is less."""
    code, document, _ = lab("reproduce", "tmpfs", "--count", "400", "--within", "0s")
    assert document["cut_short"] == "the time was over"
    assert (document["asked"], document["made"]) == (400, 10)
    assert document["agrees"] is (code == 0)


def test_what_its_process_holds_cannot_be_kept() -> None:
    """A memfd goes with the process that holds it: to keep it is refused before anything is made."""
    command = [sys.executable, "-m", "unreclaim", "lab", "reproduce", "memfd", "--keep"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert "use --hold" in done.stderr


def test_what_is_kept_is_there_until_clean() -> None:
    """Kept means until the next run: 23 live cgroups are there afterwards, and gone after clean."""
    _, document, pid = lab("reproduce", "live-cgroups", "--count", str(PRIME), "--keep")
    (cgroup,) = cgroups_of(pid)
    assert document["live"] == len(list(cgroup.glob("*/"))) == PRIME
    lab("clean")
    assert of(pid) == []
