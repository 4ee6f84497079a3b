"""Who starts how often, and what that costs, as text and as JSON."""

import msgspec

from unreclaim.base.units import (
    SECONDS_PER_DAY,
    format_bytes,
    format_count,
    format_duration,
    format_number_of,
)
from unreclaim.model.diagnosis import Span
from unreclaim.model.units import CycleCost, JournalSpan, Pile, UnitRow, UnitSurvey, WindowCost
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import not_seen, printable, wrap

_ROWS_SHOWN = 20
_NAME_WIDTH = 40
_OFTEN_PER_DAY = 100
"""Starts a day of one source from which on it is worth saying that they are many."""

_FEW = 5
"""So few starts tell no rate: one start, a minute after boot, is not 1,440 starts a day."""


def units_text(survey: UnitSurvey, *, every_row: bool) -> str:
    """Write a survey: the verdict, the sources of starts, what nobody removes, the window, what was not seen."""
    blocks = [_verdict(survey), _table(survey, every_row=every_row)]
    blocks += ["\n".join(_pile_lines(survey.piles))] if survey.piles else []
    blocks += [_window_text(survey.window)] if survey.window else []
    blocks.append(not_seen(survey.gaps))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(survey: UnitSurvey) -> str:
    if not survey.rows:
        return wrap("no start was seen; that is no proof that there was none")
    first = survey.rows[0]
    number = format_number_of(first.starts, "time", "times")
    number = f"at least {number}" if first.at_least else number
    restarts = "" if first.nr_restarts is None else f" (NRestarts says {format_count(first.nr_restarts)})"
    calm = first.starts < _FEW or (first.starts_per_day or 0) < _OFTEN_PER_DAY
    end = "; that is the most of all, and not much" if calm else ": the most of all"
    # Of a trace the time is its own.
    period = "while it was traced" if first.basis == "trace" else _period(survey.span)
    return wrap(f"{_name(first)} was started {number} {period}{restarts}{end}")


def _period(span: JournalSpan) -> str:
    begins = [at for at in (span.from_unix_seconds, span.known_unix_seconds) if at is not None]
    if not begins:
        return "since boot"
    seconds = max(0.0, span.until_unix_seconds - max(begins))
    return f"in the last {format_duration(seconds)}"


def _table(survey: UnitSurvey, *, every_row: bool) -> str:
    if not survey.rows:
        return ""
    rows = survey.rows if every_row else survey.rows[:_ROWS_SHOWN]
    lines = [
        "Each start makes a cgroup; dying are those that it left behind",
        _line(("starts", "a day", "by", "source", "")),
    ]
    lines += [_row_line(row) for row in rows]
    if rest := survey.rows[len(rows) :]:
        more = format_number_of(sum(row.starts for row in rest), "start", "starts")
        sources = format_number_of(len(rest), "more source", "more sources")
        lines.append(wrap(f"and {more} of {sources} (--all shows them)", indent=2))
    return "\n".join(lines)


def _row_line(row: UnitRow) -> str:
    starts = f"{'>' if row.at_least else ''}{format_count(row.starts)}"
    a_day = "" if row.starts_per_day is None or row.starts < _FEW else format_count(row.starts_per_day)
    return _line((starts, a_day, row.kind, _name(row), "; ".join(_remarks(row))))


def _line(cells: tuple[str, str, str, str, str]) -> str:
    starts, a_day, kind, name, remark = cells
    return printable(f"  {starts:>9}  {a_day:>9}  {kind:<15}  {name:<{_NAME_WIDTH}}  {remark}").rstrip()


def _remarks(row: UnitRow) -> list[str]:
    remarks = []
    if row.dying:
        cost = _sum(row.slab_bytes, row.percpu_bytes)
        about = "" if cost is None else f", about {format_bytes(cost)}"
        remarks.append(f"{format_count(row.dying)} dying{about}")
    if row.failed:
        remarks.append(f"{format_count(row.failed)} did not come up")
    if row.basis != "journal":
        remarks.append(f"by {row.basis}")
    elif row.traced:
        remarks.append(f"{format_count(row.traced)} while traced")
    return remarks


