"""The page of what systemd's units make and leave on each kernel, from docs/lab/units-*.json."""

from collections.abc import Callable
from itertools import groupby

from msgspec.structs import replace

from scripts.tables import row, table, version
from unreclaim.lab.unit_report import UnitCard, UnitTrial, freed_after, left_text, pins_text

_NOKMEM = "cgroup.memory=nokmem"
_GROUPS = {
    "types": "Type=, with nothing to do, with the whole sandbox, and with a log",
    "settings": "One setting at a time, with nothing to do",
    "restart": "RestartSec=, appending a page to a log",
    "places": "Where a unit leaves its files",
    "makers": "What makes cgroups besides restarts",
    "accounting": "Accounting switched off for all units, appending a page to a log",
    "many": "Type= again, with more starts",
}


def units_page(runs: list[UnitCard]) -> str:
    """Give a table a group, and what was claimed against what was measured; runs: those of a machine together."""
    cards = [_one_card(list(each)) for _, each in groupby(runs, _head)]
    heads = [_head(card) for card in cards]
    return "\n".join(
        [
            "# Units on each kernel\n",
            "What `unreclaim lab kernel --units` found (docs/lab/units-*.json): a real systemd in a virtual machine",
            "started each unit so many times, and its cgroups were counted by name, by the kernel's trace points. A",
            "cell says how many cgroups a start makes (in one hierarchy), how many of all made were left dying, with",
            "the interval of that share at 95 % (Wilson), and after which step of the ladder four of five of them",
            "were gone. The steps were climbed one after the other on the same cgroups: wait, fadvise, reclaim,",
            "remove files, drop_caches 1, drop_caches 2.\n",
            "A machine was started again for some groups of units alone; what is told of these is of that run.\n",
            *table("Machine", ["systemd", "Kernel's parameters", "Run", "Units"], [_machine(run) for run in runs]),
            "\n## Claimed and measured\n",
            *_claims(cards),
            *(line for group, title in _GROUPS.items() for line in _group(cards, heads, group, title)),
            *_pins(cards),
            "",
        ]
    )


def _head(card: UnitCard) -> str:
    kernel = card.kernel
    extra = " nokmem" if _NOKMEM in kernel.cmdline.split() else ""
    return f"{'.'.join(map(str, version(kernel.release)[:2]))} {kernel.cgroup}{extra}"


def _one_card(runs: list[UnitCard]) -> UnitCard:
    """Give the run of most groups, with what the others found in place of its own."""
    whole, *parts = sorted(runs, key=lambda run: -len(_groups(run)))
    units = [trial for run in (whole, *parts) for trial in run.kernel.units]
    # Of the same unit the last counts, in the place of the first.
    latest = {(trial.group, trial.name): trial for trial in units}
    return replace(whole, kernel=replace(whole.kernel, units=tuple(latest.values())))


def _groups(card: UnitCard) -> dict[str, None]:
    return dict.fromkeys(trial.group for trial in card.kernel.units)


def _machine(card: UnitCard) -> str:
    kernel = card.kernel
    extra = [word for word in kernel.cmdline.split() if word.startswith("cgroup.")]
    machine = f"{card.cpus} CPUs, {card.memory_mib} MiB, {card.accelerator.upper()}, {card.date}"
    groups = ", ".join(_groups(card))
    return row(_head(card), (f"{kernel.systemd} (Debian {card.suite})", " ".join(extra) or "-", machine, groups))


def _group(cards: list[UnitCard], heads: list[str], group: str, title: str) -> list[str]:
    titles = dict.fromkeys(trial.title for card in cards for trial in card.kernel.units if trial.group == group)
    rows = [
        row(
            f"`{name}`" if "=" in name and " " not in name else name,
            (_cell(next((one for one in _titled(card, name) if one.group == group), None)) for card in cards),
        )
        for name in titles
    ]
    return [f"\n## {title}\n", *table("Unit", heads, rows)] if rows else []


