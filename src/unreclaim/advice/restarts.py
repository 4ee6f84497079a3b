"""Steps against a restart loop: a longer delay, one that grows, and a limit that ends it."""

import math

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.advice.option_versions import BACK_OFF_SINCE
from unreclaim.advice.prediction import ACCURACY_SECONDS, restart_delay
from unreclaim.base.errors import UnavailableError
from unreclaim.base.units import SECONDS_PER_DAY
from unreclaim.formats.time_span import time_span
from unreclaim.model.plan import Estimate, PlanStep, Setting, StepKind
from unreclaim.model.unit import Unit

# A plain delay holds for the first restart too, so it is what a service can be without. With back-off the first
# restarts come sooner than that and those of a loop later.
PLAIN_SECONDS = 15.0
FIRST_SECONDS, STEPS, MOST_SECONDS = 1.0, 6, 60.0
"""RestartSec=, RestartSteps= and RestartMaxDelaySec= where nobody asks for others; lint advises them as well."""
# systemd's own DefaultRestartSec=, where it does not tell.
_DEFAULT_SECONDS = 0.1
_BURST = 5


class Restarts(Struct, frozen=True):
    """A step that slows a loop, and the delay of a loop that goes on: now and then, in seconds."""

    step: PlanStep
    delay_seconds: float
    new_delay_seconds: float


def plan_restarts(unit: Unit, systemd: int | None, wanted: float | None, most: float | None) -> Restarts | None:
    """Give the step that slows the restarts of a unit; None: it is not restarted, or waits as long already.

    wanted, most: RestartSec= and RestartMaxDelaySec= as a user wants them.

    Raises:
        UnavailableError: this systemd cannot do what is wanted, or the unit is never restarted.

    """
    asked = wanted is not None or most is not None
    if unit.restart in {None, "no"}:
        if asked:
            raise UnavailableError(unit.name, f"systemd does not restart it (Restart={unit.restart or 'no'})")
        return None
    knows = systemd is not None and systemd >= BACK_OFF_SINCE
    if most is not None and not knows:
        has = "it is not known which this is" if systemd is None else f"this is {systemd}"
        why = f"needs systemd {BACK_OFF_SINCE}; {has}"
        raise UnavailableError("RestartMaxDelaySec=", why, hint="use --restart-sec")
    now = _lasting_delay(unit)
    if knows and (most is not None or wanted is None):
        start = max(FIRST_SECONDS, unit.restart_seconds or 0.0) if wanted is None else wanted
        end = MOST_SECONDS if most is None else most
        if start >= end and not asked:
            return None
        restarts = _back_off(unit, now, start, end)
    else:
        restarts = _plain(unit, now, PLAIN_SECONDS if wanted is None else wanted, systemd)
    if asked:
        return replace(restarts, step=replace(restarts.step, default=True))
    return restarts if restarts.new_delay_seconds > now else None


def _lasting_delay(unit: Unit) -> float:
    start = _DEFAULT_SECONDS if unit.restart_seconds is None else unit.restart_seconds
    steps = unit.restart_steps or 0
    return restart_delay(steps + 1, start, steps, unit.restart_max_delay_seconds)


def _plain(unit: Unit, now: float, new: float, systemd: int | None) -> Restarts:
    settings = [Setting(unit.name, "Service", "RestartSec", time_span(new))]
    if systemd is not None and systemd >= BACK_OFF_SINCE:
        # One that grows would stay in force beside it.
        settings.append(Setting(unit.name, "Service", "RestartSteps", "0"))
    step = PlanStep(
        "restart-delay",
        StepKind.DROP_IN,
        f"wait {time_span(new)} before each restart",
        f"it waits {time_span(now)} now, and each start makes a cgroup",
        "cycles fall as the delay grows; what one leaves stays what it is",
        f"a service that fails once is back after {time_span(new)}",
        f"systemd {systemd or 'of unknown version'}; back-off needs {BACK_OFF_SINCE}",
        tuple(settings),
        default=unit.nr_restarts != 0,
    )
    return Restarts(step, now, new)


def _back_off(unit: Unit, now: float, start: float, most: float) -> Restarts:
    if most <= start:
        why = f"is {time_span(most)}, which is not longer than RestartSec={time_span(start)}; systemd would ignore it"
        raise UnavailableError("RestartMaxDelaySec=", why, hint="make --max-delay longer than --restart-sec")
    delays = [time_span(restart_delay(number, start, STEPS, most)) for number in range(1, STEPS + 2)]
    step = PlanStep(
        "back-off",
        StepKind.DROP_IN,
        f"wait longer before each restart: {', '.join(delays)}",
        f"it waits {time_span(now)} now, and each start makes a cgroup",
        f"a loop comes to one start in {time_span(most)}; what one leaves stays what it is",
        f"a service that failed {STEPS} times is back after {time_span(most)}; only a stop resets the count",
        f"systemd {BACK_OFF_SINCE} or newer",
        tuple(
            Setting(unit.name, "Service", name, value)
            for name, value in (
                ("RestartSec", time_span(start)),
                ("RestartSteps", str(STEPS)),
                ("RestartMaxDelaySec", time_span(most)),
            )
        ),
        default=unit.nr_restarts != 0,
    )
    return Restarts(step, now, most)


def limit_step(unit: Unit, restarts: Restarts | None, now: Estimate | None) -> tuple[PlanStep, ...]:
    """Give a start limit that a loop meets, whatever delay it has then."""
    if unit.restart in {None, "no"}:
        return ()
    delay = _lasting_delay(unit)
    run = max(0.0, SECONDS_PER_DAY / now.middle - delay) if now is not None and now.middle else 0.0
    slowest = max(delay, restarts.new_delay_seconds if restarts else 0.0)
    # Twice what they take: a loop that is slower by chance is met too.
    interval = math.ceil(2 * _BURST * (slowest + ACCURACY_SECONDS + run))
    present = unit.start_limit_interval_seconds
    if present:
        why = f"the limit of {unit.start_limit_burst or _BURST} starts in {time_span(present)} does not end the loop"
    else:
        why = "no limit ends the loop (StartLimitIntervalSec=0)"
    return (
        PlanStep(
            "start-limit",
            StepKind.DROP_IN,
            f"give up after {_BURST} starts within {time_span(interval)}",
            why,
            f"{_BURST} starts more, then none",
            f"it stays failed until somebody starts it (systemctl reset-failed {unit.name})",
            "any systemd; it is a choice, so it has to be named",
            (
                Setting(unit.name, "Unit", "StartLimitIntervalSec", time_span(interval)),
                Setting(unit.name, "Unit", "StartLimitBurst", str(_BURST)),
            ),
        ),
    )
