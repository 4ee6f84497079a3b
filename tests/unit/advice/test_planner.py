"""A plan for a unit: which steps, gated by what, with which drop-ins, and what they come to."""

import math

import pytest
from msgspec.structs import replace

from unreclaim.advice.planner import NO_MEMORY, RULED_OUT, Facts, Wishes, plan_unit
from unreclaim.advice.slices import own_slice
from unreclaim.base.errors import UnavailableError
from unreclaim.model.gap import Gap
from unreclaim.model.plan import Estimate, Plan, Prediction, StepKind
from unreclaim.model.unit import Unit

DAY = 86_400
# The article's unit: restarted for ever after a millisecond.
ARTICLE = Unit(
    "app.service",
    slice="system.slice",
    restart="always",
    restart_seconds=0.001,
    restart_steps=0,
    restart_max_delay_seconds=math.inf,
    start_limit_interval_seconds=0.0,
    start_limit_burst=5,
    nr_restarts=211,
)
OLD, NEW = Facts(systemd=252), Facts(systemd=257)
LOOP = Estimate(DAY, DAY, DAY)


def ends(estimate: Estimate | None) -> tuple[float, float, float]:
    """Give the figures of an estimate, to be compared roughly."""
    assert estimate is not None
    return estimate.middle, estimate.low, estimate.high


def settings_of(plan: Plan) -> dict[str, str]:
    """Give the settings of all drop-ins by unit and name."""
    found: dict[str, str] = {}
    for drop_in in plan.drop_ins:
        lines = [line for line in drop_in.text.splitlines() if "=" in line]
        found |= {f"{drop_in.unit} {name}": value for name, value in (line.split("=", 1) for line in lines)}
    return found


def ids(plan: Plan) -> list[str]:
    """Give the ids of the steps in order."""
    return [step.id for step in plan.steps]


def test_an_old_systemd_gets_a_plain_delay() -> None:
    """Before 254 the default is RestartSec=15s, and 86,400 cycles a day become 5,760."""
    facts = replace(OLD, cycles_per_day=LOOP, bytes_per_cycle=Estimate(700, 600, 800))
    plan = plan_unit(replace(ARTICLE, restart_seconds=1.0), facts, Wishes())
    assert settings_of(plan) == {"app.service RestartSec": "15s"}
    assert plan.chosen == ("restart-delay",)
    after = plan.prediction.cycles_per_day_after
    assert ends(after) == pytest.approx((DAY / 15.125, DAY / 15.25, DAY / 15))
    assert plan.prediction.growth_bytes_per_day == Estimate(700 * DAY, 600 * DAY, 800 * DAY)
    assert after is not None
    assert plan.prediction.growth_bytes_per_day_after == Estimate(700 * after.middle, 600 * after.low, 800 * after.high)
    assert "RestartSteps" not in plan.drop_ins[0].text


def test_a_new_systemd_gets_back_off() -> None:
    """From 254 on the delay grows from a second to a minute, and a loop comes to 1,440 a day."""
    plan = plan_unit(ARTICLE, replace(NEW, cycles_per_day=Estimate(4 * DAY, 3.5 * DAY, 4.5 * DAY)), Wishes())
    assert settings_of(plan) == {
        "app.service RestartSec": "1s",
        "app.service RestartSteps": "6",
        "app.service RestartMaxDelaySec": "1min",
    }
    assert ids(plan)[0] == "back-off"
    assert "1s, 1.979s, 3.915s, 7.746s, 15.326s, 30.324s, 1min" in plan.steps[0].what
    after = plan.prediction.cycles_per_day_after
    assert after is not None
    assert after.low < DAY / 60.2 < after.high == DAY / 60
    assert plan.prediction.growth_bytes_per_day is None


def test_a_plain_delay_on_a_new_systemd_takes_the_steps_away() -> None:
    """Who asks for a delay alone gets that, whatever the unit had before."""
    unit = replace(ARTICLE, restart_steps=4, restart_max_delay_seconds=90.0)
    plan = plan_unit(unit, NEW, Wishes(restart_seconds=20.0))
    assert settings_of(plan) == {"app.service RestartSec": "20s", "app.service RestartSteps": "0"}
    assert "it waits 90s now" in plan.steps[0].why


def test_both_values_are_the_users() -> None:
    """Who asks for both ends gets back-off between them."""
    plan = plan_unit(ARTICLE, NEW, Wishes(restart_seconds=2.0, max_delay_seconds=300.0))
    assert settings_of(plan)["app.service RestartSec"] == "2s"
    assert settings_of(plan)["app.service RestartMaxDelaySec"] == "5min"
    only_most = plan_unit(ARTICLE, NEW, Wishes(max_delay_seconds=300.0))
    assert settings_of(only_most)["app.service RestartSec"] == "1s"


@pytest.mark.parametrize("version", [252, None])
def test_back_off_is_refused_where_systemd_has_none(version: int | None) -> None:
    """An older systemd would ignore it, and one whose version is not known might."""
    with pytest.raises(UnavailableError, match=r"needs systemd 254; (this is 252|it is not known)"):
        plan_unit(ARTICLE, Facts(systemd=version), Wishes(max_delay_seconds=60.0))


