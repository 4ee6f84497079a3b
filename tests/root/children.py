"""Children that leave something behind when they end: descriptors, files, memory."""

import ctypes
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.root.workload import remove, run_in

PAGE = os.sysconf("SC_PAGE_SIZE")
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p


def leave_behind(cgroup: Path, work: Callable[[], Iterable[int] | None]) -> list[int]:
    """Let a child do `work` in a fresh cgroup and end; remove the cgroup, and give what descriptors it passed on."""
    cgroup.mkdir()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run_in(cgroup, lambda: socket.send_fds(theirs, [b"x"], list(work() or ())))
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 8)
    remove(cgroup)
    return descriptors


def write_file(path: Path, pages: int = 1, *, sync: bool = True) -> int:
    """Write a file of some pages and give a descriptor of it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, bytes(pages * PAGE))
    if sync:
        os.fsync(descriptor)
    return descriptor
