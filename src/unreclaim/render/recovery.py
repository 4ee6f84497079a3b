"""A recovery, or the plan of one, as text and as JSON: what came of it first, then what was done, then what is left."""

import shlex
from collections import Counter
from collections.abc import Callable

import msgspec

from unreclaim.base.units import format_bytes, format_count, format_number_of
from unreclaim.model.census import BACKENDS_BY_NAME
from unreclaim.model.recovery import OPERATORS, Figures, Outcome, Recovery, Result, Rung, RungResult, Step
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import container_block, not_seen, printable, wrap

_LABEL = 13
_STEPS_SHOWN = 4
_STEPS_IN_JSON = 50
_NOTES_SHOWN = 5
_ON_THE_HOST = "run unreclaim reclaim on the container's host"


def recovery_text(recovery: Recovery) -> str:
    """Write a recovery for people."""
    blocks = [
        wrap(_verdict(recovery)),
        container_block(recovery.container, f"the steps belong there too: {_ON_THE_HOST}"),
        _rungs_block(recovery.rungs),
        *(_outcome_block(outcome) for outcome in recovery.outcomes),
        _next_block(recovery),
        not_seen(recovery.gaps),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(recovery: Recovery) -> str:
    """Say in a sentence or two what there is, or what came of it."""
    outcomes = recovery.outcomes
    place = f" at or below {recovery.target}" if recovery.target not in (None, "/") else ""
    ending = "" if recovery.rungs else " Nothing was changed."
    if recovery.interrupted:
        rung = f" on the rung {recovery.rungs[-1].rung}" if recovery.rungs else ""
        ending = f" Interrupted{rung}: this is what was seen last."
    if recovery.sees_nothing:
        dying = recovery.dying_on_host
        number = "It is not known how many" if dying is None else format_count(dying)
        found = f"{number} memory cgroups are dying on this host, and no memory that they hold was found{place}"
        return f"{found}; what keeps them cannot be seen here.{ending}"
    if not outcomes:
        what = (
            "dying memory cgroup" if recovery.backend in BACKENDS_BY_NAME else "memory that dying memory cgroups hold"
        )
        return f"No {what} was found{place}.{ending}"
    if outcomes[0].nr_left is None:
        size = format_bytes(sum(outcome.bytes for outcome in outcomes))
        return f"Dying memory cgroups hold {size}{place}; which ones they are cannot be told here.{ending}"
    left = sum(outcome.nr_left or 0 for outcome in outcomes)
    freed = sum(outcome.nr_freed or 0 for outcome in outcomes)
    total = format_count(left + freed)
    needs: Counter[Rung | None] = Counter()
    for outcome in outcomes:
        needs.update(dict(outcome.needs))
    frees = _needs(tuple((rung, needs[rung]) for rung in (*Rung, None) if needs[rung]))
    if not left:
        return f"RECOVERED: {total} of {total} dying memory cgroups were freed{place}.{ending}"
    if recovery.rungs:
        return f"{format_count(freed)} of {total} dying memory cgroups were freed{place}; the rest: {frees}.{ending}"
    are = format_number_of(left + freed, "memory cgroup is", "memory cgroups are")
    they = "It" if left + freed == 1 else "They"
    return f"{are} dying{place}. {they} would be freed: {frees}.{ending}"


def _needs(needs: tuple[tuple[Rung | None, int], ...]) -> str:
    return ", ".join(f"{format_count(number)} {_FREED_BY[rung]}" for rung, number in needs)


_FREED_BY = {
    Rung.WAIT: "perhaps by waiting",
    Rung.FADVISE: "by fadvise",
    Rung.RECLAIM: "by reclaim",
    Rung.REMOVE: "by removing what holds them",
    Rung.RESTART: "by restarting a process",
    Rung.DROP_CACHES: "by drop-caches",
    None: "by nothing that is known",
}


def _rungs_block(rungs: tuple[RungResult, ...]) -> str:
    if not rungs:
        return ""
    lines = ["What was done"]
    for rung in rungs:
        done = sum(result.done for result in rung.steps)
        after = rung.after or Figures(None, None, None, None)
        figures = [
            _change("dying", rung.before.dying, after.dying, format_count),
            _change("on this host", rung.before.dying_on_host, after.dying_on_host, format_count),
            _change("SUnreclaim", rung.before.sunreclaim_bytes, after.sunreclaim_bytes, format_bytes),
            _change("per-CPU", rung.before.percpu_bytes, after.percpu_bytes, format_bytes),
        ]
        steps = format_number_of(done, "step", "steps")
        ended = "" if rung.after else ", not measured afterwards"
        text = f"{rung.rung:<{_LABEL}}{steps}{ended}: {', '.join(figure for figure in figures if figure)}"
        lines.append(wrap(text, indent=2, hanging=2 + _LABEL))
        notes = [result for result in rung.steps if result.note]
        for result in notes[:_NOTES_SHOWN]:
            word = "" if result.done else "not done: "
            lines.append(wrap(f"{word}{result.step.what}: {result.note}", indent=2 + _LABEL, hanging=4 + _LABEL))
        if len(notes) > _NOTES_SHOWN:
            lines.append(wrap(f"and {format_count(len(notes) - _NOTES_SHOWN)} more like it", indent=2 + _LABEL))
    return "\n".join(lines)


def _change(name: str, before: int | None, after: int | None, form: Callable[[float], str]) -> str:
    if before is None:
        return ""
    return f"{name} {form(before)}" if after is None else f"{name} {form(before)} to {form(after)}"


def _outcome_block(outcome: Outcome) -> str:
    unit = f", of {outcome.unit}" if outcome.unit else ""
    number = "" if outcome.nr_left is None else f"{format_count((outcome.nr_freed or 0) + outcome.nr_left)} "
    size = f", {format_bytes(outcome.bytes)}" if outcome.bytes else ""
    each = f" ({_needs(outcome.needs)})" if len(outcome.needs) > 1 else ""
    lines = [wrap(f"{number}below {outcome.ancestor}{unit}{size}: {_result(outcome)}{each}")]
    for rung in Rung:
        steps = [step for step in outcome.steps if step.rung == rung]
        before = None
        for step in steps[:_STEPS_SHOWN]:
            lines += _step_lines(step, before)
            before = step
        if len(steps) > _STEPS_SHOWN:
            lines.append(wrap(f"{'':<{_LABEL}}and {format_count(len(steps) - _STEPS_SHOWN)} more", indent=2))
    return "\n".join(lines)


def _result(outcome: Outcome) -> str:
    rungs = [rung for rung, _ in outcome.needs if rung is not None]
    match outcome.result:
        case Result.PARTLY:
            freed = "" if outcome.nr_freed is None else f", {format_count(outcome.nr_freed)} were freed"
            return f"partly recovered{freed}" + (f"; {outcome.because}" if outcome.because else "")
        case Result.RECOVERABLE:
            return f"recoverable by {', '.join(rungs or dict.fromkeys(step.rung for step in outcome.steps))}"
        case Result.RESTART:
            shown = ", ".join(map(str, outcome.processes[:_STEPS_SHOWN])) or "a process that was not seen"
            more = len(outcome.processes) - _STEPS_SHOWN
            return f"needs restart of {shown}{f' and {format_count(more)} more' if more > 0 else ''}"
        case Result.REBOOT:
            return f"reboot only, because {outcome.because}"
        case Result.NOT_YET:
            return f"not recovered yet: {outcome.because}"
        case _:
            return outcome.result


def _step_lines(step: Step, before: Step | None) -> list[str]:
    """Write a step; the rung's name and a cost that is that of the step before it are not written again."""
    number = f"{format_count(len(step.cgroups))} of them" if step.cgroups else ""
    cost = "" if before is not None and step.cost == before.cost else step.cost
    told = "; ".join(part for part in (number, cost) if part)
    lines = [f"{step.rung if before is None else '':<{_LABEL}}{step.what}{f' ({told})' if told else ''}"]
    if step.obstacle:
        lines.append(f"{'':<{_LABEL}}  {step.obstacle}")
    lines = [wrap(line, indent=2, hanging=4 + _LABEL) for line in lines]
    # To be copied, so it is not broken.
    return [*lines, f"{'':<{_LABEL}}    {printable(step.command)}"] if step.command else lines


def _next_block(recovery: Recovery) -> str:
    rungs = [rung for outcome in recovery.outcomes for rung, _ in outcome.needs]
    rungs += [step.rung for outcome in recovery.outcomes if outcome.nr_left is None for step in outcome.steps]
    ours = [rung for rung in Rung if rung in rungs and rung not in OPERATORS and rung != Rung.WAIT]
    if not ours:
        return ""
    if recovery.container is not None:
        # It knows the cgroups by other paths.
        return "\n".join(["Run next", wrap(_ON_THE_HOST, indent=2)])
    target = "" if recovery.target in (None, "/") else f" --target {shlex.quote(recovery.target)}"
    return "\n".join(["Run next", wrap(f"unreclaim reclaim --yes --up-to {ours[0]}{target}", indent=2)])


def recovery_document(recovery: Recovery) -> dict[str, object]:
    """Build the document of ``unreclaim reclaim --json``."""
    return {
        "schema": "unreclaim.reclaim/1",
        "backend": recovery.backend,
        "target": recovery.target,
        "up_to": recovery.up_to,
        "interrupted": recovery.interrupted,
        "dying_on_host": recovery.dying_on_host,
        "container": None if recovery.container is None else msgspec.to_builtins(recovery.container),
        "rungs": [_rung_document(rung) for rung in recovery.rungs],
        "groups": [_outcome_document(outcome) for outcome in recovery.outcomes],
        "gaps": gaps_document(recovery.gaps),
    }


def _rung_document(rung: RungResult) -> dict[str, object]:
    return {
        "rung": rung.rung,
        "before": msgspec.to_builtins(rung.before),
        "after": None if rung.after is None else msgspec.to_builtins(rung.after),
        "nr_steps": len(rung.steps),
        "nr_done": sum(result.done for result in rung.steps),
        "steps": [
            {"what": result.step.what, "done": result.done, "note": result.note}
            for result in rung.steps[:_STEPS_IN_JSON]
        ],
    }


def _outcome_document(outcome: Outcome) -> dict[str, object]:
    return {
        "ancestor": outcome.ancestor,
        "unit": outcome.unit,
        "result": outcome.result,
        "nr_freed": outcome.nr_freed,
        "nr_left": outcome.nr_left,
        "bytes": outcome.bytes,
        "needs": [{"rung": rung, "nr_cgroups": number} for rung, number in outcome.needs],
        "processes": [msgspec.to_builtins(process) for process in outcome.processes],
        "because": outcome.because,
        "nr_steps": len(outcome.steps),
        "steps": [_step_document(step) for step in outcome.steps[:_STEPS_IN_JSON]],
    }


def _step_document(step: Step) -> dict[str, object]:
    pin = step.pin
    return {
        "rung": step.rung,
        "what": step.what,
        "cost": step.cost,
        "obstacle": step.obstacle,
        "nr_cgroups": len(step.cgroups) or None,
        "path": pin.path if pin else None,
        "device": pin.device if pin else None,
        "inode": pin.inode if pin else None,
        "bytes": pin.bytes if pin else None,
        "cgroup": step.place,
        "file": step.file,
        "texts": list(step.texts),
        "processes": [msgspec.to_builtins(process) for process in step.processes],
        "command": step.command,
    }
