"""Plans for a unit of the running host: watches it for a while, prices what a start leaves, and plans."""

from collections.abc import Callable

from msgspec import Struct

from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.advice.prediction import rate_per_day, share, times
from unreclaim.analysis.cost import estimate_cost
from unreclaim.analysis.growth import measure_growth
from unreclaim.app.census import CensusReport, take_census
from unreclaim.app.clock import Clock
from unreclaim.app.observe import observe
from unreclaim.app.start_counter import CountStarts
from unreclaim.app.systemd import OpenSystemd, Systemd
from unreclaim.base.errors import UnavailableError
from unreclaim.base.progress import Progress
from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.formats.unit_name import why_not_startable
from unreclaim.host.collect import reparents_page_cache, with_structures
from unreclaim.host.source import Source
from unreclaim.model.census import PinKind
from unreclaim.model.diagnosis import DyingCost
from unreclaim.model.dying import count_memory
from unreclaim.model.gap import Gap
from unreclaim.model.plan import Estimate, Plan, UnitWatch
from unreclaim.model.sample import Observation
from unreclaim.model.unit import Unit


def require_unit(systemd: Systemd, name: str) -> Unit:
    """Read a unit that can be changed.

    Raises:
        UnavailableError: there is none of that name, or it is masked.
        BusError: PID 1 cannot be asked.

    """
    problem = why_not_startable(name)
    if problem is not None:
        raise UnavailableError(f"unit {name}", problem)
    unit = systemd.read_unit(name)
    if unit.load_state != "loaded":
        why = {"not-found": "systemd has no unit of that name", "masked": "it is masked"}
        raise UnavailableError(f"unit {name}", why.get(unit.load_state or "", f"systemd says: {unit.load_state}"))
    return unit


def watch_unit(
    source: Source, clock: Clock, name: str, seconds: float, count: CountStarts, progress: Progress | None = None
) -> tuple[UnitWatch, Observation]:
    """Count the starts of a unit, and measure the host's growth, for a while."""
    before, began = count(name), clock.monotonic()
    observation = observe(source, clock, window_seconds=seconds, progress=progress)
    after, ended = count(name), clock.monotonic()
    starts = None
    if before is not None and after is not None:
        # It begins anew where somebody stopped and started the unit meanwhile.
        starts = after - before if after >= before else after
    gone = ended - began
    rate = None if starts is None or gone <= 0 else rate_per_day(starts, gone)
    return UnitWatch(gone, starts, rate, measure_growth(observation).rates), observation


class UnitPlanner(Struct, frozen=True):
    """Whom a plan is made by: the host, its systemd, who counts starts, and who counts what they leave."""

    source: Source
    clock: Clock
    open_systemd: OpenSystemd
    count: CountStarts
    take_census: Callable[[Source], CensusReport] = take_census

    def plan(
        self, name: str, wishes: Wishes, seconds: float, progress: Progress | None = None
    ) -> tuple[Plan, UnitWatch]:
        """Watch a unit for some seconds and plan for it.

        Raises:
            UnavailableError: no such unit, or a wish that cannot be met.
            BusError: PID 1 cannot be asked.

        """
        with self.open_systemd() as systemd:
            unit = require_unit(systemd, name)
            version = systemd.version()
            # What cannot be wished for is refused before anybody waits.
            plan_unit(unit, Facts(systemd=version), wishes)
        first = self._census()
        watch, observation = watch_unit(self.source, self.clock, unit.name, seconds, self.count, progress)
        last = self._census()
        root = self.source.roots[-1]
        each, gaps = _left_by_a_start(unit, watch, first, last)
        host, _ = with_structures(root, observation.host)
        cost = estimate_cost(host, observation.samples[-1], count_memory(observation.samples[-1]))
        spans = [cost.slab, *([cost.percpu] if cost.percpu else [])]
        price = Estimate(*(float(sum(getattr(span, end) for span in spans)) for end in ("middle", "low", "high")))
        hierarchy = observation.samples[-1].memory_hierarchy()
        facts = Facts(
            version,
            hierarchy.version if hierarchy else None,
            reparents_page_cache(root),
            watch.cycles_per_day,
            None if each is None else times(each, price),
            _pinning_files(unit, last),
            (*_gaps(watch), *gaps, *_price_gaps(cost), *(last.gaps if last else ())),
        )
        return plan_unit(unit, facts, wishes), watch

    def _census(self) -> CensusReport | None:
        try:
            return self.take_census(self.source)
        except UnavailableError:
            return None


def _gaps(watch: UnitWatch) -> tuple[Gap, ...]:
    if watch.starts is None:
        return (Gap("cycles of the unit", "its starts could not be counted"),)
    if not watch.starts:
        why = f"no start was seen within {watch.seconds:.0f} seconds"
        return (Gap("cycles of the unit", why, "a longer look: --for 10m"),)
    return ()


def _price_gaps(cost: DyingCost) -> tuple[Gap, ...]:
    if cost.percpu is not None:
        return ()
    return (Gap("per-CPU memory that a start leaves", "what a cgroup takes of it is not known here: growth lacks it"),)


def _left_by_a_start(
    unit: Unit, watch: UnitWatch, first: CensusReport | None, last: CensusReport | None
) -> tuple[Estimate | None, tuple[Gap, ...]]:
    """Give the share of starts that leave a dying cgroup: those of the unit that are new in the last census."""
    if first is None or last is None:
        return None, (Gap("what a start leaves behind", "no memory controller: nothing can be counted"),)
    if not (first.census.by_name and last.census.by_name and watch.starts):
        # Why it has no names, or why no start was seen, is a gap already.
        return None, ()
    new = _dying_of(unit, last) - _dying_of(unit, first)
    return share(len(new), watch.starts), ()


def _dying_of(unit: Unit, report: CensusReport) -> set[int]:
    return {each.id for each in report.census.dying if f"/{unit.name}/" in f"{each.path}/"}


def _pinning_files(unit: Unit, report: CensusReport | None) -> tuple[str, ...]:
    """Name files whose cache holds a tenth of a unit's dying cgroups and more; others are read once in a while."""
    if report is None:
        return ()
    shape = parse_cgroup_path(f"/{unit.name}").unit
    found: dict[str, None] = {}
    for group in report.groups:
        for pin, number in group.pins if group.unit == shape else ():
            if pin.path and pin.kind == PinKind.PAGE_CACHE and 10 * number >= (group.nr_dying or 0):
                found[pin.path] = None
    return tuple(found)
