"""Groups a census the way an operator acts: by living ancestor and unit, with the pins that most of them share."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Pin

# Pods, jobs and workers bear a number of their own each; a line for each would hide what they have in common.
_MANY_ALIKE = 5
_NUMBER = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")
Place = tuple[str, str | None]
"""Ancestor and unit."""


def group_census(census: Census) -> tuple[CensusGroup, ...]:
    """Group dying cgroups, the largest group first."""
    members: dict[tuple[str, str | None], list[DyingCgroup]] = defaultdict(list)
    for cgroup in census.dying:
        members[cgroup.ancestor, parse_cgroup_path(cgroup.path).unit].append(cgroup)
    groups = [_group(ancestor, unit, cgroups) for (ancestor, unit), cgroups in _fold(members).items()]
    return tuple(sorted(groups, key=lambda group: (-(group.nr_dying or 0), group.ancestor, group.unit or "")))


def _fold(members: Mapping[Place, list[DyingCgroup]]) -> dict[Place, list[DyingCgroup]]:
    """Join units of one place whose names differ in their numbers alone, where there are many of them."""
    shapes = Counter((ancestor, _shape(unit)) for ancestor, unit in members)
    folded: dict[Place, list[DyingCgroup]] = defaultdict(list)
    for (ancestor, unit), cgroups in members.items():
        shape = _shape(unit)
        folded[ancestor, shape if shapes[ancestor, shape] >= _MANY_ALIKE else unit] += cgroups
    return folded


def _shape(unit: str | None) -> str | None:
    return None if unit is None else _NUMBER.sub("*", unit)


def _group(ancestor: str, unit: str | None, cgroups: list[DyingCgroup]) -> CensusGroup:
    shared: dict[tuple[str, str | None, int | None, str | None], list[Pin]] = defaultdict(list)
    for cgroup in cgroups:
        for pin in cgroup.pins:
            shared[pin.kind, pin.device, pin.inode, pin.path].append(pin)
    pins = [(sum_pins(same), len(same)) for same in shared.values()]
    pins.sort(key=lambda entry: (-entry[1], -entry[0].bytes, entry[0].path or ""))
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
