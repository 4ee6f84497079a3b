"""Joins what D-Bus, the journal, a trace and the census say of each source of cgroups, and ranks all on one scale."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from unreclaim.analysis.starts import fold_unit
from unreclaim.base.units import SECONDS_PER_DAY
from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.model.census import Census
from unreclaim.model.churn import Churn, SourceKind
from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.gap import Gap
from unreclaim.model.unit import Unit
from unreclaim.model.units import BusView, JournalCount, JournalSpan, Pile, StartKind, Starts, UnitRow

_LATE_SECONDS = 60.0
"""A journal that begins this long after boot lacks what was before; until then journald itself has to come up."""

_PILE = 20
_SHOWN = 3

_TRANSIENT = "/run/systemd/transient/"
_SESSION_UNITS = ("session-", "user@", "user-runtime-dir@")


def judge_span(span: JournalSpan, count: JournalCount | None) -> tuple[bool, tuple[Gap, ...]]:
    """Tell whether the journal knows every start of the span, and what it does not know; who cut it short says why."""
    if count is None or span.known_unix_seconds is None:
        return False, ()
    gaps = []
    begin = span.from_unix_seconds
    if begin is not None and span.known_unix_seconds > begin + _LATE_SECONDS:
        why = "the journal begins later than that: it was rotated, or is not kept over a boot"
        gaps.append(Gap("earlier starts", why, "journald.conf(5): SystemMaxUse=, Storage=persistent"))
    if count.dropped:
        why = f"journald dropped {count.dropped:,} messages of PID 1, because they were too many at once"
        gaps.append(Gap("some starts", why, "journald.conf(5): RateLimitBurst=; or count them: unreclaim trace"))
    if count.without_id and not any(source.starts for source in count.sources):
        why = "this systemd writes no INVOCATION_ID, so starts cannot be told apart (before 232)"
        gaps.append(Gap("starts", why, "count them: unreclaim trace"))
    return not gaps and not count.cut_short, tuple(gaps)


def rank_units(
    count: JournalCount | None,
    span: JournalSpan,
    bus: BusView | None = None,
    census: Census | None = None,
    cost: DyingCost | None = None,
    churn: Churn | None = None,
) -> tuple[UnitRow, ...]:
    """Give a row for each source, those with the most starts first."""
    whole, _ = judge_span(span, count)
    loaded = _by_fold(bus.units if bus else ())
    details = _by_fold(bus.details if bus else ())
    dying = _dying(census) if census is not None and census.by_name else None
    traced = {source.source: source.created for source in churn.sources if source.created} if churn else {}
    rows = []
    for starts in count.sources if count else ():
        own = starts.user is None
        rows.append(
            UnitRow(
                name=starts.unit,
                kind=_kind(starts, loaded, details),
                user=starts.user,
                names=starts.names,
                starts=starts.starts,
                at_least=not whole,
                basis="journal",
                failed=starts.failed,
                starts_per_day=_per_day(starts.starts, span),
                last_unix_seconds=starts.last_unix_seconds,
                traced=traced.get(starts.unit) if own else None,
            )
        )
    seen = {row.name for row in rows if row.user is None}
    rows += _restarted(details, seen, span)
    seen |= {row.name for row in rows if row.user is None}
    rows += _traced(churn, seen) if churn else []
    joined = (_join(row, details.get(row.name, ()), dying, cost) if row.user is None else row for row in rows)
    return tuple(sorted(joined, key=lambda row: (-row.starts, row.name, row.user or 0)))


def _join(row: UnitRow, units: tuple[Unit, ...], dying: Counter[str] | None, cost: DyingCost | None) -> UnitRow:
    """Add what D-Bus and the census say of a row."""
    restarts = [unit.nr_restarts for unit in units if unit.nr_restarts is not None]
    number = None if dying is None else dying[row.name]
    return replace(
        row,
        nr_restarts=sum(restarts) if restarts else None,
        unit=units[0] if units else None,
        dying=number,
        slab_bytes=_times(number, cost.slab) if cost else None,
        percpu_bytes=_times(number, cost.percpu) if cost else None,
    )


def _restarted(details: Mapping[str, tuple[Unit, ...]], seen: set[str], span: JournalSpan) -> list[UnitRow]:
    """Give rows of units of whose starts the journal knows nothing, by their own count of automatic restarts."""
    rows = []
    for name, units in details.items():
        restarts = sum(unit.nr_restarts or 0 for unit in units)
        if name in seen or not restarts:
            continue
        # The first start is no restart.
        starts = restarts + len(units)
        rows.append(
            UnitRow(
                name=name,
                kind=StartKind.RESTART_LOOP,
                names=len(units),
                starts=starts,
                at_least=True,
                basis="NRestarts",
                starts_per_day=_per_day(starts, span, known=False),
                traced=None,
            )
        )
    return rows


def _traced(churn: Churn, seen: set[str]) -> list[UnitRow]:
    """Give rows of what a trace alone saw: containers, and cgroups that no systemd made."""
    kinds = {
        SourceKind.UNIT: StartKind.SERVICE,
        SourceKind.SESSION: StartKind.SESSION,
        SourceKind.CONTAINER: StartKind.CONTAINER,
        SourceKind.POD: StartKind.CONTAINER,
    }
    return [
        UnitRow(
            name=source.source,
            kind=kinds.get(source.kind, StartKind.OTHER),
            starts=source.created,
            at_least=bool(churn.lost_events),
            basis="trace",
            starts_per_day=source.rate_per_second * SECONDS_PER_DAY,
            traced=source.created,
        )
        for source in churn.sources
        if source.created and source.source not in seen
    ]


def _kind(starts: Starts, loaded: Mapping[str, tuple[Unit, ...]], details: Mapping[str, tuple[Unit, ...]]) -> StartKind:
    if starts.unit.startswith(_SESSION_UNITS):
        return StartKind.SESSION
    if starts.unit.endswith(".scope"):
        return StartKind.SCOPE
    if not starts.unit.endswith(".service"):
        return StartKind.OTHER
    # Of the starts all but the first of a loop are automatic.
    if starts.restarts * 2 >= starts.starts > 1:
        return StartKind.RESTART_LOOP
    return _kind_of_service(starts, loaded, details)


def _kind_of_service(
    starts: Starts, loaded: Mapping[str, tuple[Unit, ...]], details: Mapping[str, tuple[Unit, ...]]
) -> StartKind:
    """Tell what starts a service that does not restart by itself; what D-Bus says is of PID 1's units alone."""
    own = starts.user is None
    units = details.get(starts.unit, ()) if own else ()
    triggers = {trigger.rpartition(".")[2] for unit in units for trigger in unit.triggered_by}
    stem = starts.unit.removesuffix(".service")
    if "@" in stem and ("socket" in triggers or (own and _accepts(stem, details))):
        return StartKind.SOCKET
    if "timer" in triggers or (own and f"{stem}.timer" in loaded):
        return StartKind.TIMER
    if starts.unit.startswith("run-") or any((unit.fragment_path or "").startswith(_TRANSIENT) for unit in units):
        return StartKind.TRANSIENT
    return StartKind.SERVICE


