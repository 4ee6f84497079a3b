"""The start limit is switched off, so nothing ends a loop of restarts.

What it finds
-------------
``StartLimitIntervalSec=0`` (or ``StartLimitBurst=0``) in a service that is restarted without a growing delay. Below
ten seconds of delay, which is 8,640 starts a day, it is a warning, above that a remark.

Why it matters here
-------------------
The limit is what ends a loop that nobody watches: by default five starts in ten seconds. Without it a service that
cannot run makes cgroups for weeks.

Evidence
--------
Tried with systemd 252: a loop that the default limit ends after five starts made 23 with ``StartLimitIntervalSec=0``
and went on (a test with a real systemd). Each start makes one cgroup (docs/kernel-units.md).

What to do
----------
Take the line out where giving up is right; somebody then has to start the unit again, so watch ``systemctl
--failed``. Where it must go on for ever let the delay grow (``RestartSteps=``, systemd 254) or make it long.

References
----------
- systemd.unit(5), StartLimitIntervalSec=
"""

from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView
from unreclaim.advice.unitlint.restart_without_backoff import slower
from unreclaim.formats.time_span import time_span
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "start-limit-off"
_OFTEN_SECONDS = 10.0


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find services without a start limit."""
    loop = restart_loop(view)
    if not view.is_service or not loop.restarts or loop.is_limited or loop.back_off:
        return
    yield view.finding(
        _RULE,
        loop.burst_at if loop.interval else loop.interval_at,
        LintSeverity.WARNING if loop.delay < _OFTEN_SECONDS else LintSeverity.INFO,
        f"no start limit: a service that fails is restarted after {time_span(loop.delay)} for ever, {loop.rate}",
        f"remove the line, so that systemd gives up, or let it wait longer: {slower(view)}",
    )
