"""The text of a drop-in: who wrote it, how to undo it, and settings by section."""

from collections.abc import Iterable

from unreclaim.model.plan import DropIn, Setting

MARK = "# Written by unreclaim"
"""How each of our files begins."""

# As systemd.unit(5) orders them; the first holds what concerns the unit as such.
_SECTIONS = ("Unit", "Service", "Slice")


def write_drop_ins(settings: Iterable[Setting], plan_unit: str) -> tuple[DropIn, ...]:
    """Give one drop-in for each unit that settings are of, in the order of their first.

    plan_unit: whose plan it is, by which it is undone.

    Raises:
        ValueError: a value cannot be written on one line.

    """
    by_unit: dict[str, list[Setting]] = {}
    for setting in settings:
        by_unit.setdefault(setting.unit, []).append(setting)
    return tuple(DropIn(unit, _text(each, plan_unit)) for unit, each in by_unit.items())


def _text(settings: list[Setting], plan_unit: str) -> str:
    lines = [
        f"{MARK} (unreclaim apply {plan_unit}); unreclaim undo {plan_unit} removes it.",
        "# Change its values by undo and apply: undo leaves a file alone that was edited since.",
    ]
    for section in _SECTIONS:
        own = [setting for setting in settings if setting.section == section]
        if own:
            lines += ["", f"[{section}]", *(f"{setting.name}={escape_value(setting.value)}" for setting in own)]
    return "\n".join(lines) + "\n"


def escape_value(value: str) -> str:
    """Write a value so that systemd reads it as it is: it would take a % for a specifier (systemd.unit(5)).

    Raises:
        ValueError: there is no way to write it on one line.

    """
    if not value.isprintable() or value != value.strip() or value.endswith("\\"):
        raise ValueError(f"{value!r} cannot be the value of a setting")
    return value.replace("%", "%%")