def _name(row: UnitRow) -> str:
    return row.name if row.user is None else f"{row.name} (user {row.user})"


def _sum(*spans: Span | None) -> int | None:
    known = [span.middle for span in spans if span is not None]
    return sum(known) if known else None


def _pile_lines(piles: tuple[Pile, ...]) -> list[str]:
    lines = ["Live cgroups that stay"]
    for pile in piles:
        lines.append(wrap(f"{format_count(pile.number)} {pile.what}", indent=2))
        more = ", …" if pile.number > len(pile.names) else ""
        lines.append(wrap(f"{', '.join(pile.names)}{more}", indent=4))
        lines.append(wrap(pile.remedy, indent=4))
    return lines


def _window_text(window: WindowCost) -> str:
    per_day = window.growth_bytes / window.seconds * SECONDS_PER_DAY if window.seconds else 0.0
    lines = [
        wrap(
            f"In {format_duration(window.seconds)} SUnreclaim and Percpu {'fell' if per_day < 0 else 'grew'}"
            f" by {format_bytes(abs(window.growth_bytes))} ({format_bytes(per_day)} a day)"
        )
    ]
    lines += [wrap(_cost_text(row), indent=2, hanging=15) for row in window.rows]
    lines.append(wrap(f"{format_bytes(window.unexplained_bytes):>9}  not explained by starts", indent=2, hanging=15))
    return "\n".join(lines)


def _cost_text(row: CycleCost) -> str:
    starts = format_number_of(row.starts, "start", "starts")
    if row.like is not None:
        return f"{'':>9}  {row.name}: {starts}, at the pace of {row.like}; in that row"
    if row.bytes_each is None or row.low is None or row.high is None:
        return f"{'':>9}  {row.name}: {starts}, too few to be priced"
    between = f"{format_bytes(row.low)} to {format_bytes(row.high)}"
    return f"{format_bytes(row.bytes):>9}  {row.name}: {starts}, {format_bytes(row.bytes_each)} each ({between})"


def units_document(survey: UnitSurvey) -> dict[str, object]:
    """Build the document of ``unreclaim units --json``."""
    span = survey.span
    return {
        "schema": "unreclaim.units/1",
        "systemd_version": survey.systemd_version,
        "from_unix_seconds": span.from_unix_seconds,
        "known_unix_seconds": span.known_unix_seconds,
        "until_unix_seconds": span.until_unix_seconds,
        "sources": [_row_document(row) for row in survey.rows],
        "piles": [msgspec.to_builtins(pile) for pile in survey.piles],
        "window": None if survey.window is None else _window_document(survey.window),
        "cost_source": survey.cost_source,
        "gaps": gaps_document(survey.gaps),
    }


def _row_document(row: UnitRow) -> dict[str, object]:
    document: dict[str, object] = {**msgspec.to_builtins(row), "dying_per_start": row.dying_per_start}
    for name in ("slab", "percpu"):
        span: Span | None = getattr(row, f"{name}_bytes")
        document[f"{name}_bytes"] = None if span is None else span.middle
        document[f"{name}_low_bytes"] = None if span is None else span.low
        document[f"{name}_high_bytes"] = None if span is None else span.high
    return document


def _window_document(window: WindowCost) -> dict[str, object]:
    rows = [
        {
            "name": row.name,
            "starts": row.starts,
            "bytes": row.bytes,
            "bytes_each": row.bytes_each,
            "low_bytes_each": row.low,
            "high_bytes_each": row.high,
            "like": row.like,
        }
        for row in window.rows
    ]
    return {
        "seconds": window.seconds,
        "growth_bytes": window.growth_bytes,
        "rows": rows,
        "unexplained_bytes": window.unexplained_bytes,
    }
