"""The ladder is climbed rung by rung, measured before and after each, and left as soon as nothing is left to do."""

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from tests.fakes.build import meminfo
from tests.fakes.clock import FakeClock
from tests.fakes.hosts import FakeHost
from unreclaim.app import recover as module
from unreclaim.app.census import CensusReport
from unreclaim.app.exit_codes import recovery_exit_code
from unreclaim.app.recover import Sight, look, recover
from unreclaim.base.errors import UnreclaimError
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.dying import Count
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container
from unreclaim.model.recovery import (
    LADDER,
    Figures,
    Outcome,
    Result,
    Rung,
    RungResult,
    Step,
    StepResult,
    Support,
)

WAIT, FADVISE, RECLAIM, REMOVE, RESTART, DROP = Rung
LOG = Pin(PinKind.PAGE_CACHE, 4096, 1, "/var/log/app.log", "8:1", 7)
METADATA = Pin(PinKind.METADATA, 4096, 1, device="8:1")
TMPFS = Pin(PinKind.TMPFS, 4096, 1, "/run/x", "0:22", 9)
NOT_FREED = Gap("some pins", "lists changed", "again")


def dying(identity: int, *pins: Pin, path: str = "/s/app.service") -> DyingCgroup:
    """Make a dying cgroup that its pins hold."""
    name = path.rpartition("/")[2]
    return DyingCgroup(identity, name, path, "/s", identity, 4096, 0, 0, len(pins), 0, pins)


class Host:
    """A host whose dying cgroups go with the step that frees them; what was done to it is kept in `acted`."""

    def __init__(self, *cgroups: DyingCgroup) -> None:
        """Let these be dying."""
        self.clock = FakeClock()
        self.dying = list(cgroups)
        self.backend = "bpf"
        self.support = Support(2, "/cg", "memory.reclaim", reclaims_root=True, swap_bytes=0, drops_caches=True)
        self.acted: list[str] = []
        self.looks = 0
        self.lingering = 0
        self.held_bytes = 0
        self.frees: dict[Rung, Callable[[DyingCgroup], bool]] = {
            FADVISE: lambda each: each.pins == (LOG,),
            RECLAIM: lambda each: TMPFS not in each.pins,
            DROP: lambda each: TMPFS not in each.pins,
        }
        self.on_step: Callable[[Step], None] = lambda _step: None

    def see(self) -> Sight:
        """Take the census; what was freed lingers for so many looks."""
        self.looks += 1
        self.lingering -= 1
        census = Census(self.backend, 40, tuple(self.dying) if self.backend == "bpf" else ())
        if self.lingering > 0:
            census = replace(census, dying=self._before)
        groups = (CensusGroup("/s", None, 0, self.held_bytes, ()),) if self.held_bytes else ()
        count = Count("memory", 40, len(self.dying), "cgroup.stat", None)
        report = CensusReport(census, groups, count, (NOT_FREED,))
        return Sight(report, self.support, meminfo(sunreclaim_bytes=1000 * len(self.dying), percpu_bytes=77))

    def lose_one(self) -> None:
        """Free one by nothing that was done."""
        self.dying.pop()

    def enact(self, steps: tuple[Step, ...]) -> Iterator[StepResult]:
        """Free what the rung of the steps frees."""
        for step in steps:
            self.on_step(step)
            self.acted.append(step.what)
            yield StepResult(step, done=True)
        self._before = tuple(self.dying)
        self.dying[:] = [each for each in self.dying if not self.frees[steps[0].rung](each)]


def figures(mine: int, all_of_them: int) -> Figures:
    """Give what is measured with so many dying."""
    return Figures(mine, all_of_them, 1000 * all_of_them, 77)


def climbed(rungs: tuple[RungResult, ...]) -> list[tuple[Rung, int, Figures, Figures | None]]:
    """Give each rung with the number of steps done and its figures."""
    return [(rung.rung, sum(step.done for step in rung.steps), rung.before, rung.after) for rung in rungs]


@pytest.mark.parametrize("target", [None, "/", "/s", "s/", "/cg/s", "/cg"])
def test_a_plan_changes_nothing(target: str | None) -> None:
    """Without a rung to climb to one look is taken and nothing is done; a target may be given as a shell does."""
    host = Host(dying(1, LOG), dying(2, TMPFS))
    found = recover(host.see, host, host.clock, up_to=None, target=target)
    assert (host.acted, host.looks, host.clock.slept) == ([], 1, [])
    assert (found.backend, found.up_to, found.rungs, found.gaps) == ("bpf", None, (), (NOT_FREED,))
    (group,) = found.outcomes
    assert (group.result, group.needs) == (Result.RECOVERABLE, ((FADVISE, 1), (REMOVE, 1)))
    assert recovery_exit_code(found) == 0


