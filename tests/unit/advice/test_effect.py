"""What is in force is compared with what was asked for, and starts after a change with those before it."""

import math

import pytest

from unreclaim.advice.effect import judge_change, not_in_force
from unreclaim.model.plan import Estimate, Judgement, Setting
from unreclaim.model.unit import Unit

OURS, THEIRS = "/etc/systemd/system/a.service.d/50-unreclaim.conf", "/etc/systemd/system/a.service.d/override.conf"
SETTINGS = (
    Setting("a.service", "Service", "RestartSec", "15s"),
    Setting("a.service", "Service", "RestartSteps", "6"),
    Setting("a.service", "Service", "RestartMaxDelaySec", "1min"),
    Setting("a.service", "Unit", "StartLimitIntervalSec", "10s"),
    Setting("a.service", "Unit", "StartLimitBurst", "5"),
    Setting("a.service", "Service", "Slice", "a.slice"),
    Setting("a.service", "Service", "StandardOutput", "journal"),
    Setting("a.slice", "Slice", "DisableControllers", "memory"),
)


def test_what_is_in_force_is_no_problem() -> None:
    """Each value is compared as systemd holds it; what it does not tell is not asked about."""
    unit = Unit(
        "a.service",
        slice="a.slice",
        restart_seconds=15.0,
        restart_steps=6,
        restart_max_delay_seconds=60.0,
        start_limit_interval_seconds=10.0,
        start_limit_burst=5,
        drop_in_paths=(OURS,),
    )
    assert not_in_force(unit, SETTINGS, OURS) == ()
    assert not_in_force(Unit("a.service", drop_in_paths=(OURS,)), SETTINGS, OURS) == ()


def test_what_another_drop_in_overrides_is_named() -> None:
    """override.conf sorts after 50-unreclaim.conf, so its values win."""
    unit = Unit(
        "a.service",
        slice="system.slice",
        restart_seconds=0.001,
        restart_steps=0,
        restart_max_delay_seconds=math.inf,
        drop_in_paths=(OURS, THEIRS),
    )
    end = f" stays in force; {THEIRS} comes later"
    names = ["RestartSec=1ms", "RestartSteps=0", "RestartMaxDelaySec=infinity", "Slice=system.slice"]
    assert list(not_in_force(unit, SETTINGS, OURS)) == [name + end for name in names]
    other = Unit("a.service", restart_seconds=0.001)
    assert not_in_force(other, SETTINGS[:1], OURS) == (f"systemd does not read {OURS}", "RestartSec=1ms stays in force")


BEFORE, PREDICTED = Estimate(100, 80, 120), Estimate(10, 8, 12)


@pytest.mark.parametrize(
    ("after", "worked", "why"),
    [
        (Estimate(11, 9, 13), True, "as often as predicted"),
        (Estimate(5, 3, 7), True, "even less often than predicted"),
        (Estimate(40, 30, 50), False, "but more often than predicted"),
        (Estimate(90, 70, 110), None, "too short to tell"),
        (Estimate(200, 150, 250), False, "more often than before"),
        (None, None, "could not be counted"),
    ],
)
def test_a_change_is_judged_by_intervals(after: Estimate | None, worked: bool | None, why: str) -> None:  # noqa: FBT001
    """A fall is one where the intervals do not meet."""
    judgement = judge_change(BEFORE, after, PREDICTED)
    assert judgement.worked is worked
    assert why in judgement.why


def test_a_change_without_a_prediction_or_without_a_loop() -> None:
    """Without a prediction a fall is a success; where nothing started before nothing can be told."""
    after = Estimate(10, 8, 12)
    assert judge_change(BEFORE, after, None) == Judgement(worked=True, why="the unit starts less often than before")
    assert judge_change(Estimate(0, 0, 30), after, None).worked is None
    assert judge_change(None, after, None).worked is None