def test_a_longest_delay_that_is_no_longer_is_refused() -> None:
    """Systemd would ignore it."""
    with pytest.raises(UnavailableError, match="is 5s, which is not longer than RestartSec=5s"):
        plan_unit(ARTICLE, NEW, Wishes(restart_seconds=5.0, max_delay_seconds=5.0))


@pytest.mark.parametrize(
    ("unit", "facts"),
    [
        (replace(ARTICLE, restart_seconds=15.0), OLD),
        (replace(ARTICLE, restart_seconds=60.0), NEW),
        (replace(ARTICLE, restart_seconds=5.0, restart_steps=3, restart_max_delay_seconds=120.0), NEW),
    ],
    ids=["plain", "plain on new", "back-off"],
)
def test_a_unit_that_waits_as_long_is_left_alone(unit: Unit, facts: Facts) -> None:
    """There is no step then, unless the user asks for one."""
    plan = plan_unit(unit, replace(facts, cycles_per_day=LOOP), Wishes())
    assert (plan.chosen, plan.drop_ins) == ((), ())
    assert plan.prediction.cycles_per_day_after == LOOP
    assert settings_of(plan_unit(unit, facts, Wishes(restart_seconds=3.0)))["app.service RestartSec"] == "3s"


def test_a_unit_that_is_not_restarted_has_no_such_step() -> None:
    """Nor a start limit; asking for a delay is told why."""
    unit = replace(ARTICLE, restart="no")
    plan = plan_unit(unit, OLD, Wishes())
    assert {"restart-delay", "back-off", "start-limit"}.isdisjoint(ids(plan))
    with pytest.raises(UnavailableError, match=r"app.service: systemd does not restart it \(Restart=no\)"):
        plan_unit(replace(unit, restart=None), OLD, Wishes(restart_seconds=3.0))


def test_a_unit_that_never_restarted_is_not_changed_by_default() -> None:
    """Its starts come from elsewhere; the step is there to be chosen, and a delay that is asked for chooses it."""
    unit = replace(ARTICLE, nr_restarts=0)
    plan = plan_unit(unit, OLD, Wishes())
    assert plan.chosen == ()
    assert "restart-delay" in ids(plan)
    assert plan_unit(unit, OLD, Wishes(restart_seconds=15.0)).chosen == ("restart-delay",)


def test_a_default_delay_is_assumed_where_systemd_does_not_say() -> None:
    """That is 100 ms."""
    plan = plan_unit(replace(ARTICLE, restart_seconds=None, restart_steps=None), OLD, Wishes())
    assert "it waits 100ms now" in plan.steps[0].why


def test_a_start_limit_meets_the_loop_that_is_left() -> None:
    """Five starts of 15 s fit twice into its interval; what is predicted is five starts and then none."""
    facts = replace(OLD, cycles_per_day=LOOP)
    plan = plan_unit(replace(ARTICLE, restart_seconds=1.0), facts, Wishes(steps=("restart-delay", "start-limit")))
    assert settings_of(plan) == {
        "app.service RestartSec": "15s",
        "app.service StartLimitIntervalSec": "153s",
        "app.service StartLimitBurst": "5",
    }
    assert plan.prediction.cycles_per_day_after == Estimate(0.0, 0.0, 5.0)
    assert "no limit ends the loop" in plan.steps[1].why


def test_a_start_limit_alone_is_for_the_delay_that_is_there() -> None:
    """A limit that the loop is too slow for is named as it is; without a rate there is no prediction."""
    unit = replace(ARTICLE, restart_seconds=15.0, start_limit_interval_seconds=10.0)
    plan = plan_unit(unit, OLD, Wishes(steps=("start-limit",)))
    assert settings_of(plan)["app.service StartLimitIntervalSec"] == "153s"
    assert plan.steps[0].why == "the limit of 5 starts in 10s does not end the loop"
    assert plan.prediction == Prediction()


def test_no_memory_controller_makes_a_start_cheap() -> None:
    """It takes the unit into a slice of its own; the cycles stay and what they leave is next to nothing."""
    facts = replace(OLD, cycles_per_day=LOOP, bytes_per_cycle=Estimate(1000, 900, 1100))
    plan = plan_unit(ARTICLE, facts, Wishes(steps=(NO_MEMORY, "own-slice")))
    assert settings_of(plan) == {
        "app.service Slice": "system-app.slice",
        "system-app.slice DisableControllers": "memory",
    }
    assert [drop_in.unit for drop_in in plan.drop_ins] == ["app.service", "system-app.slice"]
    assert plan.prediction.cycles_per_day_after == LOOP
    assert ends(plan.prediction.growth_bytes_per_day_after) == pytest.approx((0, 0, 1100 * DAY * 0.11))


@pytest.mark.parametrize("version", [239, None])
def test_an_old_systemd_takes_no_controller_away(version: int | None) -> None:
    """DisableControllers= came with 240."""
    found = ids(plan_unit(ARTICLE, Facts(systemd=version), Wishes()))
    assert "own-slice" in found
    assert NO_MEMORY not in found


