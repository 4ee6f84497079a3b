"""Plans against churn, and what came of them, as text and as JSON: figures first, then steps, then the files."""

import msgspec

from unreclaim.base.units import format_bytes, format_count, format_duration, format_number_of
from unreclaim.model.growth import Rate
from unreclaim.model.plan import Application, DropIn, Estimate, Plan, PlanStep, StepKind, Undone, UnitWatch
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import not_seen, printable, wrap

_LABEL = 20
_FIELDS = {
    "cgroups.memory.dying": "dying memory cgroups",
    "meminfo.sunreclaim_bytes": "SUnreclaim",
    "meminfo.percpu_bytes": "Percpu",
}


def plan_text(plan: Plan, watch: UnitWatch) -> str:
    """Write a plan for people."""
    run = f"Run next\n  unreclaim apply {printable(plan.unit)}    shows the change; with --yes makes it"
    ours = [_step_block(step, chosen=step.id in plan.chosen) for step in plan.steps if step.kind == StepKind.DROP_IN]
    advice = [_advice(step) for step in plan.steps if step.kind != StepKind.DROP_IN]
    others = "\n".join(["Beyond this program", *advice]) if advice else ""
    ruled_out = "\n".join(["Ruled out", *(wrap(text, indent=2, hanging=4) for text in plan.ruled_out)])
    run = run if plan.drop_ins else ""
    return _join(wrap(_verdict(plan, watch)), *ours, others, ruled_out, run, not_seen(plan.gaps))


