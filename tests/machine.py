"""What this machine lets a test do, found out by trying; it shares no code with what is tested."""

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

# Where tests put what must lie on a disk, for /tmp may be a tmpfs, and in a tmpfs.
DISK = Path("/var/tmp")  # noqa: S108
TMPFS = Path("/dev/shm")  # noqa: S108
_OWNED = re.compile(r"unreclaim-.+-([0-9]+)-([0-9]+)-[0-9]+")


def memory_hierarchy() -> Path | None:
    """Give where the hierarchy with the memory controller (v1 or v2) is mounted, None where there is none."""
    for mount_point, filesystem, options in _mounts():
        if filesystem == "cgroup" and "memory" in options.split(","):
            return mount_point
        if filesystem == "cgroup2":
            handed_down = (mount_point / "cgroup.subtree_control").read_text(encoding="utf-8")
            if "memory" in handed_down.split():
                return mount_point
    return None


def unified_hierarchy() -> Path | None:
    """Give where cgroup v2 is mounted, None where it is not."""
    return next((mount_point for mount_point, filesystem, _ in _mounts() if filesystem == "cgroup2"), None)


def _mounts() -> Iterator[tuple[Path, str, str]]:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount_point, filesystem, options, *_ = line.split(" ")
        yield Path(mount_point), filesystem, options


def own_name(what: str) -> str:
    """Name a thing of this process's that outlives it if it is killed, so that `remove_leftovers` knows whose it is.

    By pid and start time: a pid is used again, both together are not.
    """
    pid = os.getpid()
    return f"unreclaim-{what}-{pid}-{_started(pid)}-{time.monotonic_ns()}"


def _started(pid: int) -> int | None:
    """Give when a process was started (clock ticks since boot), None where there is none of that pid, or it has ended.

    One that is killed keeps its line in /proc until its parent has waited for it, and its name of things until then.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Fields 3 and 22; the second is the command in parentheses, which may hold blanks and parentheses of its own.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def leftovers() -> list[Path]:
    """List what tests left that were killed: cgroups, and files on a disk and in a tmpfs.

    What a living process calls its own is not among it, nor what bears no such name.
    """
    hierarchies = {memory_hierarchy(), unified_hierarchy()}
    found = []
    for place in (*hierarchies, DISK, TMPFS):
        if place is not None and place.is_dir():
            for path in place.iterdir():
                owner = _OWNED.fullmatch(path.name)
                if owner is not None and _started(int(owner[1])) != int(owner[2]):
                    found.append(path)
    return sorted(found)


def remove_leftovers() -> int:
    """Remove them and give their number: 2,000 cgroups of a run that was killed would make this another host."""
    found = leftovers()
    for path in found:
        # Another run of the tests may begin now and remove them too.
        with contextlib.suppress(FileNotFoundError):
            if path.is_relative_to(DISK) or path.is_relative_to(TMPFS):
                _remove_file(path)
            else:
                remove_cgroup(path)
    return len(found)


def _remove_file(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def skip_unless_forced(reason: str) -> None:
    """Skip the test that calls this, with the reason and the way to run it all the same."""
    if os.environ.get("UNRECLAIM_FORCE") != "1":
        pytest.skip(f"{reason} (UNRECLAIM_FORCE=1 runs it all the same)")


@cache
def why_not_live() -> str | None:
    """Say why the kernel of this machine cannot be read, None where it can."""
    return None if Path("/proc/meminfo").exists() else "no /proc/meminfo: not Linux, or /proc is not mounted"


@cache
def why_not_root() -> str | None:
    """Say why a test cannot make memory cgroups here, None where it can."""
    if os.geteuid() != 0:
        return "not root"
    try:
        with new_memory_cgroup():
            return None
    except OSError as error:
        return f"cannot make a memory cgroup: {error}"


@cache
def pages_pin() -> bool:
    """Tell whether pages of a removed memory cgroup hold it here.

    A kernel with lru_reparent_memcg() hands them to the parent (f1cf8d2f36dc). It is looked for, not the version.
    """
    return not _has_function("lru_reparent_memcg")


@cache
def systemd_is_first() -> bool:
    """Tell whether PID 1 is a systemd, as sd_booted(3) does."""
    return Path("/run/systemd/system").is_dir()


def memory_is_v1() -> bool:
    """Tell whether memory cgroups are on v1 here."""
    hierarchy = memory_hierarchy()
    return hierarchy is not None and (hierarchy / "memory.usage_in_bytes").exists()


@cache
def statistics_are_exact() -> bool:
    """Tell whether memory.stat has each page; before 5.12 they were added up 32 at a time and CPU."""
    return _has_function("mem_cgroup_css_rstat_flush")


def _has_function(name: str) -> bool:
    symbols = Path("/proc/kallsyms").read_text(encoding="ascii")
    return re.search(rf" {name}$", symbols, re.MULTILINE) is not None


@contextlib.contextmanager
def new_memory_cgroup() -> Iterator[Path]:
    """Make a memory cgroup whose children have the controller too; end and remove all in it afterwards."""
    hierarchy = memory_hierarchy()
    if hierarchy is None:
        message = "no hierarchy with the memory controller is mounted"
        raise FileNotFoundError(message)
    cgroup = hierarchy / own_name("test")
    cgroup.mkdir()
    try:
        hand_memory_down(cgroup)
        yield cgroup
    finally:
        remove_cgroup(cgroup)


def hand_memory_down(cgroup: Path) -> None:
    """Give children of a cgroup the memory controller: on v2 they are no memory cgroups without that."""
    handed_down = cgroup / "cgroup.subtree_control"
    if handed_down.exists():
        handed_down.write_text("+memory", encoding="utf-8")


@contextlib.contextmanager
def new_disk_directory() -> Iterator[Path]:
    """Make a directory on a disk; remove it with its files afterwards, and let the filesystem forget them."""
    directory = DISK / own_name("test")
    directory.mkdir()
    try:
        yield directory
    finally:
        # A test may have removed it by itself.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(directory)
        os.sync()


def remove_cgroup(cgroup: Path) -> None:
    """End the processes in and below a cgroup and remove it; OSError if it is in use after 5 seconds."""
    for directory, _, _ in os.walk(cgroup, topdown=False):
        give_up = time.monotonic() + 5
        while True:
            for pid in Path(directory, "cgroup.procs").read_text(encoding="utf-8").split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            try:
                Path(directory).rmdir()
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
            else:
                break
