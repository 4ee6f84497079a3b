"""Plans a recovery: which rung may free each dying cgroup, and what stands on every rung."""

from collections import defaultdict
from collections.abc import Iterable

from unreclaim.analysis.census import by_place
from unreclaim.analysis.recovery_steps import (
    drop_caches_steps,
    fadvise_steps,
    reclaim_step,
    reference_step,
    remove_steps,
    restart_steps,
    sync_step,
    wait_step,
)
from unreclaim.model.census import BARE_REFERENCES, Census, CensusGroup, DyingCgroup, Pin, PinKind
from unreclaim.model.gap import Gap
from unreclaim.model.recovery import DROP_CACHES, LADDER, Demand, Group, Plan, Rung, Step, Support

_PROCESSES = BARE_REFERENCES - {PinKind.WRITEBACK}
_NO_DISK = frozenset({PinKind.TMPFS, PinKind.MEMFD, PinKind.SYSV, PinKind.SHARED_ANONYMOUS})


def plan_recovery(
    census: Census,
    groups: tuple[CensusGroup, ...],
    support: Support,
    *,
    target: str | None = None,
    only: frozenset[int] | None = None,
) -> Plan:
    """Plan the recovery of the dying cgroups at and below `target` (None: all), or of those with the ids of `only`.

    groups: what is held below which ancestor, for a census that has no names.
    """
    if not census.by_name:
        return _plan_by_ancestor([group for group in groups if is_within(group.ancestor, target)], support)
    dying = [each for each in census.dying if is_within(each.path, target) and (only is None or each.id in only)]
    demands = _demands(dying, support)
    found = tuple(
        Group(ancestor, unit, sum(each.memory_bytes for each in cgroups), tuple(demands[each.id] for each in cgroups))
        for (ancestor, unit), cgroups in by_place(dying).items()
    )
    steps = (
        *(wait_step(cgroups) for cgroups in (_with(Rung.WAIT, demands),) if cgroups),
        *fadvise_steps(dying),
        *_reclaim_steps(dying, demands, support),
        *remove_steps(each for each in _pins(dying) if each[1].kind in _NO_DISK),
        *restart_steps(each for each in _pins(dying) if Rung.RESTART in _ways(each[1], support)),
        *reference_step(tuple(each.id for each in demands.values() if each.references)),
        *(step for cgroups in (_with(Rung.DROP_CACHES, demands),) if cgroups for step in drop_caches_steps(cgroups)),
    )
    tops = {each.ancestor for each in dying if not _reclaims(each.ancestor, support)}
    found = tuple(sorted(found, key=lambda group: (-len(group.demands), group.ancestor, group.unit or "")))
    return Plan(found, steps if dying else (), _gaps(support, tops) if dying else ())


def is_within(path: str, target: str | None) -> bool:
    """Tell whether a cgroup is `target` or lies below it."""
    return target in (None, "/", path) or path.startswith(f"{target}/")


def _plan_by_ancestor(groups: list[CensusGroup], support: Support) -> Plan:
    """Without names of cgroups and files nothing can be done below the rungs that need none."""
    tops = {group.ancestor for group in groups if not _reclaims(group.ancestor, support)}
    steps = [reclaim_step(group.ancestor, group.bytes, (), support) for group in groups if group.ancestor not in tops]
    caches = drop_caches_steps(()) if support.drops_caches else ()
    why = "without the names of the dying cgroups only reclaim at a living one and drop-caches can be offered"
    gap = Gap("which files to act on", why)
    found = tuple(Group(group.ancestor, None, group.bytes, ()) for group in groups)
    return Plan(found, (*steps, *caches) if groups else (), (gap, *_gaps(support, tops)) if groups else ())


def _demands(dying: list[DyingCgroup], support: Support) -> dict[int, Demand]:
    """Find the ways of each by its id; a dying cgroup stays as long as a dying one below it does."""
    ways = {each.id: _ways_of(each, support) for each in dying}
    by_path: dict[str, list[DyingCgroup]] = defaultdict(list)
    for each in sorted(dying, key=lambda each: each.serial):
        path = each.path
        while (path := path.rpartition("/")[0]) and path != each.ancestor:
            # A path may have been used again: the parent is the last one that was made before its child.
            if by_path[path]:
                ways[by_path[path][-1].id] |= ways[each.id]
        by_path[each.path].append(each)
    return {
        each.id: Demand(
            each.id,
            frozenset(ways[each.id]),
            any(pin.kind not in _PROCESSES for pin in each.pins) or not each.complete,
            _unknown_references(each),
            each.memory_bytes,
        )
        for each in dying
    }


