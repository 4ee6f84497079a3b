"""A service that fails is restarted within a second, again and again.

What it finds
-------------
``Restart=`` with a delay below one second and no back-off: ``RestartSec=`` says so, or nothing does and nothing ends
the loop, for the default is 100 ms. Where the start limit ends a loop it is a remark, else a warning.

Why it matters here
-------------------
Each start makes a cgroup in each hierarchy, and each cgroup that something still holds when it is removed stays in
the kernel. One second is 86,400 starts a day; a unit that has to be back sooner than that wants to be a unit that
does not end. The delay does not change what one start leaves behind, only how many there are.

Evidence
--------
Measured with systemd 247 to 262 on Linux 5.10 to 7.2: one cgroup a start, whatever the delay (docs/kernel-units.md).
Left dying by a unit that appends to a log: 23 of 23 at ``RestartSec=1ms`` and 11 of 11 at ``RestartSec=10s`` (5.10,
6.1 and 6.12 with cgroup v2), and 1 of 23 and 0 of 11 on 7.2. So a longer delay slows it, and does not stop it.

What to do
----------
systemd 254 and newer: ``RestartSteps=6`` with ``RestartSec=1s`` and ``RestartMaxDelaySec=60s``; before,
``RestartSec=15s``. Better still is not to be started in vain: ``ConditionPathExists=`` for a file that may be missing
makes no cgroup at all, ``BindsTo=`` a device waits for it, ``ExecCondition=`` asks a program (which takes a start).

References
----------
- systemd.service(5), RestartSec=, RestartSteps=
- https://github.com/systemd/systemd/issues/14639
"""

from collections.abc import Iterator

from unreclaim.advice.option_versions import BACK_OFF_SINCE
from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.restarts import FIRST_SECONDS, MOST_SECONDS, PLAIN_SECONDS, STEPS
from unreclaim.advice.unit_view import UnitView
from unreclaim.base.units import format_count
from unreclaim.formats.time_span import time_span
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "restart-without-backoff"
_TINY_SECONDS = 1.0


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find short delays without back-off."""
    loop = restart_loop(view)
    told = loop.delay_at is not None
    if not view.is_service or not loop.restarts or loop.back_off or loop.delay >= _TINY_SECONDS:
        return
    if not (told or loop.is_endless):
        return
    delay = f"RestartSec={time_span(loop.delay)}" if told else f"the default delay of {time_span(loop.delay)}"
    if loop.is_endless:
        message = f"a failing service is restarted after {delay}, {loop.rate}, and nothing ends that"
        fix = f"{slower(view)}; if it ends because a file or device is missing: ConditionPathExists= or BindsTo="
    else:
        lives = time_span((loop.interval - loop.burst * loop.delay) / loop.burst)
        message = f"a failing service is restarted after {delay}, for ever if it lives for more than {lives} each time"
        fix = f"if it may run that long: a longer StartLimitIntervalSec=, or {slower(view)}"
    if view.facts.loaded is not None and view.facts.loaded.nr_restarts:
        message += f"; systemd counts {format_count(view.facts.loaded.nr_restarts)} restarts now"
    yield view.finding(
        _RULE,
        loop.delay_at or loop.restart,
        LintSeverity.WARNING if loop.is_endless else LintSeverity.INFO,
        message,
        fix,
    )


def slower(view: UnitView) -> str:
    """Say how this systemd can be made to restart a unit less often."""
    if view.host.systemd_version is not None and view.host.systemd_version >= BACK_OFF_SINCE:
        most = time_span(MOST_SECONDS)
        return f"RestartSec={time_span(FIRST_SECONDS)} with RestartSteps={STEPS} and RestartMaxDelaySec={most}"
    return f"RestartSec={time_span(PLAIN_SECONDS)} (back-off by RestartSteps= needs systemd {BACK_OFF_SINCE})"
