"""Children that do something inside a cgroup of their own, end, and leave the cgroup dying."""

import ctypes
import os
import socket
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.root.workload import remove

PAGE = os.sysconf("SC_PAGE_SIZE")
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p


def join(cgroup: Path) -> None:
    """Move this process into a cgroup."""
    (cgroup / "cgroup.procs").write_text("0", encoding="ascii")


def leave_behind(cgroup: Path, work: Callable[[], Iterable[int] | None]) -> list[int]:
    """Let a forked child do `work` in a fresh cgroup and end; remove the cgroup, and give the descriptors it passed on.

    Forked, not started anew: a program's own pages, read in by the child, would hold the cgroup too.
    """
    cgroup.mkdir()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            join(cgroup)
            socket.send_fds(theirs, [b"x"], list(work() or ()))
            status = 0
        except BaseException:  # noqa: BLE001  a child that went on would run the rest of the tests
            traceback.print_exc()
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 8)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    remove(cgroup)
    return descriptors


def write_file(path: Path, pages: int = 1, *, sync: bool = True) -> int:
    """Write a file of some pages and give a descriptor of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, bytes(pages * PAGE))
    if sync:
        os.fsync(descriptor)
    return descriptor
