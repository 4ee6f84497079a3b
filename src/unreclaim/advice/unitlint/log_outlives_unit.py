"""A service that is started often appends to a file that outlives it.

What it finds
-------------
``StandardOutput=append:`` or ``file:`` (or ``StandardError=``), or ``>>`` in a command line, in a service that is
restarted. A warning where nothing ends the restarts, a remark where the start limit does. ``truncate:`` is not meant:
each start drops what the one before it wrote. Not said on a kernel that hands page cache to the parent (seen on 7.2).

Why it matters here
-------------------
The pages of the file that a start is the first to write are charged to its cgroup. When the service ends its cgroup
is removed, the pages stay in the page cache, and so does the memory cgroup in the kernel, until the pages are
dropped.

Evidence
--------
Measured with a unit that appends a page to a log at each start (docs/kernel-units.md): 101 of 101 were left dying on
5.10, 6.1 and 6.12 with cgroup v2, 53 of 53 on v1, 23 of 23 on both mounted, with ``Type=simple`` and ``Type=exec``
alike, and 1 of 101 on 7.2. Lines of some hundred bytes hold one cgroup for each new page, 2 to 4 of 100
(docs/kernel-notes/dying.md). What ``file:`` leaves was not measured. ``cgroup.memory=nokmem`` changes nothing: 53 of
53. A line to the journal left 0 to 1 of 23.

What to do
----------
Write to the journal (the default), whose pages are journald's. Where a file must be, fewer starts; and ``unreclaim
reclaim --yes`` drops the cache of just that file.

References
----------
- systemd.exec(5), StandardOutput=
- https://lwn.net/Articles/932070/
"""

import re
from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView
from unreclaim.formats.unit_file import Assignment
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "log-outlives-unit"
_TARGET = re.compile(r"(?:append|file):(?P<path>/\S+)")
_APPENDS = re.compile(r">>\s*(?P<path>/(?!dev/)[^\s'\";|&)]+)")


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find logs to files in services that are restarted."""
    loop = restart_loop(view)
    if not view.is_service or not loop.restarts or view.host.reparents_page_cache:
        return
    severity = LintSeverity.WARNING if loop.is_endless else LintSeverity.INFO
    for found, path in _logs(view):
        message = f"each start that adds a page to {path} leaves its memory cgroup behind, held by that page"
        if view.host.nokmem:
            message += "; cgroup.memory=nokmem does not help with that"
        fix = "log to the journal (StandardOutput=journal), or start it less often"
        yield view.finding(_RULE, found, severity, message, fix)


def _logs(view: UnitView) -> Iterator[tuple[Assignment, str]]:
    seen = set()
    for name in ("StandardOutput", "StandardError"):
        target, at = view.last(lambda value: value or None, ("Service", name))
        match = _TARGET.fullmatch(target or "")
        if at is not None and match and match["path"] not in seen:
            seen.add(match["path"])
            yield at, match["path"]
    for name in ("ExecStartPre", "ExecStart", "ExecStartPost", "ExecStopPost"):
        for found in view.settings.listed("Service", name):
            for match in _APPENDS.finditer(found.value):
                if match["path"] not in seen:
                    seen.add(match["path"])
                    yield found, match["path"]
