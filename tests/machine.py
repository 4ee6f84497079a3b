"""What this machine lets a test do, found out by trying; it shares no code with what is tested."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def memory_hierarchy() -> Path | None:
    """Give where the hierarchy with the memory controller (v1 or v2) is mounted, None where there is none."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount_point, filesystem, options, *_ = line.split(" ")
        if filesystem == "cgroup" and "memory" in options.split(","):
            return Path(mount_point)
        if filesystem == "cgroup2":
            handed_down = Path(mount_point, "cgroup.subtree_control").read_text(encoding="utf-8")
            if "memory" in handed_down.split():
                return Path(mount_point)
    return None


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


@contextlib.contextmanager
def new_memory_cgroup() -> Iterator[Path]:
    """Make a memory cgroup whose children have the controller too; end and remove all in it afterwards."""
    hierarchy = memory_hierarchy()
    if hierarchy is None:
        message = "no hierarchy with the memory controller is mounted"
        raise FileNotFoundError(message)
    cgroup = hierarchy / f"unreclaim-test-{os.getpid()}-{time.monotonic_ns()}"
    cgroup.mkdir()
    try:
        handed_down = cgroup / "cgroup.subtree_control"
        if handed_down.exists():
            handed_down.write_text("+memory", encoding="utf-8")
        yield cgroup
    finally:
        remove_cgroup(cgroup)


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
