"""Judges what a recovery came to: per group, what was freed, and what would free the rest."""

from collections import Counter

from msgspec.structs import replace

from unreclaim.model.census import Holder
from unreclaim.model.recovery import LADDER, Demand, Group, Outcome, Plan, Result, Rung, RungResult, Step


def rungs_done(rungs: tuple[RungResult, ...]) -> frozenset[Rung]:
    """Give the rungs that were climbed to their end, in all their goes; what they did not free, they will not free."""
    return frozenset(rung.rung for rung in rungs) - {rung.rung for rung in rungs if rung.after is None}


def is_exhausted(rungs: tuple[RungResult, ...]) -> bool:
    """Tell whether every rung that this program can climb was, and the kernel took every step that is not of a file.

    A file whose cache could not be dropped is no matter: what it holds is memory, and the proof is of bare references.
    """
    results = [result for rung in rungs if rung.rung != Rung.FADVISE for result in rung.steps]
    both = sum(result.step.rung == Rung.DROP_CACHES for result in results) == 2
    return {Rung.WAIT, Rung.DROP_CACHES} <= rungs_done(rungs) and both and all(result.done for result in results)


def judge_recovery(first: Plan, last: Plan, rungs: tuple[RungResult, ...]) -> tuple[Outcome, ...]:
    """Judge each group of the first plan by what the last one, made from a fresh census, still has of it."""
    left = {each.id: each for group in last.groups for each in group.demands}
    unnamed = {group.ancestor: group for group in last.groups if not group.demands}
    done, exhausted = rungs_done(rungs), is_exhausted(rungs)
    return tuple(
        # By id, for units are joined where there are many alike, and fewer of them are left.
        _judge(
            group,
            tuple(left[each.id] for each in group.demands if each.id in left),
            last.steps,
            done,
            exhausted=exhausted,
        )
        if group.demands
        else _judge_unnamed(group, unnamed.get(group.ancestor), last.steps, done)
        for group in first.groups
    )


def _judge(
    group: Group, demands: tuple[Demand, ...], steps: tuple[Step, ...], done: frozenset[Rung], *, exhausted: bool
) -> Outcome:
    freed = len(group.demands) - len(demands)
    known = frozenset(cgroup for step in steps if step.processes for cgroup in step.cgroups)
    ahead = {each.id: _next_rung(each, done, proven=exhausted and _is_bare(each, known)) for each in demands}
    needs = Counter(ahead.values())
    wanted = frozenset(each.id for each in demands)
    mine = tuple(
        replace(step, cgroups=tuple(each for each in step.cgroups if each in wanted))
        for step in steps
        if step.rung not in done and not wanted.isdisjoint(step.cgroups)
    )
    result, because = _result(demands, needs, freed, known, exhausted=exhausted)
    return Outcome(
        group.ancestor,
        group.unit,
        result,
        freed,
        len(demands),
        sum(each.bytes for each in demands),
        tuple((rung, needs[rung]) for rung in (*LADDER, None) if needs[rung]),
        mine,
        _keepers(mine, frozenset(each for each, rung in ahead.items() if rung == Rung.RESTART)),
        because,
    )


def _keepers(steps: tuple[Step, ...], cgroups: frozenset[int]) -> tuple[Holder, ...]:
    """Name the processes that keep cgroups which nothing less than a restart frees."""
    restarts = (step for step in steps if step.rung == Rung.RESTART and not cgroups.isdisjoint(step.cgroups))
    return tuple(dict.fromkeys(process for step in restarts for process in step.processes))


def _judge_unnamed(group: Group, left: Group | None, steps: tuple[Step, ...], done: frozenset[Rung]) -> Outcome:
    """Judge by bytes where cgroups have no names."""
    if left is None:
        return Outcome(group.ancestor, None, Result.RECOVERED, None, None, 0)
    mine = tuple(step for step in steps if step.rung not in done and step.place in (None, group.ancestor))
    less = left.bytes < group.bytes and bool(done)
    result = Result.PARTLY if less else Result.RECOVERABLE if mine else Result.NOT_YET
    because = None if mine else "what holds them cannot be seen here"
    return Outcome(group.ancestor, None, result, None, None, left.bytes, (), mine, because=because)


def _next_rung(demand: Demand, done: frozenset[Rung], *, proven: bool) -> Rung | None:
    """Give the rung that has to be climbed yet for a cgroup to go; None: no rung that is known frees it."""
    highest = 0
    for ways in demand.ways:
        ahead = [LADDER.index(rung) for rung in ways if rung not in done]
        if not ahead or proven:
            return None
        highest = max(highest, min(ahead))
    return LADDER[highest]


def _is_bare(demand: Demand, known: frozenset[int]) -> bool:
    """Tell whether a cgroup is held by references alone that nothing explains and no process is known to hold."""
    return bool(demand.references) and not demand.pages and demand.id not in known


def _result(
    demands: tuple[Demand, ...],
    needs: Counter[Rung | None],
    freed: int,
    known: frozenset[int],
    *,
    exhausted: bool,
) -> tuple[Result, str | None]:
    if not demands:
        return Result.RECOVERED, None
    proven = exhausted and all(_is_bare(each, known) for each in demands)
    because = None
    if needs[None]:
        because = "nothing that is known frees them"
    if proven:
        references = sum(each.references or 0 for each in demands)
        because = (
            "every rung was climbed, no memory is left in them, and what still refers to them "
            f"({references} references) is nothing that can be seen"
        )
    if freed:
        return Result.PARTLY, because
    if needs[None]:
        return (Result.REBOOT if proven else Result.NOT_YET), because
    return (Result.RESTART if needs[Rung.RESTART] else Result.RECOVERABLE), None
