"""Plans for a unit, asks, puts the plan into force, and looks whether it worked."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.advice.effect import judge_change
from unreclaim.advice.planner import Wishes
from unreclaim.app.enact import check_plan, enact_plan, find_unfinished, restore_unfinished
from unreclaim.app.systemd import OpenSystemd
from unreclaim.app.unit_plan import UnitPlanner, watch_unit
from unreclaim.base.errors import OutputError
from unreclaim.base.progress import Progress
from unreclaim.host.systemd.bus import SystemdBus, open_bus
from unreclaim.model.plan import Application

# Reading thousands of units anew takes PID 1 seconds, of which others must not be told that it hangs.
_RELOAD_SECONDS, _WHOLE_SECONDS = 90.0, 600.0


class Order(Struct, frozen=True):
    """What a user wants done. verify_seconds: watch the unit for so long before and after, not for `watch_seconds`.

    yes: act without a question.
    """

    unit: str
    wishes: Wishes
    watch_seconds: float
    verify_seconds: float | None = None
    runtime: bool = False
    yes: bool = False


def open_patient_bus() -> AbstractContextManager[SystemdBus]:
    """Connect to PID 1 with time enough for it to read all its units."""
    return open_bus(call_seconds=_RELOAD_SECONDS, whole_seconds=_WHOLE_SECONDS)


def apply_plan(
    planner: UnitPlanner,
    order: Order,
    agree: Callable[[Application], bool],
    open_systemd: OpenSystemd = open_patient_bus,
    *,
    root: str = "",
    progress: Progress | None = None,
) -> Application:
    """Plan, and if it is ordered or `agree` says so put the plan into force.

    What a run that was killed left half done is taken back before, so that the plan is for the unit as it was.

    Raises:
        UnavailableError: no such unit, or a wish that cannot be met.
        OutputError: something is in the way, or systemd does not take it; all is as it was then.
        BusError: PID 1 cannot be asked.

    """
    restored: tuple[str, ...] = ()
    unfinished = find_unfinished(root)
    if unfinished and not order.yes:
        why = "a run that was killed left its change half done"
        raise OutputError(", ".join(unfinished), why, hint="unreclaim undo --all takes it back")
    if unfinished:
        with open_systemd() as systemd:
            restored = restore_unfinished(systemd, root)
    plan, before = planner.plan(order.unit, order.wishes, order.verify_seconds or order.watch_seconds, progress)
    paths = check_plan(plan, runtime=order.runtime, root=root)
    application = Application(plan, before, paths, order.runtime, restored=restored)
    if not plan.drop_ins or not (order.yes or agree(application)):
        return application
    with open_systemd() as systemd:
        application = replace(application, enacted=enact_plan(plan, systemd, runtime=order.runtime, root=root))
    if order.verify_seconds is None:
        return application
    after, _ = watch_unit(planner.source, planner.clock, plan.unit, order.verify_seconds, planner.count, progress)
    judgement = judge_change(before.cycles_per_day, after.cycles_per_day, plan.prediction.cycles_per_day_after)
    return replace(application, after=after, judgement=judgement)
