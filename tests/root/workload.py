"""Known workloads: they leave exactly so many dying memory cgroups behind, with a second source to check them."""

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PRIME = 23


def leave_dying(parent: Path, files: Path, count: int = PRIME, *, ours: bool = False) -> None:
    """Make `count` memory cgroups below `parent` that each write a 4 KiB file into `files`, end and are removed.

    Each stays dying until its file's page cache goes: on kernels that do not reparent it, exactly one per file.
    ours: the files' writeback structures are ours (`make_file`).
    """
    files.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        # The filesystem's own pages are charged to whoever makes a file.
        make_file(files / f"f{number}") if ours else (files / f"f{number}").touch()
    os.sync()
    for number in range(count):
        write_page(parent / f"c{number}", files / f"f{number}")


def make_file(file: Path) -> None:
    """Make an empty file that has been dirty before.

    On v2 whoever is the first to dirty a file has its writeback structure, which holds their cgroup as long as the
    inode is in memory; and that is charged to who made it, so no reclaim at theirs reaches it.
    """
    with file.open("wb") as stream:
        stream.write(bytes(4096))
        stream.flush()
        os.fsync(stream.fileno())
        stream.truncate(0)


def write_page(cgroup: Path, file: Path) -> None:
    """Append a page to a file inside a fresh memory cgroup, and remove the cgroup."""
    cgroup.mkdir()
    run_in(cgroup, lambda: append_page(file))
    remove(cgroup)


def append_page(file: Path) -> None:
    """Append 4 KiB to a file."""
    with file.open("ab") as stream:
        stream.write(bytes(4096))


def run_in(cgroup: Path, work: Callable[[], object]) -> None:
    """Call a function in a process inside a cgroup, and wait until it has ended."""
    assert os.waitpid(start_in(cgroup, work), 0)[1] == 0


def start_in(cgroup: Path, work: Callable[[], object]) -> int:
    """Call a function in a process inside a cgroup, and give its pid.

    The process is a copy of this one and starts no other program: the pages of one that nobody has used for a minute
    may have been reclaimed (DAMON's pageout scheme on this machine), would be read again and charged to the cgroup.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            (cgroup / "cgroup.procs").write_text("0", encoding="ascii")
            work()
            code = 0
        finally:
            # Not sys.exit(): what is to be done at the end of this process is the test's to do.
            os._exit(code)
    return pid


def as_nobody(*arguments: str) -> list[str]:
    """Give a command that runs the program without privileges.

    All of it is imported before they are dropped: the interpreter may lie where nobody may not read.
    """
    script = (
        "import importlib.readers, os, pkgutil, sys, unreclaim\n"
        "for module in pkgutil.walk_packages(unreclaim.__path__, 'unreclaim.'):\n"
        "    try:\n"
        "        importlib.import_module(module.name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        if error.name != 'drgn': raise\n"
        "from unreclaim.cli.main import run\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    return [sys.executable, "-c", script, *arguments]


def remove(cgroup: Path) -> None:
    """Remove a cgroup; a process that has just ended may still be in it for a moment."""
    for _ in range(200):
        try:
            cgroup.rmdir()
        except OSError:
            time.sleep(0.01)
        else:
            return
    cgroup.rmdir()


def settle_pages() -> None:
    """Let every CPU let go of the pages it has collected and not yet put on a list.

    A page waits in a CPU's batch until that is full or the CPU unmaps memory (mm/swap.c, lru_add_drain()). One of a
    process that has ended holds its cgroup that long: one or two are then dying for no reason that anybody could name.
    """
    allowed = os.sched_getaffinity(0)
    try:
        for cpu in allowed:
            os.sched_setaffinity(0, {cpu})
            with mmap.mmap(-1, 1 << 20) as memory:
                memory.write(bytes(1 << 20))
    finally:
        os.sched_setaffinity(0, allowed)


def remove_files(files: Path) -> None:
    """Delete what `leave_dying` wrote, and let the filesystem forget it."""
    for file in files.iterdir():
        file.unlink()
    files.rmdir()
    subprocess.run(["sync"], check=True)
