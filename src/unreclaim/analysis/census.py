"""Groups a census the way an operator acts: by living ancestor and unit, with the pins that most of them share."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Pin

# Pods, jobs and workers bear a number of their own each; a line for each would hide what they have in common.
_MANY_ALIKE = 5
_NUMBER = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")
Place = tuple[str, str | None]
"""Ancestor and unit."""


def group_census(census: Census) -> tuple[CensusGroup, ...]:
    """Group dying cgroups, the largest group first."""
    groups = [_group(ancestor, unit, cgroups) for (ancestor, unit), cgroups in by_place(census.dying).items()]
    return tuple(sorted(groups, key=lambda group: (-(group.nr_dying or 0), group.ancestor, group.unit or "")))


def by_place(dying: Iterable[DyingCgroup]) -> dict[Place, list[DyingCgroup]]:
    """Bring together dying cgroups of one living ancestor and unit, and units whose names differ in numbers alone.

    The latter only where there are many of them.
    """
    members: dict[Place, list[DyingCgroup]] = defaultdict(list)
    for cgroup in dying:
        members[cgroup.ancestor, parse_cgroup_path(cgroup.path).unit].append(cgroup)
    shapes = Counter((ancestor, _shape(unit)) for ancestor, unit in members)
    folded: dict[Place, list[DyingCgroup]] = defaultdict(list)
    for (ancestor, unit), cgroups in members.items():
        shape = _shape(unit)
        folded[ancestor, shape if shapes[ancestor, shape] >= _MANY_ALIKE else unit] += cgroups
    return folded


def _shape(unit: str | None) -> str | None:
    return None if unit is None else _NUMBER.sub("*", unit)


def _group(ancestor: str, unit: str | None, cgroups: list[DyingCgroup]) -> CensusGroup:
    # A list for each of many thousand files that one cgroup holds would take more room than the files themselves.
    firsts: dict[tuple[str, str | None, int | None, str | None], Pin] = {}
    others: dict[tuple[str, str | None, int | None, str | None], list[Pin]] = defaultdict(list)
    for cgroup in cgroups:
        for pin in cgroup.pins:
            key = (pin.kind, pin.device, pin.inode, pin.path)
            if key in firsts:
                others[key].append(pin)
            else:
                firsts[key] = pin
    pins = [(sum_pins((first, *others.get(key, ()))), 1 + len(others.get(key, ()))) for key, first in firsts.items()]
    # By numbers, then bytes, then paths; a key of all three for each would be one more such heap.
    pins.sort(key=lambda entry: entry[0].path or "")
    pins.sort(key=lambda entry: entry[0].bytes, reverse=True)
    pins.sort(key=lambda entry: entry[1], reverse=True)
    return CensusGroup(
        ancestor,
        unit,
        len(cgroups),
        sum(cgroup.memory_bytes for cgroup in cgroups),
        tuple(pins),
        sum(bool(cgroup.unexplained_references) for cgroup in cgroups),
    )


def sum_pins(pins: Sequence[Pin]) -> Pin:
    """Add up what several cgroups hold of one file: at least one pin, all of the same file."""
    first = pins[0]
    if len(pins) == 1:
        return first
    return Pin(
        first.kind,
        sum(pin.bytes for pin in pins),
        sum(pin.folios for pin in pins),
        first.path,
        first.device,
        first.inode,
        sum(pin.dirty_bytes for pin in pins),
        first.unlinked,
        first.held_by,
        first.mapped_by,
        sum(pin.mlocked_bytes for pin in pins),
    )
