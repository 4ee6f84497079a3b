"""trace_pipe of a tracefs instance: cgroups that are made, removed and freed, as their trace points print them.

Source: Documentation/trace/ftrace.rst; DECLARE_EVENT_CLASS(cgroup, …) in include/trace/events/cgroup.h; lost events:
    tracing_read_pipe() in kernel/trace/trace.c; Documentation/trace/kprobetrace.rst
Needs: root, tracefs; the events cgroup_mkdir, cgroup_rmdir and cgroup_release (seen on 5.10 to 7.2). root is the
    hierarchy's number; the id is the inode number of the directory from 5.5 on (before, a number of the hierarchy that
    is given again once its cgroup is released). Events memcg_* are probes of our own (host/tracing/memcgs.py).

Example::

               <...>-2586    [000] d..1.  7402.232571: cgroup_mkdir: root=0 id=30637433 level=2 path=/a.slice/b.service
    CPU:1 [LOST 23 EVENTS]
         kworker/0:1-16      [000] d..1.  7402.232892: cgroup_release: root=0 id=30637433 level=2 path=/a.slice/b.service
         kworker/0:1-16      [000] d..1.  7402.233001: memcg_free: (mem_cgroup_css_free+0x0/0xc0)
"""

import re

from msgspec import Struct

from unreclaim.formats._tokens import unsigned

FILE = "trace_pipe"
# A command's name has at most 15 characters and so cannot feign an event; whatever a path holds is behind one.
_LINE = re.compile(
    r" ([0-9]{1,12}\.[0-9]{6,9}): (?:cgroup_(mkdir|rmdir|release): root=([0-9]+) id=([0-9]+) level=[0-9]+ path=([^\n]*)"
    r"|memcg_(alloc|offline|free): )"
    r"|\[LOST ([0-9]+) EVENTS\]"
)


class CgroupEvent(Struct, frozen=True):
    """One event. what: ``mkdir``, ``rmdir`` or ``release`` (its last reference is gone). seconds: of the trace's clock."""

    what: str
    root: int
    id: int
    path: str
    seconds: float


class MemcgEvents(Struct, frozen=True):
    """How often memory cgroups were allocated, set offline and freed."""

    alloc: int = 0
    offline: int = 0
    free: int = 0


class CgroupTrace(Struct, frozen=True):
    """All events, oldest first; lost: how many more there were that the buffer had no room for."""

    events: tuple[CgroupEvent, ...] = ()
    memcgs: MemcgEvents = MemcgEvents()
    lost: int = 0


def parse_trace_cgroup(text: str, *, file: str = FILE) -> CgroupTrace:
    """Read every event of cgroups; other lines are left aside.

    Raises:
        ParseError: a number of more than 64 bits.

    """
    events = []
    memcgs = {"alloc": 0, "offline": 0, "free": 0}
    lost = 0
    for seconds, what, root, identity, path, memcg, missing in _LINE.findall(text):
        if what:
            numbers = unsigned(root, file, 0), unsigned(identity, file, 0)
            events.append(CgroupEvent(what, *numbers, path, float(seconds)))
        elif memcg:
            memcgs[memcg] += 1
        else:
            lost += unsigned(missing, file, 0)
    return CgroupTrace(tuple(events), MemcgEvents(**memcgs), lost)
