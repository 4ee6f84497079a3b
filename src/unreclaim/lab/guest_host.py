"""What the programs that run in a guest share: the kernel's files, and what each rung of the ladder does.

It goes into the guest with them, imports nothing of this package and runs on Python 3.9.
"""

from __future__ import annotations

import contextlib
import os
import time

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


def read(path: str) -> str | None:
    """Give a file's text, None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def write(path: str, text: str) -> None:
    """Write to a file of the kernel in one call; an error is the caller's."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def remove(cgroup: str) -> None:
    """Remove a cgroup; a process that has just ended may still be in it for a moment."""
    for _ in range(200):
        try:
            os.rmdir(cgroup)
        except OSError:
            time.sleep(0.01)
        else:
            return
    os.rmdir(cgroup)


def meminfo() -> dict[str, int | None]:
    """Give the kernel's memory in bytes: unreclaimable slab and per-CPU memory."""
    lines = dict(line.split(":") for line in (read("/proc/meminfo") or "").splitlines())
    return {name: int(lines[name].split()[0]) * 1024 if name in lines else None for name in ("SUnreclaim", "Percpu")}


def difference(start: int | None, end: int | None) -> int | None:
    """Give a growth, None where one end of it is not known."""
    return None if start is None or end is None else end - start


def fadvise(files: list[str]) -> None:
    """Ask the kernel to drop the page cache of files, and of nothing else."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def reclaim(cgroup: str) -> None:
    """Reclaim from a living cgroup: memory.reclaim (v2, 5.19) or memory.force_empty (v1)."""
    for name, amount in (("memory.reclaim", "1G"), ("memory.force_empty", "0")):
        if os.path.exists("%s/%s" % (cgroup, name)):
            # EAGAIN: it got less than what was asked for, which is more than there is. It gives up early, too.
            for _ in range(3):
                with contextlib.suppress(OSError):
                    write("%s/%s" % (cgroup, name), amount)


def drop_caches(what: str) -> None:
    """Drop the page cache (1), slab (2) or both (3)."""
    write("/proc/sys/vm/drop_caches", what)
