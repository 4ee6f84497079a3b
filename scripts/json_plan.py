"""The part of the output contract that is of plan, apply and undo (scripts/json_contract.py)."""

from scripts.json_key import Key
from unreclaim.model.plan import StepKind


def _estimate(path: str, unit: str, meaning: str) -> tuple[Key, ...]:
    return (
        Key(path, "object or null", "", f"{meaning}; null: not known"),
        Key(f"{path}.middle", "number", unit, "the likeliest figure"),
        Key(f"{path}.low", "number", unit, "lower end of the 90 % interval"),
        Key(f"{path}.high", "number", unit, "upper end"),
    )


def _watch(path: str, kind: str, meaning: str) -> tuple[Key, ...]:
    return (
        Key(path, kind, "", meaning),
        Key(f"{path}.seconds", "number", "seconds", "how long the unit was watched"),
        Key(f"{path}.starts", "integer or null", "starts", "seen meanwhile; null: they could not be counted"),
        *_estimate(f"{path}.cycles_per_day", "starts a day", "what they come to"),
        Key(f"{path}.growth", "object", "", "change of the host's figures meanwhile, by field id (fields.md)"),
        Key(f"{path}.growth.<field>", "object", "", "one field"),
        Key(f"{path}.growth.<field>.per_day", "number", "`unit` a day", "the rate"),
        Key(f"{path}.growth.<field>.low", "number", "`unit` a day", "lower end of its 95 % interval"),
        Key(f"{path}.growth.<field>.high", "number", "`unit` a day", "upper end"),
        Key(f"{path}.growth.<field>.unit", "string", "", "`bytes` or `cgroups`"),
    )


_SETTING = "steps[].settings[]"
_PLAN = (
    Key("unit", "string", "", "the unit"),
    *_watch("watched", "object", "what the plan rests on"),
    Key("prediction", "object", "", "what the chosen steps come to"),
    *_estimate("prediction.cycles_per_day", "starts a day", "now"),
    *_estimate("prediction.cycles_per_day_after", "starts a day", "then, once a loop has run on for a while"),
    *_estimate("prediction.growth_bytes_per_day", "bytes a day", "kernel memory that the cycles leave now"),
    *_estimate("prediction.growth_bytes_per_day_after", "bytes a day", "and then"),
    Key("chosen", "list", "", "ids of the steps that the drop-ins hold"),
    Key("chosen[]", "string", "", "one of them"),
    Key("steps", "list", "", "all that may help, in the order in which to try it"),
    Key("steps[].id", "string", "", "name of the step, for `--step`; stable"),
    Key("steps[].kind", "string", "", f"{', '.join(f'`{kind}`' for kind in StepKind)}; only the first is ever done"),
    Key("steps[].what", "string", "", "what to do"),
    Key("steps[].why", "string", "", "the reason"),
    Key("steps[].effect", "string", "", "what comes of it"),
    Key("steps[].cost", "string", "", "what is lost"),
    Key("steps[].gate", "string", "", "the fact of this host that it rests on"),
    Key("steps[].settings", "list", "", "lines of drop-ins"),
    Key(f"{_SETTING}.unit", "string", "", "whose drop-in"),
    Key(f"{_SETTING}.section", "string", "", "its section"),
    Key(f"{_SETTING}.name", "string", "", "name of the setting"),
    Key(f"{_SETTING}.value", "string", "", "its value, before a % is doubled"),
    Key("steps[].default", "boolean", "", "chosen where no step is named"),
    Key("drop_ins", "list", "", "the files that the chosen steps come to"),
    Key("drop_ins[].unit", "string", "", "whose drop-in"),
    Key("drop_ins[].text", "string", "", "its whole text"),
    Key("ruled_out", "list", "", "advice that is heard often and does nothing, with the measurement"),
    Key("ruled_out[]", "string", "", "one piece of it"),
)

PLAN = (Key("schema", "string", "", "`unreclaim.plan/1`"), *_PLAN)

APPLY = (
    Key("schema", "string", "", "`unreclaim.apply/1`"),
    Key("applied", "boolean", "", "whether anything was changed"),
    Key("runtime", "boolean", "", "only until the next boot"),
    Key("paths", "list", "", "the files of `drop_ins`, in their order"),
    Key("paths[]", "string", "", "path of one"),
    Key("verified", "boolean or null", "", "systemd-analyze verify was asked; null: nothing was changed"),
    Key("restored", "list", "", "units whose plan a run that was killed had left half done; taken back first"),
    Key("restored[]", "string", "", "one of them"),
    *_PLAN,
    *_watch("after", "object or null", "the same as `watched`, after the change; null: not asked for (`--verify`)"),
    Key("worked", "boolean or null", "", "whether the cycles fell as predicted; null: it cannot be told"),
    Key("why", "string or null", "", "why that is said"),
)

UNDO = (
    Key("schema", "string", "", "`unreclaim.undo/1`"),
    Key("units", "list", "", "whose plans were taken back"),
    Key("units[]", "string", "", "one of them"),
    Key("paths", "list", "", "the files that are gone"),
    Key("paths[]", "string", "", "path of one"),
    Key("restored", "list", "", "units whose plan a run that was killed had left half done"),
    Key("restored[]", "string", "", "one of them"),
)
