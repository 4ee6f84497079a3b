"""Counts starts from the journal's entries: exactly one for each cgroup that systemd made.

Method. systemd gives every start an id of its own (INVOCATION_ID) before it makes the cgroup, and all that it then says
of the unit bears it. So the starts of a unit are the different ids among the messages that a start begins, is done or
has failed. No single message will do: that it is done is missing where it fails, and for Type=simple that it begins;
that it failed is also said of a start that was refused and made no cgroup, but under the id of the last that was not.
One that a condition kept from starting has no id (docs/kernel-notes/units.md).
"""

from collections.abc import Iterable

from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.formats.journal_entry import FAILED, RESTART, STARTED, STARTING, JournalEntry
from unreclaim.model.units import JournalCount, Starts

_WITH_CGROUP = (".service", ".scope", ".slice", ".mount", ".swap")
"""Kinds of units that have a cgroup while they are active."""

_OF_A_START = frozenset({STARTING, STARTED, FAILED})


class _Tally:
    """The starts of one source."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.ids: set[str] = set()
        self.failed: set[str] = set()
        self.restarts = 0
        self.last = 0.0
        self.times: list[float] = []


def count_starts(entries: Iterable[JournalEntry], after: float | None = None) -> JournalCount:
    """Count the starts of each source. after: give the time of each later start, too, in seconds since 1970."""
    tallies: dict[tuple[str, int | None], _Tally] = {}
    known: dict[tuple[str, int | None], _Tally] = {}
    without_id = dropped = 0
    for entry in entries:
        dropped += entry.dropped or 0
        if entry.unit is None:
            continue
        tally = known.get((entry.unit, entry.user))
        if tally is None:
            if not entry.unit.endswith(_WITH_CGROUP):
                continue
            tally = tallies.setdefault((fold_unit(entry.unit), entry.user), _Tally())
            known[entry.unit, entry.user] = tally
        if entry.message_id == RESTART:
            tally.restarts += 1
        elif entry.message_id in _OF_A_START:
            _add(tally, entry, after)
            without_id += entry.message_id == STARTED and entry.invocation_id is None
    sources = (_starts(name, user, tally) for (name, user), tally in tallies.items() if tally.ids)
    return JournalCount(tuple(sorted(sources, key=lambda one: (-one.starts, one.unit))), without_id, dropped)


def _add(tally: _Tally, entry: JournalEntry, after: float | None) -> None:
    identity = entry.invocation_id
    if identity is None:
        return
    if identity not in tally.ids:
        tally.ids.add(identity)
        tally.names.add(entry.unit or "")
        tally.last = max(tally.last, entry.unix_seconds)
        if after is not None and entry.unix_seconds >= after:
            tally.times.append(entry.unix_seconds)
    if entry.message_id == FAILED:
        tally.failed.add(identity)


def _starts(name: str, user: int | None, tally: _Tally) -> Starts:
    return Starts(
        name,
        user,
        len(tally.names),
        len(tally.ids),
        len(tally.failed),
        tally.restarts,
        tally.last,
        tuple(sorted(tally.times)),
    )


def fold_unit(name: str) -> str:
    """Give the name that a unit shares with its other instances (``getty@*.service``)."""
    # The parser wants a path; what is no unit's name to it stays as it is.
    return (parse_cgroup_path(f"/{name}").unit or name) if "/" not in name else name
