"""Climbs the ladder of recovery: a census, a plan, and after each rung a census again."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from unreclaim.analysis.recovery import plan_recovery
from unreclaim.analysis.recovery_outcome import judge_recovery
from unreclaim.analysis.recovery_steps import WAIT_SECONDS
from unreclaim.app.census import CensusReport, take_census
from unreclaim.app.clock import Clock
from unreclaim.apply.reclaim import HostActions
from unreclaim.base.errors import UnavailableError
from unreclaim.base.progress import Stage
from unreclaim.formats.meminfo import MemInfo
from unreclaim.host.collect import collect_brief_sample
from unreclaim.host.container import detect_container
from unreclaim.host.probe import Probe
from unreclaim.host.recovery import read_support
from unreclaim.host.source import Source
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container
from unreclaim.model.recovery import (
    LADDER,
    OPERATORS,
    Figures,
    Plan,
    Recovery,
    Rung,
    RungResult,
    Step,
    StepResult,
    Support,
)

# A cgroup is freed a moment after its last page: by RCU and then a work queue.
_SETTLING_LOOKS, _PAUSE_SECONDS = 6, 0.5


class Actions(Protocol):
    """What changes a host."""

    def enact(self, steps: tuple[Step, ...]) -> Iterator[StepResult]:
        """Do steps of one rung, and give what became of each as soon as it is known."""


class Sight(Struct, frozen=True):
    """All that a plan rests on, as it is now."""

    report: CensusReport
    support: Support
    meminfo: MemInfo | None
    container: Container | None = None


def look(source: Source) -> Sight:
    """Look at the running host."""
    # Locked pages are searched for only where there are such, and have to be named.
    report = take_census(source, locked=True)
    root = source.roots[-1]
    sample = collect_brief_sample(root)
    hierarchy = sample.memory_hierarchy()
    if hierarchy is None:
        raise UnavailableError("reclaim", "the memory controller's hierarchy is gone")
    support = read_support(Probe(root), hierarchy, sample.meminfo)
    return Sight(report, support, sample.meminfo, detect_container(Probe(root)))


def recover_host(
    source: Source, clock: Clock, *, up_to: Rung | None, target: str | None, progress: Stage | None = None
) -> Recovery:
    """Recover the running host; see `recover`."""
    return recover(lambda: look(source), HostActions(), clock, up_to=up_to, target=target, progress=progress)


def recover(
    see: Callable[[], Sight],
    actions: Actions,
    clock: Clock,
    *,
    up_to: Rung | None,
    target: str | None = None,
    progress: Stage | None = None,
) -> Recovery:
    """Plan how to free the dying cgroups at and below `target`, and climb the ladder up to and with a rung.

    up_to None: plan only, change nothing. Each rung is measured before and after, and the climb ends when none of
    those that were there at first is left. An interrupt ends it too, and what was done until then is told.
    """
    climb = _Climb(see, actions, clock, progress or (lambda _what: None), target)
    if up_to is not None:
        climb.up_to(up_to)
    climb.progress("")
    gaps = (*climb.lost, *climb.first.report.gaps, *climb.now.report.gaps, *climb.plan.gaps)
    return Recovery(
        climb.first.report.census.backend,
        up_to,
        climb.target,
        tuple(climb.rungs),
        judge_recovery(climb.plan, climb.left, tuple(climb.rungs)),
        climb.interrupted,
        tuple(dict.fromkeys(gaps)),
        climb.figures().dying_on_host,
        climb.first.container,
    )


class _Climb:
    """A climb on its way: the plan that it began with, what is left of it, and the rungs behind it."""

    def __init__(
        self,
        see: Callable[[], Sight],
        actions: Actions,
        clock: Clock,
        progress: Stage,
        target: str | None,
    ) -> None:
        self._see, self._actions, self._clock, self.progress = see, actions, clock, progress
        progress("looking at what is dying")
        self.first = self.now = see()
        self.target = _normal(target, self.first.support.mount_point)
        self.plan = self._plan(None)
        self.left = self.plan
        self._ids = frozenset(each.id for group in self.plan.groups for each in group.demands)
        self.rungs: list[RungResult] = []
        self.interrupted = False
        self.lost: tuple[Gap, ...] = ()

    def up_to(self, last: Rung) -> None:
        try:
            for rung in LADDER[: LADDER.index(last) + 1]:
                for steps in self._stages(rung):
                    if self.left.groups and not self.lost:
                        self._climb(rung, steps)
        except KeyboardInterrupt:
            self.interrupted = True

    def _stages(self, rung: Rung) -> list[tuple[Step, ...]]:
        """Give what is done before the next measurement: all steps of a rung, but caches are dropped one by one."""
        steps = tuple(step for step in self.left.steps if step.rung == rung)
        if not steps or rung in OPERATORS:
            return []
        return [(step,) for step in steps] if rung == Rung.DROP_CACHES else [steps]

    def _climb(self, rung: Rung, steps: tuple[Step, ...]) -> None:
        before, after = self.figures(), None
        results: list[StepResult] = []
        try:
            for result in self._enact(rung, steps):
                results.append(result)
                self.progress(f"{rung}: {len(results)} of {len(steps)} steps done (Ctrl-C ends)")
            if self._settle(rung):
                after = self.figures()
        finally:
            self.rungs.append(RungResult(rung, tuple(results), before, after))

    def _enact(self, rung: Rung, steps: tuple[Step, ...]) -> Iterator[StepResult]:
        self.progress(f"{rung}: {steps[0].what} (Ctrl-C ends)")
        if rung == Rung.WAIT:
            self._clock.sleep(WAIT_SECONDS)
            return iter([StepResult(step, done=True) for step in steps])
        return self._actions.enact(steps)

    def _settle(self, rung: Rung) -> bool:
        """Take the census until nothing is left of what was aimed at, or no less than the time before.

        False: it cannot be taken any more, so nobody knows what is left.
        """
        self.progress(f"{rung}: counting what is left")
        for number in range(_SETTLING_LOOKS):
            if number:
                self._clock.sleep(_PAUSE_SECONDS)
            before = self.left
            sight = self._see()
            if sight.report.census.backend != self.first.report.census.backend:
                self.lost = (Gap("what is left", "the census that was taken before could not be taken again"),)
                return False
            self.now = sight
            self.left = self._plan(self._ids)
            if not self.left.groups or (number and _size(self.left) == _size(before) and not _may_pass(self.left)):
                break
        return True

    def _plan(self, only: frozenset[int] | None) -> Plan:
        report = self.now.report
        return plan_recovery(report.census, report.groups, self.now.support, target=self.target, only=only)

    def figures(self) -> Figures:
        """Measure what is dying, from the last look."""
        census, count, info = self.now.report.census, self.now.report.count, self.now.meminfo
        named = census.by_name
        return Figures(
            sum(len(group.demands) for group in self.left.groups) if named else None,
            # The kernel's count is of a moment before the census, when some were still being freed.
            len(census.dying) if named else count.dying if count else None,
            info.get("sunreclaim_bytes") if info else None,
            info.get("percpu_bytes") if info else None,
        )


def _size(plan: Plan) -> tuple[int, int]:
    return sum(len(group.demands) for group in plan.groups), sum(group.bytes for group in plan.groups)


def _may_pass(plan: Plan) -> bool:
    """Tell whether some are held by nothing but a reference, which may be one of a moment."""
    return any(each.references and not each.pages for group in plan.groups for each in group.demands)


def _normal(target: str | None, mount_point: str) -> str | None:
    """Give a target as a path below the hierarchy's top, without the mount point that a shell completes it with."""
    if target is None:
        return None
    inside = target.removeprefix(mount_point) if f"{target}/".startswith(f"{mount_point}/") else target
    return "/" + inside.strip("/")
