"""A plan rests on what was seen: starts that were counted, cgroups that were left, and what one costs here."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.fakes.hosts import FakeHost
from tests.fakes.systemd import FakeSystemd, no_journal
from unreclaim.advice.planner import Wishes
from unreclaim.analysis.census import group_census
from unreclaim.app.census import CensusReport
from unreclaim.app.start_counter import StartCounter
from unreclaim.app.unit_plan import UnitPlanner, _price_gaps, require_unit, watch_unit
from unreclaim.base.errors import UnavailableError
from unreclaim.host.source import Source
from unreclaim.model.census import Census, DyingCgroup, Pin, PinKind
from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.gap import Gap
from unreclaim.model.plan import Plan, UnitWatch
from unreclaim.model.unit import Unit

LOG = Pin(PinKind.PAGE_CACHE, 4096, 1, "/var/log/app.log", "8:1", 7)
LIBRARY = Pin(PinKind.PAGE_CACHE, 4096, 1, "/lib/x.so", "8:1", 8)
UNIT = Unit(
    "app.service",
    load_state="loaded",
    slice="system.slice",
    restart="always",
    restart_seconds=0.1,
    nr_restarts=100,
)


def dying(number: int, unit: str = "app.service", pin: Pin = LOG) -> DyingCgroup:
    """Make a dying cgroup of a unit."""
    return DyingCgroup(number, unit, f"/system.slice/{unit}", "/system.slice", number, 4096, 0, 0, 1, 0, (pin,))


def census(*cgroups: DyingCgroup, backend: str = "bpf") -> CensusReport:
    """Make a census of these."""
    taken = Census(backend, 4, cgroups)
    return CensusReport(taken, group_census(taken), None, () if backend == "bpf" else (Gap("names", "no BPF"),))


class Stage:
    """A quiet host whose unit is restarted 23 times while it is watched, and the censuses at both ends."""

    def __init__(self, unit: Unit, *reports: CensusReport) -> None:
        """Take the unit and what each census finds."""
        self.host = FakeHost()
        self.systemd = FakeSystemd("/nowhere", unit)
        self.reports = list(reports)

    def planner(self, count: Callable[[str], int | None] | None = None) -> UnitPlanner:
        """Give who plans there."""
        open_systemd = self.systemd.open
        counter = count or StartCounter(open_systemd, self.host.clock, no_journal)
        return UnitPlanner(self.host.source(), self.host.clock, open_systemd, counter, self._census)

    def _census(self, _source: Source) -> CensusReport:
        if not self.reports:
            raise UnavailableError("census", "no memory controller")
        return self.reports.pop(0)

    def plan(self, seconds: float = 10.0, wishes: Wishes | None = None) -> tuple[Plan, UnitWatch]:
        """Plan there."""
        return self.planner().plan("app.service", wishes or Wishes(), seconds)


def test_each_start_is_priced_by_what_it_left() -> None:
    """23 starts in ten seconds left 23 new dying cgroups: what one costs here, times 198,720 a day."""
    old = [dying(number) for number in range(5)]
    new = [dying(number) for number in range(5, 28)]
    others = [dying(number, "b.service") for number in range(50, 60)]
    plan, watch = Stage(UNIT, census(*old), census(*old, *new, *others)).plan()
    assert (watch.seconds, watch.starts) == (10.0, 23)
    figures = plan.prediction
    assert figures.cycles_per_day is not None
    assert figures.cycles_per_day.middle == 23 * 8640
    assert figures.growth_bytes_per_day is not None
    each = figures.growth_bytes_per_day.middle / figures.cycles_per_day.middle
    # 6.18 with two CPUs, by the table of analysis/cost.py: 12,864 of slab and 2 x 2,112 per CPU.
    assert each == pytest.approx(12_864 + 2 * 2_112)
    assert figures.growth_bytes_per_day_after is not None
    assert figures.growth_bytes_per_day_after.high < figures.growth_bytes_per_day.low / 10
    assert plan.chosen == ("restart-delay",)
    assert plan.gaps == ()


def test_a_file_that_holds_many_is_named_and_one_that_holds_few_is_not() -> None:
    """The log of 23 cgroups is; a library that one start read first is not."""
    left = [*(dying(number) for number in range(23)), dying(99, pin=LIBRARY)]
    stage = Stage(replace(UNIT, standard_output="append:/var/log/app.log"), census(), census(*left))
    plan, _ = stage.plan()
    journal = next(step for step in plan.steps if step.id == "journal")
    assert journal.what == "log to the journal instead of /var/log/app.log"
    assert journal.gate == "StandardOutput=append:/var/log/app.log"


def test_what_cannot_be_seen_is_a_gap() -> None:
    """No names, no memory controller, no count, no start: each is said, and no figure is made up."""
    blind = census(backend="page scan")
    plan, _ = Stage(UNIT, blind, blind).plan()
    assert plan.prediction.growth_bytes_per_day is None
    assert [gap.what for gap in plan.gaps] == ["names"]
    plan, _ = Stage(UNIT).plan()
    assert [gap.what for gap in plan.gaps] == ["what a start leaves behind"]
    plan, watch = Stage(replace(UNIT, nr_restarts=None), census(), census()).plan()
    assert (watch.starts, watch.cycles_per_day, plan.prediction.cycles_per_day_after) == (None, None, None)
    assert [gap.why for gap in plan.gaps] == ["its starts could not be counted"]
    plan, watch = Stage(UNIT, census(), census()).planner(lambda _name: 7).plan("app.service", Wishes(), 10.0)
    assert watch.starts == 0
    assert [(gap.why, gap.remedy) for gap in plan.gaps] == [
        ("no start was seen within 10 seconds", "a longer look: --for 10m")
    ]


def test_no_time_is_no_rate() -> None:
    """With --for 0 nothing is counted, and the steps are planned all the same."""
    plan, watch = Stage(UNIT, census(), census()).plan(seconds=0.0)
    assert watch.cycles_per_day is None
    assert plan.chosen == ("restart-delay",)


def test_a_count_that_begins_anew_is_counted_from_there() -> None:
    """NRestarts falls to 0 where somebody stops and starts the unit meanwhile."""
    host = FakeHost()
    counts = iter([211, 23])
    watch, _ = watch_unit(host.source(), host.clock, "app.service", 10.0, lambda _name: next(counts))
    assert watch.starts == 23


def test_a_wish_that_cannot_be_met_is_refused_before_anybody_waits() -> None:
    """No time goes by, and no census is taken."""
    stage = Stage(UNIT)
    with pytest.raises(UnavailableError, match="needs systemd 254"):
        stage.plan(wishes=Wishes(max_delay_seconds=60.0))
    assert stage.host.clock.slept == []


@pytest.mark.parametrize(
    ("name", "state", "why"),
    [
        ("app", "loaded", "'app' is no name of a unit, such as app.service"),
        ("gone.service", "loaded", "systemd has no unit of that name"),
        ("app.service", "masked", "it is masked"),
        ("app.service", "bad-setting", "systemd says: bad-setting"),
    ],
)
def test_what_is_no_unit_is_refused(name: str, state: str, why: str) -> None:
    """A name that is none, one that nothing has, and a unit that systemd would not start."""
    with pytest.raises(UnavailableError, match=why):
        require_unit(FakeSystemd("/nowhere", replace(UNIT, load_state=state)), name)


def test_a_price_without_per_cpu_memory_is_told_as_that() -> None:
    """Where it is not known what a cgroup takes of it, growth is slab alone, and that is said."""
    slab = Span(10_000, 9_000, 11_000)
    whole = DyingCost(slab, slab, None, None, None, "table")
    assert _price_gaps(whole) == ()
    assert [gap.what for gap in _price_gaps(replace(whole, percpu=None))] == ["per-CPU memory that a start leaves"]