def test_it_ends_when_nothing_is_left() -> None:
    """One fadvise frees all 23: no rung above it is climbed, though it was allowed."""
    host = Host(*(dying(number, LOG) for number in range(23)))
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert host.acted == ["drop the cache of /var/log/app.log"]
    assert climbed(found.rungs) == [(FADVISE, 1, figures(23, 23), figures(0, 0))]
    assert found.outcomes == (Outcome("/s", "app.service", Result.RECOVERED, 23, 0, 0),)
    assert recovery_exit_code(found) == 0


def test_only_what_the_target_takes_in_is_aimed_at_and_counted() -> None:
    """Others are dying too, and new ones while it goes on: they are in the host's figure alone."""
    host = Host(dying(1, LOG), dying(2, LOG, path="/s/b"), dying(3, TMPFS, path="/s/b"))
    host.frees[FADVISE] = lambda each: each.id == 1
    host.on_step = lambda _step: host.dying.append(dying(4, METADATA))
    found = recover(host.see, host, host.clock, up_to=RECLAIM, target="/s/app.service")
    assert climbed(found.rungs) == [(FADVISE, 1, figures(1, 3), figures(0, 3))]
    assert found.target == "/s/app.service"
    assert [outcome.result for outcome in found.outcomes] == [Result.RECOVERED]


def test_each_rung_is_climbed_for_what_the_one_below_left() -> None:
    """Up to the rung that was allowed, and what it did not free is left to the next one."""
    host = Host(dying(1, LOG), dying(2, LOG, METADATA), dying(3, TMPFS))
    found = recover(host.see, host, host.clock, up_to=RESTART)
    assert host.acted == [
        "drop the cache of /var/log/app.log",
        "write to the disks what is not yet on them",
        "reclaim at most 34 MB below /s",
    ]
    assert climbed(found.rungs) == [
        (FADVISE, 1, figures(3, 3), figures(2, 2)),
        (RECLAIM, 2, figures(2, 2), figures(1, 1)),
    ]
    (group,) = found.outcomes
    assert (group.result, group.nr_freed, group.needs) == (Result.PARTLY, 2, ((REMOVE, 1),))
    assert recovery_exit_code(found) == 1


def test_a_rung_that_was_not_allowed_is_not_climbed() -> None:
    """The default climbs to fadvise: what needs reclaim is told, not done."""
    host = Host(dying(1, METADATA))
    found = recover(host.see, host, host.clock, up_to=FADVISE)
    assert (host.acted, found.rungs) == ([], ())
    assert [outcome.needs for outcome in found.outcomes] == [((RECLAIM, 1),)]


def test_caches_are_dropped_one_kind_after_the_other() -> None:
    """Names and inodes only where dropping pages was not enough; both are measured."""
    host = Host(dying(1, METADATA))
    host.frees[RECLAIM] = lambda _each: False
    host.support = replace(host.support, reclaim_file=None, reclaims_root=False)
    recover(host.see, host, host.clock, up_to=DROP)
    assert host.acted == ["drop the page cache of the whole host"]
    host = Host(dying(1, METADATA))
    host.support = replace(host.support, reclaim_file=None, reclaims_root=False)
    host.frees[DROP] = lambda _each: False
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert host.acted == ["drop the page cache of the whole host", "drop its caches of names and inodes"]
    assert climbed(found.rungs) == [(DROP, 1, figures(1, 1), figures(1, 1))] * 2
    assert [outcome.result for outcome in found.outcomes] == [Result.NOT_YET]


def test_what_nothing_holds_is_waited_for_first() -> None:
    """Two seconds, and a look; what is gone by then needs no rung."""
    host = Host(dying(1))
    host.clock.after(1, host.dying.clear)
    found = recover(host.see, host, host.clock, up_to=FADVISE)
    assert (host.acted, host.clock.slept) == ([], [2.0])
    assert climbed(found.rungs) == [(WAIT, 1, figures(1, 1), figures(0, 0))]


def test_only_a_reboot_is_critical() -> None:
    """References that no rung frees, after all of them: exit code 2."""
    host = Host(replace(dying(1), references=2, unexplained_references=2))
    host.frees[DROP] = host.frees[RECLAIM] = lambda _each: False
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert [rung.rung for rung in found.rungs] == [WAIT, RECLAIM, DROP, DROP]
    assert [(outcome.result, outcome.needs) for outcome in found.outcomes] == [(Result.REBOOT, ((None, 1),))]
    assert recovery_exit_code(found) == 2
    # Not when the last rung was not to be climbed, nor when a process is known that may hold them.
    found = recover(host.see, host, host.clock, up_to=RESTART)
    assert [outcome.result for outcome in found.outcomes] == [Result.RESTART]
    unreaped = Pin(PinKind.PROCESS, 0, 2, held_by=(Holder(81, "worker"), Holder(70, "supervisor")))
    host.dying = [replace(host.dying[0], pins=(unreaped,))]
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert [outcome.result for outcome in found.outcomes] == [Result.RESTART]