@pytest.mark.parametrize(
    ("name", "slice_", "own"),
    [
        ("app.service", "system.slice", "system-app.slice"),
        ("my-app.service", "system.slice", "system-my\\x2dapp.slice"),
        ("app.service", "-.slice", "app.slice"),
        ("foo@1.service", "system-foo.slice", "system-foo.slice"),
        ("app.service", "app.slice", "app.slice"),
        ("app.service", None, None),
    ],
)
def test_a_slice_of_its_own_is_below_the_one_it_is_in(name: str, slice_: str | None, own: str | None) -> None:
    """A dash would make it a level deeper, so it is escaped; a template's instances have one already."""
    assert own_slice(Unit(name, slice=slice_)) == own


def test_a_unit_in_a_slice_of_its_own_is_not_moved() -> None:
    """Only the controller is taken away; what is no service is left where it is."""
    plan = plan_unit(replace(ARTICLE, name="foo@1.service", slice="system-foo.slice"), OLD, Wishes(steps=(NO_MEMORY,)))
    assert settings_of(plan) == {"system-foo.slice DisableControllers": "memory"}
    assert "own-slice" not in ids(plan)
    assert NO_MEMORY not in ids(plan_unit(Unit("a.scope", slice="system.slice"), OLD, Wishes()))


def test_a_log_that_pins_goes_to_the_journal() -> None:
    """By a drop-in where systemd opens the file, as advice where the program does, not at all where no file pins."""
    facts = replace(OLD, pinned_by=("/var/log/app.log",))
    unit = replace(ARTICLE, standard_output="append:/var/log/app.log")
    plan = plan_unit(unit, facts, Wishes(steps=("journal",)))
    assert settings_of(plan) == {"app.service StandardOutput": "journal", "app.service StandardError": "journal"}
    advice = plan_unit(replace(ARTICLE, standard_output="journal"), facts, Wishes())
    step = next(step for step in advice.steps if step.id == "journal")
    assert (step.kind, step.settings) == (StepKind.TEXT, ())
    assert "journal" not in ids(plan_unit(unit, OLD, Wishes()))
    assert "journal" not in ids(plan_unit(unit, replace(facts, lru_reparenting=True), Wishes()))


def test_timers_and_sockets_are_named() -> None:
    """What starts a unit besides restarts is told with what to change there."""
    unit = Unit("job@1.service", restart="no", triggered_by=("job.timer", "job.socket", "job.path"))
    plan = plan_unit(unit, OLD, Wishes())
    texts = {step.id: step.what for step in plan.steps}
    assert texts["timer"].startswith("let job.timer fire less often")
    assert texts["socket"].startswith("serve connections of job.socket by one process")
    # A service that a socket starts once makes one cgroup.
    assert "socket" not in ids(plan_unit(replace(unit, name="job.service"), OLD, Wishes()))
    assert "socket" in ids(plan_unit(Unit("job.socket", accept=True), OLD, Wishes()))


@pytest.mark.parametrize(
    ("reparenting", "gate"), [(False, "this kernel does not do that"), (None, "it is not known"), (True, None)]
)
def test_a_newer_kernel_is_advised_where_it_would_help(reparenting: bool | None, gate: str | None) -> None:  # noqa: FBT001
    """A kernel that hands page cache on already is not to be changed for that."""
    plan = plan_unit(ARTICLE, replace(OLD, lru_reparenting=reparenting), Wishes())
    kernel = next((step for step in plan.steps if step.id == "kernel"), None)
    assert (kernel is None) == (gate is None)
    assert kernel is None or kernel.gate.startswith(gate or "")
    assert ids(plan)[-2:] == ["default-accounting", "cgroup-disable"]


def test_what_does_nothing_is_ruled_out_and_never_a_step() -> None:
    """Type=, MemoryAccounting= of one unit and nokmem are named with their measurements, and in no drop-in."""
    gaps = (Gap("x", "y"),)
    plan = plan_unit(ARTICLE, replace(NEW, gaps=gaps), Wishes())
    assert plan.ruled_out == RULED_OUT
    assert plan.gaps == gaps
    lines = [f"{setting.name}={setting.value}" for step in plan.steps for setting in step.settings]
    assert not [line for line in lines if line.startswith(("Type", "MemoryAccounting"))]


def test_a_step_that_is_not_there_is_refused() -> None:
    """The steps that are there are named; advice cannot be applied."""
    for name in ("journal", "kernel", "nonsense"):
        with pytest.raises(UnavailableError, match=f"step {name}: there is none for app.service here") as caught:
            plan_unit(ARTICLE, OLD, Wishes(steps=(name,)))
        assert caught.value.hint == "steps: restart-delay, start-limit, own-slice, no-memory-control"
    with pytest.raises(UnavailableError) as caught:
        plan_unit(Unit("a.timer"), OLD, Wishes(steps=("x",)))
    assert caught.value.hint == "steps: none"
