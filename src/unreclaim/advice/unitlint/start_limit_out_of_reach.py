"""The start limit can never end the loop: the delay is too long for it.

What it finds
-------------
A service that is restarted with a delay and a limit such that the burst does not fit into the interval:
``RestartSec=`` times ``StartLimitBurst=`` is more than ``StartLimitIntervalSec=``. A warning where the unit sets a
limit itself, because somebody relies on it, or where it waits less than ten seconds; else a remark.

Why it matters here
-------------------
It looks as if systemd would give up, and it never does. With the defaults (5 in 10 s) that is so from 2.1 seconds of
delay on: a loop with ``RestartSec=3s`` makes 28,800 cgroups a day for as long as the host runs.

Evidence
--------
ratelimit_below() in src/basic/ratelimit.c (systemd 252): the window begins with the first start, and a start is
refused when as many as the burst were made within it. A program that runs for a while before it fails makes the loop
slower still, so what is found here is out of reach for certain, and what is not found may be, too. Tried with systemd
252: a limit of 3 starts in 2 s ends a loop with ``RestartSec=100ms`` and does not end one with ``RestartSec=800ms``
(a test with a real systemd).

What to do
----------
``StartLimitIntervalSec=`` longer than the burst takes, twice that to be safe; or a delay that grows.

References
----------
- systemd.unit(5), StartLimitIntervalSec=
"""

from collections.abc import Iterator

from unreclaim.advice.option_versions import BACK_OFF_SINCE
from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView
from unreclaim.formats.time_span import time_span
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "start-limit-out-of-reach"
_OFTEN_SECONDS = 10.0


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find limits that a loop cannot meet."""
    loop = restart_loop(view)
    if not view.is_service or not loop.restarts or not loop.is_limited or loop.catches or loop.back_off:
        return
    told = loop.interval_at or loop.burst_at
    grave = told is not None or loop.delay < _OFTEN_SECONDS
    limit = f"{loop.burst} starts in {time_span(loop.interval)}{'' if told else ' (the default)'}"
    needed = f"StartLimitIntervalSec={time_span(2 * loop.burst * loop.delay)}"
    yield view.finding(
        _RULE,
        told or loop.delay_at or loop.restart,
        LintSeverity.WARNING if grave else LintSeverity.INFO,
        f"the start limit of {limit} can never end a loop that waits {time_span(loop.delay)} before each restart:"
        f" it goes on for ever, {loop.rate}",
        f"{needed} ends such a loop; or let the delay grow (RestartSteps= with RestartMaxDelaySec=,"
        f" systemd {BACK_OFF_SINCE})",
    )
