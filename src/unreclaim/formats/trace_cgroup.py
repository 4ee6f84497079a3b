"""trace of a tracefs instance: cgroups that are made, removed and freed, as their trace points print them.

Source: Documentation/trace/ftrace.rst; DECLARE_EVENT_CLASS(cgroup, …) in include/trace/events/cgroup.h
Needs: root, tracefs; the events cgroup_mkdir, cgroup_rmdir (4.13, ed1777de2520) and cgroup_release (4.13). root is the
    hierarchy's number; the id is the inode number of the directory from 5.5 on (before, a number of the hierarchy).

Example::

    # tracer: nop
    #
    # entries-in-buffer/entries-written: 2/2   #P:2
    #
               <...>-2586    [000] d..1.  7402.232571: cgroup_mkdir: root=0 id=30637433 level=2 path=/a.slice/b.service
         kworker/0:1-16      [000] d..1.  7402.232892: cgroup_release: root=0 id=30637433 level=2 path=/a.slice/b.service
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown, unsigned

FILE = "trace"
_EVENT = re.compile(r": cgroup_(mkdir|rmdir|release): root=(\d+) id=(\d+) level=\d+ path=([^\n]*)")
_ENTRIES = re.compile(r"# entries-in-buffer/entries-written: (\d+)/(\d+)\s")


class CgroupEvent(Struct, frozen=True):
    """One event. what: ``mkdir``, ``rmdir`` or ``release`` (its last reference is gone)."""

    what: str
    root: int
    id: int
    path: str


class CgroupTrace(Struct, frozen=True):
    """All events, oldest first; lost: how many more there were that the buffer had no room for."""

    events: tuple[CgroupEvent, ...]
    lost: int


def parse_trace_cgroup(text: str, *, file: str = FILE) -> CgroupTrace:
    """Read every event of cgroups; other lines are left aside.

    Raises:
        ParseError: no line with the number of entries, or a number of more than 64 bits.

    """
    events = []
    lost = None
    for number, line in enumerate(lines_of(text), 1):
        if line.startswith("#"):
            entries = _ENTRIES.match(f"{line}\n")
            if entries is not None:
                kept, written = (unsigned(token, file, number) for token in entries.groups())
                lost = max(0, written - kept)
            continue
        found = _EVENT.search(line)
        if found is not None:
            root, identity = (unsigned(token, file, number) for token in (found[2], found[3]))
            events.append(CgroupEvent(found[1], root, identity, found[4]))
    if lost is None:
        raise ParseError(file, 0, f"no line with the number of entries, found {shown(text)}")
    return CgroupTrace(tuple(events), lost)
