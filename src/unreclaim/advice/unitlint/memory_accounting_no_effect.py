"""MemoryAccounting=no in one unit changes nothing while its slice has the memory controller.

What it finds
-------------
``MemoryAccounting=no`` in a unit whose slice hands the memory controller down (``cgroup.subtree_control`` of cgroup
v2; on v1 the slice has a memory cgroup). A warning, and a remark where the host does not tell.

Why it matters here
-------------------
It is passed on as a cure for dying memory cgroups. The kernel switches a controller on for all children of a cgroup
or for none, so one sibling with accounting is enough for all of them to have memory cgroups.

Evidence
--------
Measured with systemd 247 to 262 on Linux 5.10 to 7.2, cgroup v1, v2 and both (docs/kernel-units.md): with
``MemoryAccounting=no`` the unit still had a memory cgroup on every one. With ``DefaultMemoryAccounting=no`` for the
whole manager and daemon-reexec it had none with 247, 252 and 257, and 0 of 23 were left dying; with 262 it had one
all the same. ``cgroup.memory=nokmem`` is no cure either: with it 53 of 53 were left dying by a unit that appends to a
log (6.1).

What to do
----------
Remove the line. What slows the growth is fewer starts. Where no unit needs accounting or a limit of memory,
``DefaultMemoryAccounting=no`` in system.conf with a daemon-reexec is what had an effect, at the price of all limits.

References
----------
- systemd.resource-control(5), MemoryAccounting=
- systemd-system.conf(5), DefaultMemoryAccounting=
"""

from collections.abc import Iterator

from unreclaim.advice.unit_view import UnitView, boolean
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "memory-accounting-no-effect"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find accounting that is switched off in vain."""
    accounting, at = view.last(boolean, (view.files.type.capitalize(), "MemoryAccounting"))
    has_memory = view.facts.slice_has_memory
    if accounting is not False or has_memory is False:
        return
    if has_memory:
        severity, message = LintSeverity.WARNING, "MemoryAccounting=no has no effect here: its slice has memory cgroups"
    else:
        severity = LintSeverity.INFO
        message = "MemoryAccounting=no has no effect where another unit of its slice has memory accounting"
    fix = "remove it; fewer starts are what helps (only DefaultMemoryAccounting=no for all units had an effect)"
    yield view.finding(_RULE, at, severity, message, fix)
