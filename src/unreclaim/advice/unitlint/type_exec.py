"""Type=exec is not a fault, and Type=simple is not a cure.

What it finds
-------------
``Type=exec`` in a service that is restarted for ever, and a drop-in that replaces ``Type=exec`` by ``Type=simple`` or
the other way round. A remark: it says that the type makes no difference.

Why it matters here
-------------------
It is passed on that ``Type=exec`` makes several cgroups a start and leaks where ``Type=simple`` does not. Who changes
the type changes when systemd calls the unit started, and nothing of the growth.

Evidence
--------
Cgroups a start, ``exec`` against ``simple``: 1.00 against 1.00 in each hierarchy, with a program that does nothing
and with the whole sandbox, on Linux 5.10, 6.1, 6.12 and 7.2 with systemd 247 to 262 (docs/kernel-units.md), and on
4.15 and 5.4. Left dying by a unit that appends to a log: the same number with both, on 5.10 to 7.2.

What to do
----------
Choose the type by what a start means: ``exec`` reports a program that cannot be run, ``simple`` does not. Against the
growth, slow the restarts. To measure it on this host: ``unreclaim lab compare --set Type=exec --against
Type=simple``.

References
----------
- systemd.service(5), Type=
- docs/kernel-units.md, docs/kernel-notes/lab.md
"""

from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "type-exec"
_BOTH = {"exec", "simple"}


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find a type that is blamed, or changed as a cure."""
    said = view.settings.every(("Service", "Type"))
    if not view.is_service or not said:
        return
    changed = {found.value for found in said} == _BOTH and len({found.file for found in said}) > 1
    if changed or (said[-1].value == "exec" and restart_loop(view).is_endless):
        message = f"Type={said[-1].value} is neither a fault nor a cure: exec and simple both make one cgroup a start"
        fix = "leave the type as it is; slow the restarts"
        yield view.finding(_RULE, said[-1], LintSeverity.INFO, message, fix)
