"""A timer starts its service more often than once a minute.

What it finds
-------------
``OnUnitActiveSec=``, ``OnUnitInactiveSec=`` or an ``OnCalendar=`` that names seconds, of less than a minute.

Why it matters here
-------------------
Each run makes a cgroup, for ever, and ``NRestarts`` stays 0. From one run a minute on (1,440 a day) a service that
stays and waits by itself is cheaper than one that is started; and without ``AccuracySec=`` systemd may put off each
run by up to a minute, so a shorter timer does not do what it says.

Evidence
--------
Measured with systemd 247 to 262 on Linux 5.10 to 7.2: one cgroup a run; of a service that does nothing 0 of 23 were
left dying (docs/kernel-units.md). So it costs what the service itself leaves behind. AccuracySec= is 1 min by default
(systemd.timer(5)).

What to do
----------
Run it less often, or as a service that stays and sleeps in between.

References
----------
- systemd.timer(5), AccuracySec=
"""

import re
from collections.abc import Iterator

from unreclaim.advice.unit_view import UnitView, seconds
from unreclaim.base.units import SECONDS_PER_DAY, format_count
from unreclaim.formats.time_span import time_span
from unreclaim.formats.unit_file import Assignment
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "short-timer"
_MINUTE = 60.0
_ACCURACY = 60.0
# The last of three parts of a time of day; before it every minute.
_SECONDS = re.compile(r"(?:.* )?(?:\*|[0-9/.,*]+):(?:\*|[0-9.]+/1|0/1):(?P<seconds>[0-9*/.,]+)")
_STEP = re.compile(r"(?:\*|[0-9.]+(?:\.\.[0-9]+)?)/(?P<step>[0-9]+)")


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find timers of less than a minute."""
    if view.files.type != "timer":
        return
    accuracy, _ = view.last(seconds, ("Timer", "AccuracySec"))
    if accuracy is None:
        accuracy = view.default(seconds, "DefaultTimerAccuracySec", _ACCURACY)
    for found, period in _periods(view):
        runs = SECONDS_PER_DAY / max(period, 0.001)
        late = f" (put off by up to {time_span(accuracy)}, for want of AccuracySec=)" if accuracy > period else ""
        message = f"runs every {time_span(period)}, up to {format_count(runs)} times a day, each makes a cgroup{late}"
        fix = "run it less often, or let a service stay and wait by itself"
        yield view.finding(_RULE, found, LintSeverity.WARNING, message, fix)


def _periods(view: UnitView) -> Iterator[tuple[Assignment, float]]:
    for name in ("OnUnitActiveSec", "OnUnitInactiveSec"):
        for found in view.settings.listed("Timer", name):
            period = seconds(found.value)
            if period is not None and period < _MINUTE:
                yield found, period
    for found in view.settings.listed("Timer", "OnCalendar"):
        period = calendar_seconds(found.value)
        if period is not None and period < _MINUTE:
            yield found, period


def calendar_seconds(value: str) -> float | None:
    """Give the shortest time between two runs within each minute; None: at most one a minute, or not understood."""
    match = _SECONDS.fullmatch(value)
    if match is None:
        return None
    word = match["seconds"]
    step = _STEP.fullmatch(word)
    if word == "*":
        return 1.0
    if step is not None:
        return float(step["step"][:6]) or None
    return _MINUTE / (word.count(",") + 1) if "," in word else None
