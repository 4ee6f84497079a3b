"""How often a unit that restarts will start, and what that leaves: before and after its settings change.

Model. A restart loop is run time and delay in turns, so cycles a day = 86,400 / (run + delay). The run time is what the
measured rate leaves when the present delay is taken off, and stays what it is. systemd fires a restart up to 250 ms
after its delay, when it is awake anyway or at its next wake-up (service_arm_timer() in src/core/service.c asks
sd-event for accuracy 0, which is DEFAULT_ACCURACY_USEC in src/libsystemd/sd-event/sd-event.c); the interval covers
that. Measured under systemd 252 and 257: docs/kernel-notes/restarts.md.

Counts become intervals as Poisson counts, shares by Wilson's (base/intervals.py). Where two intervals are
multiplied their ends are, which is wider than 90 %.
"""

import math

from unreclaim.base.intervals import Z90, poisson_limit, share_interval
from unreclaim.base.units import SECONDS_PER_DAY
from unreclaim.model.plan import Estimate

ACCURACY_SECONDS = 0.25


def restart_delay(number: int, start: float, steps: int, most: float | None) -> float:
    """Give the seconds before restart `number` (from 1), as service_restart_usec_next() in src/core/service.c does.

    start, steps, most: RestartSec=, RestartSteps=, RestartMaxDelaySec= (None, infinite: none).
    The number is NRestarts, which a stop resets and a long quiet run does not.
    """
    if number <= 1 or not steps or not start or most is None or math.isinf(most) or start >= most:
        return start
    if number > steps:
        return most
    return start * float((most / start) ** ((number - 1) / steps))


def rate_per_day(starts: int, seconds: float) -> Estimate:
    """Give the starts a day of so many within a time."""
    day = SECONDS_PER_DAY / seconds
    low = poisson_limit(starts, -Z90) if starts else 0.0
    return Estimate(starts * day, low * day, poisson_limit(starts + 1, Z90) * day)


def share(some: int, of: int) -> Estimate:
    """Give the share of `some` in `of`, which is not 0."""
    return Estimate(min(some, of) / of, *share_interval(some, of, Z90))


def times(first: Estimate, second: Estimate) -> Estimate:
    """Multiply two estimates of what is never negative."""
    return Estimate(first.middle * second.middle, first.low * second.low, first.high * second.high)


def loop_rate(now: Estimate, delay: float, new_delay: float) -> Estimate:
    """Give the cycles a day of a loop whose delay becomes another one; `now` are those of the present delay."""
    if not now.high:
        return now
    slack = ACCURACY_SECONDS
    run_low = max(0.0, SECONDS_PER_DAY / now.high - delay - slack)
    run = max(0.0, SECONDS_PER_DAY / now.middle - delay - slack / 2) if now.middle else math.inf
    run_high = max(0.0, SECONDS_PER_DAY / now.low - delay) if now.low else math.inf
    return Estimate(
        SECONDS_PER_DAY / (run + new_delay + slack / 2),
        SECONDS_PER_DAY / (run_high + new_delay + slack),
        # Zero seconds for run and delay would be no loop but an endless one.
        SECONDS_PER_DAY / (run_low + new_delay) if run_low + new_delay else now.high,
    )
