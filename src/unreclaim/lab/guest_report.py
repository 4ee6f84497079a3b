"""Makes leaks in a guest and tries each rung of the recovery ladder on each; run there as a program of its own.

With guest_host.py it is all that goes there, and it runs on Python 3.9: a guest has the Python that its suite has. The
document that it leaves is `report.GuestReport`.

For each kind of leak a parent cgroup is made, and `count` children below it in each of which one process does what the
kind says, ends, and the child is removed. What then stays dying is counted below that parent alone (v2) or as the
difference on an otherwise idle machine (v1). Each rung is tried on a fresh set of cgroups, so that what one frees is
not missed by the next.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import socket
import sys
import time
from typing import TYPE_CHECKING

from .guest_host import V1, V2, difference, drop_caches, fadvise, meminfo, read, reclaim, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable

TRIAL = 23
FILES, PASSED = ("page-cache", "shared-log", "tmpfs"), ("memfd", "sockets")
KINDS = ("empty", "dentries", *FILES, *PASSED)
PAGE = os.sysconf("SC_PAGE_SIZE")
DISK, TMPFS = "/var/tmp/lab", "/dev/shm/lab"  # noqa: S108  the guest is nobody else's


class Kind:
    """A kind of leak: what the process in each cgroup does, and what it leaves to be removed or closed."""

    def __init__(self, name: str) -> None:
        """Take one of KINDS."""
        self.name = name
        self.files: list[str] = []
        self.descriptors: list[int] = []

    def prepare(self, number: int) -> str:
        """Do outside of any cgroup what must not be charged to one; give what the process is to work on."""
        place = {"tmpfs": TMPFS}.get(self.name, DISK)
        path = "%s/%s" % (place, "shared.log" if self.name == "shared-log" else "f%d" % number)
        if self.name in FILES:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            if path not in self.files:
                self.files.append(path)
        return path

    def work(self, path: str) -> int | None:
        """Do inside of the cgroup what the kind says; give a descriptor to pass on, or None."""
        if self.name in FILES:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, bytes(PAGE))
        elif self.name == "memfd":
            descriptor = os.memfd_create("lab")
            os.write(descriptor, bytes(PAGE))
            return descriptor
        elif self.name == "sockets":
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            return listener.detach()
        elif self.name == "dentries":
            for number in range(30):
                os.path.exists("%s-%d" % (path, number))
        return None


class Host:
    """The guest: where its memory cgroups are, and how the dying ones are counted."""

    def __init__(self) -> None:
        """Look which cgroup version is mounted."""
        self.mode = "v1" if os.path.isdir(V1) else "v2"
        self.top = V1 if self.mode == "v1" else V2
        self.made = 0
        self.can_reclaim = False
        self.stirrer = self.top + "/stir"

    def has_memory(self) -> bool:
        """Tell whether there is a hierarchy with the memory controller."""
        if self.mode == "v1":
            return os.path.exists(V1 + "/memory.usage_in_bytes")
        return "memory" in (read(V2 + "/cgroup.subtree_control") or "").split()

    def new_parent(self) -> str:
        """Make a cgroup whose children have the memory controller."""
        self.made += 1
        path = "%s/lab%d" % (self.top, self.made)
        os.mkdir(path)
        if self.mode == "v2":
            write(path + "/cgroup.subtree_control", "+memory")
        return path

    def dying(self, parent: str) -> int:
        """Count the dying cgroups of a parent (v2), or of the machine (v1)."""
        if self.mode == "v2":
            lines = dict(line.split() for line in (read(parent + "/cgroup.stat") or "").splitlines())
            return int(lines.get("nr_dying_subsys_memory", lines["nr_dying_descendants"]))
        rows = [line.split() for line in (read("/proc/cgroups") or "").splitlines()]
        made = next(int(row[2]) for row in rows if row[0] == "memory")
        return made - sum(1 for _ in os.walk(self.top))

    def stir(self) -> None:
        """Charge a page to a living cgroup on each CPU.

        A CPU keeps some charge of the cgroup that it dealt with last in stock, and with it a reference
        (refill_stock() in mm/memcontrol.c), until it has to do with another.
        """
        os.makedirs(self.stirrer, exist_ok=True)
        pid = os.fork()
        if pid == 0:
            write(self.stirrer + "/cgroup.procs", "0")
            for cpu in os.sched_getaffinity(0):
                os.sched_setaffinity(0, {cpu})
                mmap.mmap(-1, PAGE).write(b"x")
            os._exit(0)
        os.waitpid(pid, 0)

    def settled(self, parent: str) -> int:
        """Count until the number has not changed for a second; freeing is done behind the scenes."""
        last = self._settled(parent)
        if 0 < last < 5:
            self.stir()
            last = self._settled(parent)
        return last

    def _settled(self, parent: str) -> int:
        last, since = self.dying(parent), time.monotonic()
        give_up = since + 15
        while time.monotonic() < min(since + 1, give_up) and last:
            time.sleep(0.1)
            now = self.dying(parent)
            if now != last:
                last, since = now, time.monotonic()
        return last


def make(kind: Kind, parent: str, count: int) -> None:
    """Make `count` cgroups below a parent in which the kind's work is done, and remove them."""
    paths = [kind.prepare(number) for number in range(count)]
    os.sync()
    for number, path in enumerate(paths):
        cgroup = "%s/c%d" % (parent, number)
        os.mkdir(cgroup)
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                write(cgroup + "/cgroup.procs", "0")
                passed = kind.work(path)
                socket.send_fds(theirs, [b"x"], [] if passed is None else [passed])
                code = 0
            finally:
                os._exit(code)
        if os.waitpid(pid, 0)[1]:
            raise SystemExit("a process of kind %s failed" % kind.name)
        kind.descriptors += socket.recv_fds(ours, 1, 1)[1]
        ours.close()
        theirs.close()
        remove(cgroup)
    os.sync()


