"""PrivateTmp=, DynamicUser= and the like are not what leaves cgroups behind.

What it finds
-------------
Settings of the sandbox in a service that is restarted for ever: a remark that says what they do and what they do not,
so that nobody takes the sandbox away as a cure.

Why it matters here
-------------------
The loop is the fault. A sandbox makes no cgroup of its own, and taking it away costs safety.

Evidence
--------
Measured one setting at a time with a program that does nothing, on Linux 5.10 to 7.2 with systemd 247 to 262
(docs/kernel-units.md): one cgroup a start, and at most one left dying (of 12 or 23), but for ``PrivateDevices=yes``,
which left 12 of 12 on 5.10 with cgroup v1 and 1 of 5 on 6.1 with both mounted, and could not be measured on three of
the eight machines. All settings at once left 6 to 7 of 23 on 6.1 with cgroup v2, held by metadata of the filesystem
that reclaim frees (4 to 8 of 12 on v1), 1 to 9 of 12 on 5.10 with v1, and none of 23 on 5.10 with v2, on 6.12 and on
7.2. ``RuntimeDirectory=`` and a file left in /tmp with ``PrivateTmp=yes`` left none of 23.

What to do
----------
Keep the sandbox; slow the loop.

References
----------
- docs/kernel-units.md
"""

from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView, boolean
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "sandbox-no-pin"
_SETTINGS = ("PrivateTmp", "DynamicUser", "PrivateDevices")


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find a sandbox that may be blamed for a loop."""
    if not view.is_service or not restart_loop(view).is_endless:
        return
    found = [(name, view.last(boolean, ("Service", name))) for name in _SETTINGS]
    used = [(name, at) for name, (value, at) in found if value]
    if used:
        names = ", ".join(f"{name}=" for name, _ in used)
        message = f"the sandbox ({names}) makes no cgroup of its own: what piles up here comes from the restarts"
        yield view.finding(_RULE, used[0][1], LintSeverity.INFO, message, "keep it, and slow the restarts")