def _accepts(stem: str, details: Mapping[str, tuple[Unit, ...]]) -> bool:
    return any(unit.accept for unit in details.get(f"{stem.partition('@')[0]}.socket", ()))


def names_to_ask(count: JournalCount | None, units: tuple[Unit, ...], most: int | None, *, whole: bool) -> list[str]:
    """Give the units of which all should be asked: those of the first rows, and the sockets that may start them.

    One that was stopped is loaded no more, and is asked for by its name. most: so many rows; None: all. whole: the
    journal knows every start; else each loaded service may have had more than it tells.
    """
    folds = [source.unit for source in count.sources if source.user is None][:most] if count else []
    wanted = {*folds, *(f"{fold.partition('@')[0]}.socket" for fold in folds if "@" in fold)}
    chosen = dict.fromkeys(fold for fold in folds if "*" not in fold)
    members: Counter[str] = Counter()
    for unit in units:
        fold = fold_unit(unit.name)
        if fold in wanted or (not whole and unit.name.endswith(".service")):
            members[fold] += 1
            if members[fold] <= _SHOWN:
                chosen[unit.name] = None
    return list(chosen)


def find_piles(bus: BusView) -> tuple[Pile, ...]:
    """Find live cgroups that nobody removes: sessions that do not end, scopes without a master, scopes in numbers."""
    piles = []
    closing = [session for session in bus.sessions or () if session.state == "closing"]
    if closing:
        remedy = "loginctl terminate-session ID; what keeps it: loginctl session-status ID"
        names = tuple(f"{session.id} ({session.user})" for session in closing[:_SHOWN])
        piles.append(
            Pile("sessions that are closing: their user left, their processes did not", len(closing), names, remedy)
        )
    scopes = [unit for unit in bus.units if unit.name.endswith(".scope")]
    abandoned = [unit.name for unit in scopes if unit.sub_state == "abandoned"]
    closing_scopes = {f"session-{session.id}.scope" for session in closing}
    rest = [name for name in abandoned if name not in closing_scopes]
    if rest:
        what = "abandoned scopes: who made them has gone, their processes have not"
        piles.append(Pile(what, len(rest), tuple(rest[:_SHOWN]), "systemctl status SCOPE, then systemctl stop SCOPE"))
    by_fold: defaultdict[str, list[str]] = defaultdict(list)
    for unit in scopes:
        if unit.name not in abandoned and unit.active_state == "active":
            by_fold[fold_unit(unit.name)].append(unit.name)
    for fold, names_of in sorted(by_fold.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(names_of) >= _PILE and not fold.startswith("session-"):
            what = f"scopes named {fold} that are active at the same time"
            remedy = "if nobody needs them: systemctl stop SCOPE (unreclaim diagnose: S6)"
            piles.append(Pile(what, len(names_of), tuple(names_of[:_SHOWN]), remedy))
    return tuple(piles)


def _by_fold(units: Iterable[Unit]) -> dict[str, tuple[Unit, ...]]:
    folded: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        folded[fold_unit(unit.name)].append(unit)
    return {name: tuple(members) for name, members in folded.items()}


def _dying(census: Census) -> Counter[str]:
    units = (parse_cgroup_path(cgroup.path).unit for cgroup in census.dying)
    return Counter(unit for unit in units if unit is not None)


def _per_day(starts: int, span: JournalSpan, *, known: bool = True) -> float | None:
    """Give starts a day over the time of which the journal knows."""
    begins = [at for at in (span.from_unix_seconds, span.known_unix_seconds if known else None) if at is not None]
    seconds = span.until_unix_seconds - max(begins) if begins else 0.0
    return starts / seconds * SECONDS_PER_DAY if seconds > 0 else None


def _times(number: int | None, each: Span | None) -> Span | None:
    if number is None or each is None:
        return None
    return Span(number * each.middle, number * each.low, number * each.high)