def _join(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(plan: Plan, watch: UnitWatch) -> str:
    """Say what is now and what will be."""
    figures = plan.prediction
    if watch.starts is None:
        seen = f"{plan.unit}: its starts could not be counted."
    else:
        starts = format_number_of(watch.starts, "start was", "starts were")
        seen = f"{plan.unit}: {starts} seen within {format_duration(watch.seconds)}."
    if not plan.chosen:
        return f"{seen} There is nothing to change in it by default; other steps of unreclaim plan can be chosen."
    changes = []
    if figures.cycles_per_day is not None and figures.cycles_per_day_after is not None:
        changes.append(f"cycles/day {_change(figures.cycles_per_day, figures.cycles_per_day_after, 'count')}")
    if figures.growth_bytes_per_day is not None and figures.growth_bytes_per_day_after is not None:
        change = _change(figures.growth_bytes_per_day, figures.growth_bytes_per_day_after, "bytes")
        changes.append(f"growth {change} a day")
    if not changes:
        return f"{seen} What the steps marked * will come to cannot be told."
    return f"{seen} With the steps marked *: {'; '.join(changes)}; 90 % intervals."


def _change(now: Estimate, after: Estimate, unit: str) -> str:
    return f"{_estimate(now, unit)} -> {_estimate(after, unit)}"


def _estimate(estimate: Estimate, unit: str) -> str:
    form = format_bytes if unit == "bytes" else format_count
    ends = [form(end if unit == "bytes" or end < 10 else round(end)) for end in (estimate.low, estimate.high)]
    return f"{form(estimate.middle if unit == 'bytes' else round(estimate.middle))} ({ends[0]}-{ends[1]})"


def _step_block(step: PlanStep, *, chosen: bool) -> str:
    lines = [
        wrap(f"{'*' if chosen else ' '} {step.id:<{_LABEL}}{step.what}", hanging=2 + _LABEL),
        *(
            wrap(f"{label}: {text}", indent=2 + _LABEL, hanging=4 + _LABEL)
            for label, text in (
                ("why", step.why),
                ("effect", step.effect),
                ("costs", step.cost),
                ("rests on", step.gate),
            )
        ),
    ]
    return "\n".join(lines)


def _advice(step: PlanStep) -> str:
    text = f"{step.id:<{_LABEL}}{step.what}; {step.why}; costs: {step.cost}"
    return wrap(text, indent=2, hanging=2 + _LABEL)


def proposal_text(application: Application) -> str:
    """Write what would be changed."""
    plan = application.plan
    steps = [_step_block(step, chosen=True) for step in plan.steps if step.id in plan.chosen]
    blocks = (wrap(_verdict(plan, application.before)), *steps, _diff_text(application), _restored(application))
    return _join(*blocks, not_seen(plan.gaps))


def application_text(application: Application) -> str:
    """Write what was changed and what came of it, or what would be and how."""
    plan, enacted = application.plan, application.enacted
    if enacted is None:
        run = f"Nothing was changed. To do it:\n  unreclaim apply {printable(plan.unit)} --yes" if plan.drop_ins else ""
        return _join(proposal_text(application).rstrip("\n"), run)
    where = " until the next boot" if enacted.runtime else ""
    checked = "" if enacted.verified else "; systemd-analyze is not here, so it was not asked"
    first = f"APPLIED to {plan.unit}{where}: systemd has read it, and what was asked for is in force{checked}."
    paths = "\n".join(["Written", *(f"  {printable(path)}" for path in enacted.paths)])
    undo = f"To take it back\n  unreclaim undo {printable(plan.unit)}"
    return _join(wrap(first), _restored(application), _outcome_block(application), paths, undo, not_seen(plan.gaps))


def _restored(application: Application) -> str:
    if not application.restored:
        return ""
    units = ", ".join(application.restored)
    return wrap(f"What a run that was killed had left half done was taken back first: {units}.")


def _outcome_block(application: Application) -> str:
    after, judgement = application.after, application.judgement
    if after is None or judgement is None:
        predicted = application.plan.prediction.cycles_per_day_after
        return "" if predicted is None else wrap(f"Predicted: {_estimate(predicted, 'count')} cycles/day.")
    word = {True: "WORKED", False: "DID NOT WORK", None: "CANNOT TELL"}[judgement.worked]
    lines = [wrap(f"{word}: {judgement.why}.")]
    rows = [("before", application.before), ("after", after)]
    for label, watch in rows:
        cycles = "not counted" if watch.cycles_per_day is None else _estimate(watch.cycles_per_day, "count")
        lines.append(wrap(f"{label:<{_LABEL}}{cycles} cycles/day, {format_duration(watch.seconds)}", indent=2))
    predicted = application.plan.prediction.cycles_per_day_after
    if predicted is not None:
        lines.append(wrap(f"{'predicted':<{_LABEL}}{_estimate(predicted, 'count')} cycles/day", indent=2))
    for field, title in _FIELDS.items():
        ends = [watch.rates.get(field) for _, watch in rows]
        if None not in ends:
            lines.append(wrap(f"{title}, a day: {' -> '.join(_rate(rate) for rate in ends if rate)}", indent=2))
    return "\n".join(lines)


def _rate(rate: Rate) -> str:
    form = format_bytes if rate.unit == "bytes" else lambda value: format_count(round(value))
    return f"{form(rate.per_day)} ({form(rate.low)} to {form(rate.high)})"


def _diff_text(application: Application) -> str:
    """Write the files as a difference to what is there, which is nothing."""
    pairs = zip(application.paths, application.plan.drop_ins, strict=True)
    return "\n".join(line for path, drop_in in pairs for line in _diff(path, drop_in))


def _diff(path: str, drop_in: DropIn) -> list[str]:
    lines = drop_in.text.splitlines()
    head = ["--- /dev/null", f"+++ {printable(path)}", f"@@ -0,0 +1,{len(lines)} @@"]
    return [*head, *(f"+{printable(line)}" for line in lines)]


def undone_text(undone: Undone) -> str:
    """Write what was taken back."""
    units = [*undone.units, *undone.restored]
    if not units:
        return "Nothing was applied, so there is nothing to take back.\n"
    lines = [wrap(f"UNDONE for {', '.join(units)}: the files are gone, and systemd has been told.")]
    if undone.restored:
        lines.append(wrap(f"Half done by a run that was killed: {', '.join(undone.restored)}.", indent=2))
    lines += [f"  {printable(path)}" for path in undone.paths]
    return "\n".join(lines) + "\n"


def plan_document(plan: Plan, watch: UnitWatch) -> dict[str, object]:
    """Build the document of ``unreclaim plan --json``."""
    return {"schema": "unreclaim.plan/1", **_plan(plan, watch), "gaps": gaps_document(plan.gaps)}


def _plan(plan: Plan, watch: UnitWatch) -> dict[str, object]:
    return {
        "unit": plan.unit,
        "watched": _watch(watch),
        "prediction": msgspec.to_builtins(plan.prediction),
        "chosen": list(plan.chosen),
        "steps": [msgspec.to_builtins(step) for step in plan.steps],
        "drop_ins": [msgspec.to_builtins(drop_in) for drop_in in plan.drop_ins],
        "ruled_out": list(plan.ruled_out),
    }


def _watch(watch: UnitWatch) -> dict[str, object]:
    return {
        "seconds": watch.seconds,
        "starts": watch.starts,
        "cycles_per_day": None if watch.cycles_per_day is None else msgspec.to_builtins(watch.cycles_per_day),
        "growth": {
            field: {"per_day": rate.per_day, "low": rate.low, "high": rate.high, "unit": rate.unit}
            for field, rate in watch.rates.items()
        },
    }


def application_document(application: Application) -> dict[str, object]:
    """Build the document of ``unreclaim apply --json``."""
    enacted, judgement, after = application.enacted, application.judgement, application.after
    return {
        "schema": "unreclaim.apply/1",
        "applied": enacted is not None,
        "runtime": application.runtime,
        "paths": list(application.paths),
        "verified": None if enacted is None else enacted.verified,
        "restored": list(application.restored),
        **_plan(application.plan, application.before),
        "after": None if after is None else _watch(after),
        "worked": judgement.worked if judgement else None,
        "why": judgement.why if judgement else None,
        "gaps": gaps_document(application.plan.gaps),
    }


def undone_document(undone: Undone) -> dict[str, object]:
    """Build the document of ``unreclaim undo --json``."""
    return {"schema": "unreclaim.undo/1", **msgspec.to_builtins(undone)}