# ── the ladder ─────────────────────────────────────────────────────────────────────────────────────────


def wait(_kind: Kind, _parent: str) -> None:
    """Do nothing for three seconds."""
    time.sleep(3)


def fadvise_files(kind: Kind, _parent: str) -> None:
    """Ask the kernel to drop the page cache of the files, and of nothing else."""
    fadvise(kind.files)


def reclaim_parent(_kind: Kind, parent: str) -> None:
    """Reclaim from the living parent."""
    reclaim(parent)


def remove_files(kind: Kind, _parent: str) -> None:
    """Delete the files."""
    for path in kind.files:
        os.unlink(path)
    kind.files = []


def close_descriptors(kind: Kind, _parent: str) -> None:
    """Close what the processes passed on."""
    for descriptor in kind.descriptors:
        os.close(descriptor)
    kind.descriptors = []


def drop(what: str) -> Callable[[Kind, str], None]:
    """Give the rung that writes 1 (page cache) or 2 (slab) to drop_caches."""
    return lambda _kind, _parent: drop_caches(what)


RUNGS = (
    ("wait", wait, KINDS),
    ("fadvise", fadvise_files, FILES),
    ("reclaim", reclaim_parent, KINDS),
    ("remove files", remove_files, FILES),
    ("close descriptors", close_descriptors, PASSED),
    ("drop_caches 1", drop("1"), KINDS),
    ("drop_caches 2", drop("2"), KINDS),
)
"""Each rung with its name and the kinds that it can be tried on, the least invasive first."""


def clean_up(host: Host, kind: Kind, parent: str) -> None:
    """Free everything by all means and remove the parent."""
    remove_files(kind, parent)
    close_descriptors(kind, parent)
    drop_caches("3")
    host.settled(parent)
    remove(parent)


def trial(host: Host, name: str, count: int) -> dict[str, object]:
    """Make one kind of leak, measure what stays and what it costs, and try each rung."""
    kind, parent = Kind(name), host.new_parent()
    drop_caches("3")
    before, start = host.settled(parent), meminfo()
    make(kind, parent, count)
    dying, end = host.settled(parent) - before, meminfo()
    held = {key: difference(start[key], end[key]) for key in start}
    clean_up(host, kind, parent)
    rungs = []
    if dying * 2 > count:
        for title, climb, kinds in RUNGS:
            if name not in kinds or (climb is reclaim_parent and not host.can_reclaim):
                continue
            kind, parent = Kind(name), host.new_parent()
            before = host.settled(parent)
            make(kind, parent, TRIAL)
            left = host.settled(parent) - before
            climb(kind, parent)
            freed = left - (host.settled(parent) - before)
            clean_up(host, kind, parent)
            rungs.append({"name": title, "dying": left, "freed": freed})
    return {
        "kind": name,
        "made": count,
        "dying": dying,
        "sunreclaim_delta_bytes": held["SUnreclaim"],
        "percpu_delta_bytes": held["Percpu"],
        "rungs": rungs,
    }


def features(host: Host) -> dict[str, bool | None]:
    """Look what this kernel offers."""
    probe = host.new_parent()
    symbols = read("/proc/kallsyms") or ""
    lru_gen = read("/sys/kernel/mm/lru_gen/enabled")
    found = {
        "memory_reclaim": os.path.exists(probe + "/memory.reclaim"),
        "memory_force_empty": os.path.exists(probe + "/memory.force_empty"),
        "nr_dying_subsys_memory": "nr_dying_subsys_memory" in (read(V2 + "/cgroup.stat") or ""),
        "psi": os.path.exists("/proc/pressure/memory"),
        "mglru": None if lru_gen is None else int(lru_gen, 0) != 0,
        "btf": os.path.exists("/sys/kernel/btf/vmlinux"),
        "lru_reparent_memcg": " lru_reparent_memcg\n" in symbols or " lru_reparent_memcg\t" in symbols,
        "proc_cgroups_memory": "\nmemory\t" in (read("/proc/cgroups") or ""),
        "cgroup_tracepoints": os.path.isdir("/sys/kernel/tracing/events/cgroup"),
        "kpagecgroup": os.path.exists("/proc/kpagecgroup"),
    }
    remove(probe)
    return found


def main() -> None:
    """Make all kinds and leave the document; each is told when it begins."""
    count = int(sys.argv[1])
    host = Host()
    trials: list[dict[str, object]] = []
    found: dict[str, bool | None] = {}
    if host.has_memory():
        for place in (DISK, TMPFS):
            os.mkdir(place)
        found = features(host)
        host.can_reclaim = bool(found["memory_reclaim"] or found["memory_force_empty"])
        # The first of everything costs what is never paid again.
        make(Kind("empty"), host.new_parent(), TRIAL)
        for name in KINDS:
            print(name, flush=True)
            trials.append(trial(host, name, count))
        for place in (DISK, TMPFS):
            shutil.rmtree(place)
    document = {
        "release": os.uname().release,
        "version": os.uname().version,
        "cgroup": host.mode,
        "memory": host.has_memory(),
        "features": found,
        "trials": trials,
    }
    with open(os.environ["UNRECLAIM_RESULT"], "w", encoding="utf-8") as file:
        json.dump(document, file)


if __name__ == "__main__":
    main()
