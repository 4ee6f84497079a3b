"""Puts a plan into force and takes it back: drop-ins, systemd told, what it says of them, and the way back."""

from collections.abc import Callable

from unreclaim.advice.effect import not_in_force
from unreclaim.app.systemd import Systemd
from unreclaim.apply.dropins import check_drop_ins, path_of, write_drop_ins
from unreclaim.apply.intents import Intent, Place, choose_place, forget_intent, locked, read_intents, write_intent
from unreclaim.apply.reload import reload_systemd
from unreclaim.apply.undo import remove_drop_ins
from unreclaim.base.errors import OutputError, UnavailableError, UnreclaimError
from unreclaim.host.systemd.verification import verify_unit
from unreclaim.model.plan import Enacted, Plan, Undone
from unreclaim.model.unit import Unit

Verify = Callable[[str], tuple[str, ...] | None]
"""Gives complaints about the unit of a file; None: there is nobody to ask."""


def find_unfinished(root: str = "") -> tuple[str, ...]:
    """Name the units whose plan a run that was killed left half done."""
    return tuple(intent.unit for place in _places(root) for intent in read_intents(place) if not intent.done)


def restore_unfinished(systemd: Systemd, root: str = "") -> tuple[str, ...]:
    """Take back what a run that was killed left half done, and name the units.

    Raises:
        OutputError: a file was edited since, or another run is at it.
        BusError: PID 1 cannot be asked; the next run goes on.

    """
    with locked(choose_place(root, runtime=False)):
        return _restore(systemd, root)


def check_plan(plan: Plan, *, runtime: bool, root: str = "") -> tuple[str, ...]:
    """Give the paths that a plan would write, and change nothing.

    Raises:
        OutputError: one of them cannot be written, because something is there.

    """
    place = choose_place(root, runtime=runtime)
    check_drop_ins(place, plan.drop_ins)
    return tuple(path_of(place, each.unit) for each in plan.drop_ins)


def enact_plan(plan: Plan, systemd: Systemd, *, runtime: bool, root: str = "", verify: Verify = verify_unit) -> Enacted:
    """Put a plan into force, wholly or not at all.

    Raises:
        OutputError: something is in the way, or systemd does not take it; all is as it was then.
        BusError: PID 1 cannot be asked.

    """
    place = choose_place(root, runtime=runtime)
    with locked(place):
        wanted = check_drop_ins(place, plan.drop_ins)
        unit = systemd.read_unit(plan.unit)
        complaints = _complaints(unit, verify)
        try:
            intent = write_drop_ins(place, plan.unit, wanted)
            reload_systemd(systemd.call)
            verified = _check(plan, choose_place(runtime=runtime), systemd, complaints, verify)
            write_intent(place, Intent(intent.unit, intent.drop_ins, done=True))
        except BaseException as error:
            _restore_after(error, plan.unit, systemd, root)
            raise
    return Enacted(plan.unit, tuple(path_of(place, each.unit) for each in wanted), runtime, verified)


def _complaints(unit: Unit, verify: Verify) -> tuple[str, ...] | None:
    return None if unit.fragment_path is None else verify(unit.fragment_path)


def _check(plan: Plan, place: Place, systemd: Systemd, before: tuple[str, ...] | None, verify: Verify) -> bool:
    """Tell whether systemd-analyze could be asked. place: as systemd sees it.

    Raises:
        OutputError: systemd has a complaint that it had not before, or something else than the plan is in force.

    """
    unit = systemd.read_unit(plan.unit)
    after = _complaints(unit, verify)
    new = [line for line in after or () if line not in (before or ())]
    if new:
        raise OutputError(plan.unit, f"systemd-analyze verify: {'; '.join(new)}; the change was taken back")
    settings = [setting for step in plan.steps if step.id in plan.chosen for setting in step.settings]
    if any(each.unit == unit.name for each in plan.drop_ins):
        wrong = not_in_force(unit, settings, path_of(place, unit.name))
        if wrong:
            raise OutputError(plan.unit, f"{'; '.join(wrong)}; the change was taken back")
    return after is not None


def undo_plans(unit: str | None, systemd: Systemd, *, force: bool = False, root: str = "") -> Undone:
    """Take back the plan of a unit, or of all (None), and what an earlier run left half done.

    Raises:
        UnavailableError: there is no plan of that unit.
        OutputError: a file was edited since; nothing of that plan is removed then.
        BusError: PID 1 cannot be asked; the next undo goes on.

    """
    with locked(choose_place(root, runtime=False)):
        restored = _restore(systemd, root, force=force)
        units, paths = [], []
        for place in _places(root):
            for intent in read_intents(place):
                if unit in {None, intent.unit}:
                    remove_drop_ins(place, intent, force=force)
                    reload_systemd(systemd.call)
                    forget_intent(place, intent.unit)
                    units.append(intent.unit)
                    paths += [path_of(place, each.unit) for each in intent.drop_ins]
    if unit is not None and unit not in (*units, *restored):
        raise UnavailableError(f"undo {unit}", "nothing was applied to it", hint="undo --all takes back whatever was")
    return Undone(tuple(units), tuple(paths), restored)


def _places(root: str) -> tuple[Place, Place]:
    return choose_place(root, runtime=False), choose_place(root, runtime=True)


def _restore(systemd: Systemd, root: str, *, force: bool = False) -> tuple[str, ...]:
    """Take back what is not done, and name the units."""
    restored = []
    for place in _places(root):
        for intent in read_intents(place):
            if not intent.done:
                remove_drop_ins(place, intent, force=force)
                reload_systemd(systemd.call)
                forget_intent(place, intent.unit)
                restored.append(intent.unit)
    return tuple(restored)


def _restore_after(error: BaseException, unit: str, systemd: Systemd, root: str) -> None:
    """Take back what failed.

    Raises:
        OutputError: it cannot be taken back now; the next run will try.

    """
    try:
        _restore(systemd, root)
    except (UnreclaimError, OSError) as later:
        why = f"{str(error) or type(error).__name__}; and taking it back failed: {later}"
        raise OutputError(unit, why, hint=f"unreclaim undo {unit}") from error