def _titled(card: UnitCard, title: str) -> list[UnitTrial]:
    return [trial for trial in card.kernel.units if trial.title == title]


def _named(card: UnitCard, title: str) -> UnitTrial | None:
    """Give the unit that was started most often of those of a title."""
    return max(_titled(card, title), key=lambda trial: trial.made or 0, default=None)


def _cell(trial: UnitTrial | None) -> str:
    if trial is None:
        return "-"
    if trial.failed is not None or trial.per_start is None:
        return "not measured"
    freed = freed_after(trial)
    memory = "" if trial.memory else "; no memory cgroups"
    return f"{trial.per_start:.2f}; {left_text(trial)}{f'; {freed}' if freed else ''}{memory}"


def _pins(cards: list[UnitCard]) -> list[str]:
    held = [
        row(f"{_head(card)}: {trial.title}", (pins_text(trial),))
        for card in cards
        for trial in card.kernel.units
        if trial.pins
    ]
    failed = [
        f"- {_head(card)}: {trial.title}: {trial.failed}"
        for card in cards
        for trial in card.kernel.units
        if trial.failed is not None
    ]
    lines = ["\n## What holds those that are left\n", "By `unreclaim census` in the guest, where its Python runs it.\n"]
    lines += table("Unit", ["Held by (cgroups)"], held)
    return [*lines, "\n## Not measured\n", *(failed or ["All was."])]


_Show = Callable[[UnitTrial], str]


def _claims(cards: list[UnitCard]) -> list[str]:
    """Say of each claim of the article what the numbers of these runs say, unit by unit."""

    def each(titles: tuple[str, ...], show: _Show) -> str:
        parts = []
        for card in cards:
            found = [trial for title in titles if (trial := _named(card, title)) and trial.failed is None]
            if len(found) == len(titles):
                parts.append(f"{_head(card)}: {' against '.join(show(trial) for trial in found)}")
        return "; ".join(parts) or "not measured"

    def per_start(trial: UnitTrial) -> str:
        return f"{trial.per_start or 0:.2f}"

    log = ", appends a page to a log"
    claims = (
        (
            "Type=exec makes more cgroups than Type=simple",
            "Cgroups a start, exec against simple, doing nothing",
            (("Type=exec, does nothing", "Type=simple, does nothing"), per_start),
        ),
        (
            "Type=exec leaks where Type=simple does not",
            "Left dying, exec against simple, appending to a log",
            ((f"Type=exec{log}", f"Type=simple{log}"), left_text),
        ),
        (
            "The sandbox is what leaks",
            "Left dying, with the whole sandbox and nothing to do",
            (
                ("Type=simple, does nothing, the whole sandbox",),
                lambda trial: f"{left_text(trial)} {freed_after(trial)}".strip(),
            ),
        ),
        (
            "A longer RestartSec= stops it",
            "Left dying, 10 s against 1 ms",
            (("RestartSec=10s", "RestartSec=1ms"), left_text),
        ),
        (
            "MemoryAccounting=no stops it",
            "Whether the unit still has memory cgroups, and with DefaultMemoryAccounting=no",
            (
                ("MemoryAccounting=no", f"DefaultMemoryAccounting=no{log}"),
                lambda trial: f"{'memory cgroups' if trial.memory else 'no memory cgroups'}, {left_text(trial)}",
            ),
        ),
    )
    lines = [f'- "{claim}". {what}: {each(*how)}.' for claim, what, how in claims]
    without = [card for card in cards if _NOKMEM in card.kernel.cmdline.split()]
    told = [f"{_head(card)}: {left_text(trial)}" for card in without if (trial := _named(card, f"Type=simple{log}"))]
    return [
        *lines,
        f'- "{_NOKMEM} stops it". Left dying with it, appending to a log: {"; ".join(told) or "not measured"}.',
    ]