def _ways_of(cgroup: DyingCgroup, support: Support) -> set[tuple[Rung, ...]]:
    ways = {_ways(pin, support, cgroup.ancestor) for pin in cgroup.pins}
    references = _unknown_references(cgroup)
    if not ways or references:
        # Nobody is seen to hold it. It is being freed just now; or a CPU has charges of it in stock, which go by
        # themselves or when its ancestor is reclaimed from; or a process has a reference. On kernels before 5.3 and
        # 5.14 a name or an inode may have one.
        possible = {
            Rung.WAIT: True,
            Rung.RECLAIM: _reclaims(cgroup.ancestor, support),
            Rung.RESTART: bool(references),
            Rung.DROP_CACHES: support.drops_caches,
        }
        ways.add(_in_order(possible))
    return ways


def _unknown_references(cgroup: DyingCgroup) -> int | None:
    """Count the references that are neither memory nor any process's that was found; None: not known."""
    if cgroup.unexplained_references is None:
        return None
    return max(0, cgroup.unexplained_references - sum(pin.folios for pin in cgroup.pins if pin.kind in _PROCESSES))


def _ways(pin: Pin, support: Support, ancestor: str = "/") -> tuple[Rung, ...]:
    """Give the rungs that may free a pin, the least invasive first; docs/kernel-notes/recovery.md has what was seen."""
    reclaims = _reclaims(ancestor, support) and not pin.mlocked_bytes
    swaps = reclaims and bool(support.swap_bytes)
    in_use = bool(pin.mapped_by or pin.mlocked_bytes)
    drops = support.drops_caches and not in_use
    match pin.kind:
        case PinKind.PAGE_CACHE:
            fadvise = pin.is_reachable and not in_use
            possible = {Rung.FADVISE: fadvise, Rung.RECLAIM: reclaims, Rung.RESTART: in_use, Rung.DROP_CACHES: drops}
        case PinKind.METADATA | PinKind.OTHER | PinKind.WRITEBACK:
            possible = {Rung.RECLAIM: reclaims, Rung.RESTART: in_use, Rung.DROP_CACHES: drops}
        case PinKind.ANONYMOUS:
            possible = {Rung.RECLAIM: swaps, Rung.RESTART: True}
        case PinKind.SWAP | PinKind.SOCKET | PinKind.WATCH | PinKind.PROCESS:
            possible = {Rung.RESTART: True}
        case _:
            removable = pin.kind in (PinKind.TMPFS, PinKind.SYSV) and not pin.unlinked and not in_use
            possible = {Rung.RECLAIM: swaps, Rung.REMOVE: removable, Rung.RESTART: not removable}
    return _in_order(possible)


def _in_order(possible: dict[Rung, bool]) -> tuple[Rung, ...]:
    return tuple(rung for rung in LADDER if possible.get(rung))


def _pins(dying: Iterable[DyingCgroup]) -> list[tuple[int, Pin]]:
    return [(each.id, pin) for each in dying for pin in each.pins]


def _with(rung: Rung, demands: dict[int, Demand]) -> tuple[int, ...]:
    return tuple(each.id for each in demands.values() if any(rung in ways for ways in each.ways))


def _reclaims(ancestor: str, support: Support) -> bool:
    return support.reclaim_file is not None and (ancestor != "/" or support.reclaims_root)


def _reclaim_steps(dying: list[DyingCgroup], demands: dict[int, Demand], support: Support) -> list[Step]:
    below: dict[str, list[DyingCgroup]] = defaultdict(list)
    wanted = frozenset(_with(Rung.RECLAIM, demands))
    for each in dying:
        if each.id in wanted:
            below[each.ancestor].append(each)
    fileless = [each.id for each in dying if each.id in wanted and any(map(_is_fileless, each.pins))]
    steps = [
        reclaim_step(
            ancestor,
            # What reclaim cannot free is not asked for: caches of what lives would go in its place.
            sum(pin.bytes for each in cgroups for pin in each.pins if Rung.RECLAIM in _ways(pin, support, ancestor)),
            tuple(each.id for each in cgroups),
            support,
        )
        for ancestor, cgroups in below.items()
    ]
    return [sync_step(tuple(fileless)), *steps] if fileless else steps


def _is_fileless(pin: Pin) -> bool:
    """Tell whether a pin lies on a disk and no rung below can write it there; a block in a journal shows no dirt."""
    return pin.kind in (PinKind.METADATA, PinKind.WRITEBACK) or (
        pin.kind == PinKind.PAGE_CACHE and not pin.is_reachable
    )


def _gaps(support: Support, tops: set[str]) -> tuple[Gap, ...]:
    gaps = []
    if support.reclaim_file is None:
        why = "this kernel has neither memory.reclaim nor memory.force_empty"
        gaps.append(Gap("reclaim at a living cgroup", why, "Linux 5.19 or newer has memory.reclaim on cgroup v2"))
    elif tops:
        gaps.append(Gap("reclaim at /", "the top of this hierarchy cannot be reclaimed from"))
    if not support.drops_caches:
        gaps.append(Gap("drop-caches", f"{DROP_CACHES} may not be written here", "run as root on the host itself"))
    return tuple(gaps)
