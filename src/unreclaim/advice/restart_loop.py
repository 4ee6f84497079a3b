"""How a service is restarted: how often a failing one would be started, and whether anything ends that.

The start limit counts as ratelimit_below() in src/basic/ratelimit.c does: the window begins with the first start, and a
start is refused when as many as the burst were made within it.
"""

import functools
import math

from msgspec import Struct

from unreclaim.advice.option_versions import BACK_OFF_SINCE
from unreclaim.advice.unit_view import UnitView, count, one_of, seconds
from unreclaim.base.units import SECONDS_PER_DAY, format_count
from unreclaim.formats.unit_file import Assignment

_QUICK_SECONDS = 0.1
RESTART_WORDS = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
INTERVAL_PLACES = (
    ("Service", "StartLimitInterval"),
    ("Unit", "StartLimitInterval"),
    ("Unit", "StartLimitIntervalSec"),
)
BURST_PLACES = (("Service", "StartLimitBurst"), ("Unit", "StartLimitBurst"))


class RestartLoop(Struct, frozen=True):
    """What systemd does when the service ends again and again. delay, interval: in seconds, and may be infinite.

    The assignments are where each stands; None: the default holds. back_off: the longest delay of one that grows, None
    where it does not.
    """

    restart: Assignment | None
    delay: float
    delay_at: Assignment | None
    interval: float
    interval_at: Assignment | None
    burst: int
    burst_at: Assignment | None
    back_off: float | None

    @property
    def restarts(self) -> bool:
        """Tell whether it is restarted at all."""
        return self.restart is not None

    @property
    def is_limited(self) -> bool:
        """Tell whether there is a start limit; either figure being zero switches it off."""
        return self.interval > 0 and self.burst > 0

    @property
    def is_endless(self) -> bool:
        """Tell whether a service that ends at once is restarted for ever, with delays that do not grow."""
        return self.restarts and self.back_off is None and not (self.is_limited and self.catches)

    @property
    def catches(self) -> bool:
        """Tell whether the limit, if there is one, ends a loop of a service that ends at once."""
        return self.delay * self.burst <= self.interval

    @property
    def rate(self) -> str:
        """Say how many starts a day the delay allows; below 0.1 seconds a start itself takes longer."""
        if self.delay < _QUICK_SECONDS:
            return "as fast as systemd can start it"
        return f"up to {format_count(SECONDS_PER_DAY / self.delay)} times a day"


@functools.lru_cache(maxsize=1)  # Half of the rules ask for it, one after the other.
def restart_loop(view: UnitView) -> RestartLoop:
    """Read how a service is restarted."""
    word, restart = view.last(one_of(*RESTART_WORDS), ("Service", "Restart"))
    delay, delay_at = view.last(seconds, ("Service", "RestartSec"))
    interval, interval_at = view.last(seconds, *INTERVAL_PLACES)
    burst, burst_at = view.last(count, *BURST_PLACES)
    steps, _ = view.last(count, ("Service", "RestartSteps"))
    most, _ = view.last(seconds, ("Service", "RestartMaxDelaySec"))
    if delay is None:
        delay = view.default(seconds, "DefaultRestartSec", 0.1)
    grows = view.has_at_least(BACK_OFF_SINCE) and steps and most is not None and delay < most < math.inf
    return RestartLoop(
        None if word in (None, "no") else restart,
        delay,
        delay_at,
        view.default(seconds, "DefaultStartLimitIntervalSec", 10.0) if interval is None else interval,
        interval_at,
        view.default(count, "DefaultStartLimitBurst", 5) if burst is None else burst,
        burst_at,
        most if grows else None,
    )
