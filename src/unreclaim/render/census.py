"""A census as text and as JSON."""

from collections.abc import Iterable

import msgspec

from unreclaim.base.units import format_bytes, format_count, format_number_of
from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Pin, PinKind
from unreclaim.model.dying import Count
from unreclaim.model.gap import Gap
from unreclaim.render.as_text import not_seen, wrap

_CHARGES = {
    "file_bytes": (PinKind.PAGE_CACHE, PinKind.METADATA),
    "shmem_bytes": (PinKind.TMPFS, PinKind.MEMFD, PinKind.SYSV, PinKind.SHARED_ANONYMOUS),
    "anon_bytes": (PinKind.ANONYMOUS,),
}
_PINS_SHOWN = 4
_GROUPS_SHOWN = 20
_PINS_IN_JSON = 50


def census_text(
    census: Census, groups: tuple[CensusGroup, ...], count: Count | None, gaps: Iterable[Gap], *, each: bool
) -> str:
    """Write a census: how many and where, then each group with what pins it, then what could not be seen."""
    number = len(census.dying) if census.by_name else count.dying if count else None
    total = (
        "an unknown number of memory cgroups are"
        if number is None
        else format_number_of(number, "memory cgroup is", "memory cgroups are")
    )
    lines = [wrap(f"{total} dying: removed, but not yet freed by the kernel")]
    if census.lru_reparenting and number != 0:
        lines.append(wrap("this kernel gives their page cache to the parent, so what holds them is something else"))
    if not each:
        lines += [line for group in groups[:_GROUPS_SHOWN] for line in ("", *_group_lines(group))]
        if rest := groups[_GROUPS_SHOWN:]:
            more = sum(group.nr_dying or 0 for group in rest)
            smaller = format_number_of(len(rest), "smaller group", "smaller groups")
            lines += [
                "",
                wrap(f"and {format_count(more)} more in {smaller} (--json has all)"),
            ]
    else:
        lines += [line for cgroup in census.dying for line in ("", *_each_lines(cgroup))]
    if missing := not_seen(gaps):
        lines += ["", missing]
    return "\n".join(lines) + "\n"


def _group_lines(group: CensusGroup) -> list[str]:
    unit = f", of {group.unit}" if group.unit else ""
    if group.nr_dying is None:
        relation = "" if group.relation == "exact" else f"{group.relation} "
        lines = [wrap(f"below {group.ancestor}: {relation}{format_bytes(group.bytes)} held by dying cgroups")]
        return [*lines, *(wrap(_kind_text(pin), indent=2) for pin, _ in group.pins)]
    lines = [wrap(f"{format_count(group.nr_dying)} below {group.ancestor}{unit}, {format_bytes(group.bytes)}")]
    for pin, cgroups in group.pins[:_PINS_SHOWN]:
        lines.append(wrap(f"{format_count(cgroups)} of them by {_pin_text(pin)}", indent=2))
    if len(group.pins) > _PINS_SHOWN:
        lines.append(wrap(f"and by {format_count(len(group.pins) - _PINS_SHOWN)} more", indent=2))
    if group.nr_unexplained:
        lines.append(wrap(f"{format_count(group.nr_unexplained)} of them by a reference that is no page", indent=2))
    return lines


def _kind_text(pin: Pin) -> str:
    parts = (
        (pin.dirty_bytes, "not yet written"),
        (pin.mapped_bytes, "mapped"),
        (pin.mlocked_bytes, "locked in memory"),
    )
    said = [f", {format_bytes(size)} of it {what}" for size, what in parts if size]
    return f"{format_bytes(pin.bytes)} {pin.kind}{''.join(said)}"


def _pin_text(pin: Pin) -> str:
    where = pin.path or (f"device {pin.device}" if pin.device else "")
    dirty = f", {format_bytes(pin.dirty_bytes)} of it not yet written" if pin.dirty_bytes else ""
    gone = ", deleted" if pin.unlinked else ""
    held = f", held by {', '.join(map(str, pin.held_by))}" if pin.held_by else ""
    mapped = f", mapped by {', '.join(map(str, pin.mapped_by))}" if pin.mapped_by else ""
    locked = f", {format_bytes(pin.mlocked_bytes)} of it locked in memory" if pin.mlocked_bytes else ""
    # The kernel's own name of a memfd begins with the word.
    what = where if where.startswith(pin.kind) else f"{pin.kind} {where}".rstrip()
    if pin.kind == PinKind.PROCESS:
        process, *parent = pin.held_by
        return f"{what} {process}" + "".join(f", for {who} to wait for" for who in parent)
    if pin.is_bare_reference:
        return f"{what}{held.replace(', held by', ' of', 1)}"
    return f"{what} ({format_bytes(pin.bytes)}{dirty}{locked}{gone}{held}{mapped})"


def _each_lines(cgroup: DyingCgroup) -> list[str]:
    number = cgroup.references
    references = "unknown references" if number is None else format_number_of(number, "reference", "references")
    lines = [wrap(f"{cgroup.path}  (id {cgroup.id}, {format_bytes(cgroup.memory_bytes)}, {references})")]
    if cgroup.invocation_id:
        lines.append(wrap(f"journalctl _SYSTEMD_INVOCATION_ID={cgroup.invocation_id}", indent=2))
    lines += [wrap(f"by {_pin_text(pin)}", indent=2) for pin in cgroup.pins]
    if cgroup.unexplained_references and cgroup.has_unknown_holder:
        number_of = format_number_of(
            cgroup.unexplained_references, "reference that is no page", "references that are no page"
        )
        lines.append(wrap(f"by {number_of}", indent=2))
    return lines


def census_document(
    census: Census, groups: tuple[CensusGroup, ...], count: Count | None, gaps: Iterable[Gap], *, each: bool
) -> dict[str, object]:
    """Build the document of ``unreclaim census --json``."""
    document: dict[str, object] = {
        "schema": "unreclaim.census/1",
        "backend": census.backend,
        "lru_reparenting": census.lru_reparenting,
        "counts": {
            "live": census.live,
            "dying": len(census.dying) if census.by_name else count.dying if count else None,
            "kernel_dying": count.dying if count else None,
            "kernel_source": count.source if count else None,
        },
        "groups": [_group_document(group) for group in groups],
    }
    if each:
        document["dying"] = [_dying_document(cgroup) for cgroup in census.dying]
    return {**document, "gaps": [{"what": gap.what, "why": gap.why, "remedy": gap.remedy} for gap in gaps]}


def _dying_document(cgroup: DyingCgroup) -> dict[str, object]:
    place = parse_cgroup_path(cgroup.path)
    return {
        **msgspec.to_builtins(cgroup),
        "unit": place.unit,
        "slice": place.slice,
        "container": place.container,
        **{name: sum(pin.bytes for pin in cgroup.pins if pin.kind in kinds) for name, kinds in _CHARGES.items()},
    }


def _group_document(group: CensusGroup) -> dict[str, object]:
    pins = [{**msgspec.to_builtins(pin), "nr_cgroups": cgroups or None} for pin, cgroups in group.pins[:_PINS_IN_JSON]]
    return {
        "ancestor": group.ancestor,
        "unit": group.unit,
        "nr_dying": group.nr_dying,
        "nr_unexplained": group.nr_unexplained,
        "bytes": group.bytes,
        "relation": group.relation,
        "nr_pins": len(group.pins),
        "pins": pins,
    }