def test_freeing_takes_a_moment() -> None:
    """The kernel frees a cgroup some time after its last page: it is looked again before it counts as left."""
    host = Host(dying(1, LOG), dying(2, LOG))
    host.on_step = lambda _step: setattr(host, "lingering", 2)
    found = recover(host.see, host, host.clock, up_to=FADVISE)
    assert (found.outcomes[0].result, host.clock.slept) == (Result.RECOVERED, [0.5])


def test_what_stays_is_not_looked_at_for_ever() -> None:
    """Two looks that see the same are enough, and six are, whatever they see."""
    host = Host(dying(1, LOG))
    host.frees[FADVISE] = lambda _each: False
    recover(host.see, host, host.clock, up_to=FADVISE)
    assert (host.looks, host.clock.slept) == (3, [0.5])
    host = Host(*(dying(number, LOG) for number in range(23)))
    host.frees[FADVISE] = lambda _each: False
    for second in range(10):
        host.clock.after(second / 4, host.lose_one)
    recover(host.see, host, host.clock, up_to=FADVISE)
    assert host.clock.slept == [0.5] * 5


def test_a_reference_of_a_moment_is_given_time() -> None:
    """A CPU may keep charges of a cgroup in stock for a while after its last page: six looks, not two."""
    host = Host(dying(1, LOG))

    def leave_a_reference(_step: Step) -> None:
        host.dying[0] = replace(host.dying[0], pins=(), references=1, unexplained_references=1)
        host.clock.after(2, host.dying.clear)

    host.on_step = leave_a_reference
    host.frees[FADVISE] = lambda _each: False
    found = recover(host.see, host, host.clock, up_to=FADVISE)
    assert (found.outcomes[0].result, host.clock.slept) == (Result.RECOVERED, [0.5] * 4)


@pytest.mark.parametrize("number", [0, 1])
def test_an_interrupt_says_how_far_it_got(number: int) -> None:
    """On a rung: the steps that were done are kept, it counts as not measured, and nothing above is begun."""

    def interrupt(_step: Step) -> None:
        if len(host.acted) == number:
            raise KeyboardInterrupt

    other = replace(LOG, path="/b", inode=8)
    host = Host(dying(1, LOG), dying(2, other), dying(3, METADATA))
    host.on_step = interrupt
    shown: list[str] = []
    found = recover(host.see, host, host.clock, up_to=DROP, progress=shown.append)
    assert found.interrupted
    assert climbed(found.rungs) == [(FADVISE, number, figures(3, 3), None)]
    assert found.outcomes[0].needs == ((FADVISE, 2), (RECLAIM, 1))
    assert shown[-1] == ""


def test_what_is_going_on_is_shown() -> None:
    """Each look and each step, and nothing at last."""
    host = Host(dying(1, LOG))
    shown: list[str] = []
    recover(host.see, host, host.clock, up_to=FADVISE, progress=shown.append)
    assert shown == [
        "looking at what is dying",
        "fadvise: drop the cache of /var/log/app.log (Ctrl-C ends)",
        "fadvise: 1 of 1 steps done (Ctrl-C ends)",
        "fadvise: counting what is left",
        "",
    ]


def test_a_census_that_fails_halfway_is_no_recovery() -> None:
    """When there are no names any more, nothing is known of what is left: the climb ends and says so."""
    host = Host(dying(1, LOG), dying(2, METADATA))
    host.on_step = lambda _step: setattr(host, "backend", "residual charge")
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert climbed(found.rungs) == [(FADVISE, 1, figures(2, 2), None)]
    assert found.gaps[0] == Gap("what is left", "the census that was taken before could not be taken again")
    assert [outcome.result for outcome in found.outcomes] == [Result.RECOVERABLE]
    assert recovery_exit_code(found) == 3


def test_without_names_bytes_are_the_measure() -> None:
    """Reclaim is offered below the ancestor; when nothing is held there any more, it was recovered."""
    host = Host(dying(1), dying(2))
    host.backend, host.held_bytes = "residual charge", 8192
    host.on_step = lambda _step: setattr(host, "held_bytes", 4096 if len(host.acted) == 0 else 0)
    found = recover(host.see, host, host.clock, up_to=RECLAIM)
    assert climbed(found.rungs) == [(RECLAIM, 1, Figures(None, 2, 2000, 77), Figures(None, 0, 0, 77))]
    assert [(outcome.result, outcome.bytes, outcome.nr_left) for outcome in found.outcomes] == [
        (Result.PARTLY, 4096, None)
    ]
    assert recovery_exit_code(found) == 3


