"""Half of a back-off is written down, and systemd ignores it.

What it finds
-------------
``RestartMaxDelaySec=`` without ``RestartSteps=``, or the other way round; and a longest delay that is not longer than
``RestartSec=``, where there is nothing to grow.

Why it matters here
-------------------
The unit looks as if its restarts became rarer. They do not: the delay stays what it is, and so do the cgroups a day.

Evidence
--------
service_verify() in src/core/service.c (systemd 254 and newer) logs "Service has RestartSteps= but no
RestartMaxDelaySec= setting. Ignoring.", the same the other way round, and "RestartMaxDelaySec= has a value smaller
than RestartSec=". Read in the source; ``systemd-analyze verify`` exits with 0 all the same.

What to do
----------
Write both, and a ``RestartSec=`` to begin with: ``RestartSec=1s``, ``RestartSteps=6``, ``RestartMaxDelaySec=60s``.

References
----------
- systemd.service(5), RestartSteps=, RestartMaxDelaySec=
"""

import math
from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.restarts import MOST_SECONDS, STEPS
from unreclaim.advice.unit_view import UnitView, count, seconds
from unreclaim.formats.time_span import time_span
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "backoff-incomplete"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find what systemd ignores of a back-off."""
    steps, steps_at = view.last(count, ("Service", "RestartSteps"))
    most, most_at = view.last(seconds, ("Service", "RestartMaxDelaySec"))
    if not view.is_service:
        return
    limited = most is not None and most < math.inf
    if steps and not limited:
        message = "RestartSteps= has no effect without RestartMaxDelaySec=: the delay never grows"
        yield view.finding(
            _RULE, steps_at, LintSeverity.WARNING, message, f"add RestartMaxDelaySec={time_span(MOST_SECONDS)}"
        )
    elif limited and not steps:
        message = "RestartMaxDelaySec= has no effect without RestartSteps=: the delay never grows"
        yield view.finding(_RULE, most_at, LintSeverity.WARNING, message, f"add RestartSteps={STEPS}")
    elif most is not None and limited and (delay := restart_loop(view).delay) >= most:
        shorter, longer = time_span(most), time_span(delay)
        message = f"RestartMaxDelaySec={shorter} is not longer than RestartSec={longer}: the delay never grows"
        yield view.finding(_RULE, most_at, LintSeverity.WARNING, message, "make RestartMaxDelaySec= the longer one")
