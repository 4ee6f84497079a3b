"""What a trace of cgroups found, as text and as JSON."""

import msgspec
from msgspec.structs import replace

from unreclaim.base.units import format_count, format_duration, format_number_of
from unreclaim.model.churn import Churn, HierarchyChurn, SourceChurn
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import not_seen, printable, wrap

_SHOWN = 20
_LIVE_SHOWN = 10
_TITLE = 34
_HEADING = f"  {'':<{_TITLE}}  {'kind':<9}  created  removed  released  unreleased  per second"
_HIERARCHIES = f"  {'by hierarchy':<{_TITLE}}  {'':<9}  created  removed  released  unreleased     longest"


def churn_text(churn: Churn) -> str:
    """Write a trace: who makes most cgroups, then all who do, then what is not released, then what was not seen."""
    rest = churn.sources[_SHOWN:]
    kinds = dict.fromkeys(one.kind for one in rest)
    rows = [*churn.sources[:_SHOWN], *(_sum([one for one in rest if one.kind == kind]) for kind in kinds)]
    blocks = [
        wrap(_verdict(churn)),
        wrap(_lost(churn)),
        "\n".join([_HEADING, *map(_row, rows)]) if rows else "",
        "\n".join([_HIERARCHIES, *map(_hierarchy_row, churn.hierarchies)]) if churn.hierarchies else "",
        wrap(_unreleased(churn)),
        wrap(_memcgs(churn)),
        not_seen(churn.gaps),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def live_text(interval: Churn, total: Churn) -> str:
    """Write the table that is shown while the trace goes on: all up to now, with the rates of the last interval."""
    rates = {(one.kind, one.source): one.rate_per_second for one in interval.sources}
    rows = [replace(one, rate_per_second=rates.get((one.kind, one.source), 0.0)) for one in total.sources[:_LIVE_SHOWN]]
    made = format_number_of(_created(total), "cgroup", "cgroups")
    lines = [f"{format_duration(total.seconds)}: {made} made (Ctrl-C ends)"]
    if rows:
        lines += [_HEADING, *map(_row, rows)]
    if len(total.sources) > len(rows):
        lines.append(f"  and {format_count(len(total.sources) - len(rows))} more")
    if total.lost_events:
        lines.append(f"  {format_count(total.lost_events)} events lost")
    return "\n".join(lines)


def _created(churn: Churn) -> int:
    return sum(one.created for one in churn.sources)


def _verdict(churn: Churn) -> str:
    created, span = _created(churn), format_duration(churn.seconds)
    if not churn.sources:
        return f"No cgroup was made, removed or released in {span}."
    if not created:
        return f"No cgroup was made in {span}; such as were there before were removed or released."
    first = churn.sources[0]
    rate = format_count(first.rate_per_second)
    if first.created == created:
        number = format_number_of(created, "cgroup", "cgroups")
        return f"{first.source} made all of {number} in {span}, {rate} a second."
    number = f"{format_count(first.created)} of {format_count(created)}"
    return f"{first.source} makes most cgroups: {number} in {span}, {rate} a second."


def _lost(churn: Churn) -> str:
    if not churn.lost_events:
        return ""
    lost = format_number_of(churn.lost_events, "event was", "events were")
    return (
        f"{lost} lost, because the kernel's buffer was full: all counts are too low, and what seems unreleased may be "
        "released. More room: --buffer."
    )


def _sum(alike: list[SourceChurn]) -> SourceChurn:
    """Add up the sources of one kind that have no line of their own."""
    kind = alike[0].kind
    return SourceChurn(
        f"{format_count(len(alike))} more {kind if len(alike) == 1 else f'{kind}s'}",
        kind,
        sum(one.created for one in alike),
        sum(one.removed for one in alike),
        sum(one.released for one in alike),
        sum(one.unreleased for one in alike),
        sum(one.rate_per_second for one in alike),
    )


def _row(one: SourceChurn) -> str:
    title = printable(one.source)
    # The end of a path tells more than its beginning.
    title = title if len(title) <= _TITLE else f"…{title[1 - _TITLE :]}"
    return f"  {title:<{_TITLE}}  {one.kind:<9}{_numbers(one)}  {format_count(one.rate_per_second):>10}"


def _numbers(one: SourceChurn | HierarchyChurn) -> str:
    return f"  {one.created:>7,}  {one.removed:>7,}  {one.released:>8,}  {one.unreleased:>10,}"


def _hierarchy_row(one: HierarchyChurn) -> str:
    title = "v2" if one.hierarchy == 0 else printable(",".join(one.controllers)) or f"hierarchy {one.hierarchy}"
    title = title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"
    longest = "" if one.longest_unreleased_seconds is None else f"  {one.longest_unreleased_seconds:>8,.1f} s"
    return f"  {title:<{_TITLE}}  {'':<9}{_numbers(one)}{longest}"


def _unreleased(churn: Churn) -> str:
    number = max((one.unreleased for one in churn.hierarchies), default=0)
    if not number:
        return ""
    longest = max(one.longest_unreleased_seconds or 0.0 for one in churn.hierarchies)
    return (
        f"{format_number_of(number, 'cgroup is', 'cgroups are')} removed and not yet released, the oldest for "
        f"{format_duration(longest)}: dying. For moments that is normal: the kernel is cleaning up. One that stays is "
        "held by something that was charged to it, as a rule by page cache, and costs kernel memory for as long: "
        "unreclaim census says by what."
    )


def _memcgs(churn: Churn) -> str:
    counts = churn.memcgs
    if counts is None or not any((counts.allocated, counts.offline, counts.freed)):
        return ""
    allocated = format_number_of(counts.allocated, "memory cgroup", "memory cgroups")
    return (
        f"The kernel's own functions: {allocated} allocated, {format_count(counts.offline)} set offline, "
        f"{format_count(counts.freed)} freed. Offline means removed; as many offline as allocated only says that all "
        "were removed. What is offline and not freed is dying."
    )


def churn_document(churn: Churn, *, summary: bool) -> dict[str, object]:
    """Build a line of ``unreclaim trace --json``: of an interval, or the last one, the summary of all."""
    return {
        "schema": "unreclaim.trace/1",
        "part": "summary" if summary else "interval",
        "seconds": round(churn.seconds, 3),
        "lost_events": churn.lost_events,
        "sources": [
            {**msgspec.to_builtins(one), "rate_per_second": round(one.rate_per_second, 4)} for one in churn.sources
        ],
        "hierarchies": [_hierarchy_document(one) for one in churn.hierarchies],
        "memcgs": msgspec.to_builtins(churn.memcgs),
        "gaps": gaps_document(churn.gaps),
    }


def _hierarchy_document(one: HierarchyChurn) -> dict[str, object]:
    longest = one.longest_unreleased_seconds
    return {
        **msgspec.to_builtins(one),
        "longest_unreleased_seconds": None if longest is None else round(longest, 3),
    }
