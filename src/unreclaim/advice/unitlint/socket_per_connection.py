"""A socket starts a service for each connection, and so makes a cgroup for each.

What it finds
-------------
``Accept=yes`` in a socket unit. A remark: it is how some services work.

Why it matters here
-------------------
Whoever can connect decides how many cgroups are made: a port scan or a health check every second is enough.
``NRestarts`` stays 0, so no count of restarts shows it.

Evidence
--------
Measured with systemd 247 to 262 on Linux 5.10 to 7.2: one cgroup for each connection; of a service that does nothing
0 of 23 were left dying (docs/kernel-units.md). So it costs what the service itself leaves behind, which other rules
look at.

What to do
----------
Let one service serve all connections (``Accept=no``), or bound them: ``MaxConnections=``,
``TriggerLimitIntervalSec=`` with ``TriggerLimitBurst=`` (systemd 230).

References
----------
- systemd.socket(5), Accept=
- https://github.com/systemd/systemd/issues/14639
"""

from collections.abc import Iterator

from unreclaim.advice.unit_view import UnitView, boolean
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "socket-per-connection"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find sockets that start a service for each connection."""
    accept, at = view.last(boolean, ("Socket", "Accept"))
    if view.files.type == "socket" and accept:
        message = "Accept=yes: each connection starts a service of its own, which makes a cgroup"
        fix = "if many connect: one service for all (Accept=no), or MaxConnections= and TriggerLimitBurst="
        yield view.finding(_RULE, at, LintSeverity.INFO, message, fix)