def test_figures_that_cannot_be_had_are_not_zero() -> None:
    """Without a count and without /proc/meminfo a rung is measured by the census alone."""
    host = Host(dying(1, LOG))

    def see() -> Sight:
        sight = host.see()
        return replace(sight, meminfo=None, report=replace(sight.report, count=None))

    found = recover(see, host, host.clock, up_to=FADVISE)
    assert climbed(found.rungs) == [(FADVISE, 1, Figures(1, 1, None, None), Figures(0, 0, None, None))]
    host.dying, host.backend, host.held_bytes = [dying(1)], "residual charge", 8192
    assert recover(see, host, host.clock, up_to=RECLAIM).rungs[0].before == Figures(None, None, None, None)


def test_nothing_dying_is_nothing_to_do() -> None:
    """A host in order is left alone."""
    host = Host()
    found = recover(host.see, host, host.clock, up_to=DROP)
    assert (found.rungs, found.outcomes, host.acted) == ((), (), [])
    assert recovery_exit_code(found) == 0


@pytest.mark.parametrize(("number", "code"), [(19, 0), (23, 3), (None, 3)])
def test_what_cannot_be_seen_is_not_done(number: int | None, code: int) -> None:
    """More dying than on a fresh host, or nobody counts them, and no memory of theirs is seen: nobody can tell."""
    host = Host(*(dying(each) for each in range(number or 0)))
    host.backend = "residual charge"

    def see() -> Sight:
        sight = host.see()
        return sight if number is not None else replace(sight, report=replace(sight.report, count=None))

    found = recover(see, host, host.clock, up_to=RECLAIM)
    assert (found.outcomes, found.dying_on_host, recovery_exit_code(found)) == ((), number, code)
    assert recovery_exit_code(recover(see, host, host.clock, up_to=None)) == 0
    host.backend = "bpf"
    host.dying.clear()
    assert recovery_exit_code(recover(see, host, host.clock, up_to=RECLAIM)) == 0


@pytest.mark.parametrize("rung", LADDER)
def test_exit_codes_follow_the_results(rung: Rung) -> None:
    """0 where nothing is left or nothing was to be done, 1 what can be done yet, 2 only a reboot, 3 not known."""
    host = Host()
    empty = recover(host.see, host, host.clock, up_to=rung)
    codes = {
        Result.RECOVERED: 0,
        Result.PARTLY: 1,
        Result.RECOVERABLE: 1,
        Result.RESTART: 1,
        Result.NOT_YET: 1,
        Result.REBOOT: 2,
    }
    assert set(codes) == set(Result)
    for result, code in codes.items():
        outcome = Outcome("/s", None, result, 0, 1, 0)
        assert recovery_exit_code(replace(empty, outcomes=(outcome,))) == code
        assert recovery_exit_code(replace(empty, up_to=None, outcomes=(outcome,))) == 0


def test_a_look_joins_census_support_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plan rests on is read from the host: its census, what it offers, and its memory figures."""
    host = FakeHost(dying=23)
    report = CensusReport(Census("bpf", 4, ()), (), None, ())
    monkeypatch.setattr(module, "take_census", lambda _source, **_: report)
    sight = look(host.source())
    assert sight.report is report
    assert (sight.support.hierarchy_version, sight.support.mount_point) == (1, "/sys/fs/cgroup/memory")
    assert sight.meminfo is not None
    assert sight.meminfo.get("percpu_bytes") == 20_000 * 1024
    assert sight.container is None


def test_a_container_is_said_of_the_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signs are read with the first look, and stand beside the plan."""
    host = FakeHost(dying=23)
    report = CensusReport(Census("bpf", 4, ()), (), None, ())
    monkeypatch.setattr(module, "take_census", lambda _source, **_: report)
    host.root.files["/run/systemd/container"] = "docker\n"
    found = recover(lambda: look(host.source()), Host(), FakeClock(), up_to=None)
    assert found.container == Container("docker", ("the container manager is docker",))


def test_a_hierarchy_that_went_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unmounted between the census and the second look."""
    host = FakeHost()
    report = CensusReport(Census("bpf", 4, ()), (), None, ())
    monkeypatch.setattr(module, "take_census", lambda _source, **_: report)
    host.root.files["/proc/self/mountinfo"] = ""
    with pytest.raises(UnreclaimError, match="the memory controller's hierarchy is gone"):
        look(host.source())
