"""Whether a plan is in force, and whether it did what it was to do."""

from collections.abc import Iterable

from unreclaim.formats.time_span import time_span
from unreclaim.model.plan import Estimate, Judgement, Setting
from unreclaim.model.unit import Unit


def not_in_force(unit: Unit, settings: Iterable[Setting], drop_in: str) -> tuple[str, ...]:
    """Name each setting that systemd has read and holds otherwise, with the drop-ins that come after ours.

    drop_in: the path of ours. What systemd does not tell is taken to be in force.
    """
    spans = {
        "RestartSec": unit.restart_seconds,
        "RestartMaxDelaySec": unit.restart_max_delay_seconds,
        "StartLimitIntervalSec": unit.start_limit_interval_seconds,
    }
    held = {name: None if seconds is None else time_span(seconds) for name, seconds in spans.items()}
    for name, value in (
        ("RestartSteps", unit.restart_steps),
        ("StartLimitBurst", unit.start_limit_burst),
        ("Slice", unit.slice),
    ):
        held[name] = None if value is None else str(value)
    paths = unit.drop_in_paths
    later = paths[paths.index(drop_in) + 1 :] if drop_in in paths else ()
    why = f"; {', '.join(later)} comes later" if later else ""
    problems = () if drop_in in paths else (f"systemd does not read {drop_in}",)
    return problems + tuple(
        f"{setting.name}={held[setting.name]} stays in force{why}"
        for setting in settings
        if setting.unit == unit.name and held.get(setting.name) not in {None, setting.value}
    )


def judge_change(before: Estimate | None, after: Estimate | None, predicted: Estimate | None) -> Judgement:
    """Say whether cycles fell, and whether to what was predicted.

    They fell where the intervals of before and after do not meet; they are as predicted where those of after and of
    the prediction do.
    """
    if before is None or after is None:
        return Judgement(None, "starts could not be counted")
    if not before.middle:
        return Judgement(None, "no start was seen before the change, so there is nothing to compare with")
    if after.low > before.high:
        return Judgement(worked=False, why="the unit starts more often than before")
    if after.high >= before.low:
        return Judgement(None, "the time was too short to tell the starts after the change from those before")
    if predicted is None or after.low > predicted.high:
        more = "" if predicted is None else ", but more often than predicted"
        return Judgement(predicted is None, f"the unit starts less often than before{more}")
    as_often = "even less often than" if after.high < predicted.low else "as often as"
    return Judgement(worked=True, why=f"the unit starts {as_often} predicted")
