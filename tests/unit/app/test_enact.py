"""A plan is put into force wholly or not at all, and taken back by itself where anything goes wrong."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.systemd import FakeSystemd
from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.app.enact import check_plan, enact_plan, find_unfinished, restore_unfinished, undo_plans
from unreclaim.apply.intents import Intent, choose_place, read_intents, write_intent
from unreclaim.base.errors import OutputError, UnavailableError
from unreclaim.model.plan import Enacted, Plan, Undone
from unreclaim.model.unit import Unit

UNIT = Unit(
    "app.service",
    load_state="loaded",
    fragment_path="/etc/systemd/system/app.service",
    slice="system.slice",
    restart="always",
    restart_seconds=0.001,
    nr_restarts=211,
)
PLAN = plan_unit(UNIT, Facts(systemd=252), Wishes())
BOTH = plan_unit(UNIT, Facts(systemd=252), Wishes(steps=("restart-delay", "no-memory-control")))


def make_tree(top: Path) -> str:
    """Make the directories that every host has."""
    for place in ("etc/systemd/system", "run/systemd/system", "var/lib"):
        (top / place).mkdir(parents=True)
    return str(top)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Give a tree with those."""
    return make_tree(tmp_path)


@pytest.fixture
def systemd(root: str) -> FakeSystemd:
    """Give a systemd that reads that tree."""
    return FakeSystemd(root, UNIT)


def content(_path: str) -> tuple[str, ...]:
    """Verify as a systemd-analyze that has nothing to say."""
    return ()


def tree(root: str) -> list[str]:
    """List what is in the units' directories."""
    top = Path(root)
    places = [top / "etc/systemd/system", top / "run/systemd/system"]
    return sorted(str(path.relative_to(top)) for place in places for path in place.rglob("*"))


def nothing_is_left(root: str) -> bool:
    """Tell whether there is neither a file nor a journal."""
    return tree(root) == [] and not any(read_intents(choose_place(root, runtime=runtime)) for runtime in (False, True))


@pytest.mark.parametrize(("runtime", "base"), [(False, "/etc"), (True, "/run")])
def test_a_plan_is_in_force_and_then_taken_back(root: str, systemd: FakeSystemd, base: str, *, runtime: bool) -> None:
    """Its files are there, systemd was told and holds them; undo removes them and tells systemd again."""
    where = f"{root}{base}/systemd/system"
    paths = (f"{where}/app.service.d/50-unreclaim.conf", f"{where}/system-app.slice.d/50-unreclaim.conf")
    assert check_plan(BOTH, runtime=runtime, root=root) == paths
    assert nothing_is_left(root)
    done = enact_plan(BOTH, systemd, runtime=runtime, root=root, verify=content)
    assert done == Enacted("app.service", paths, runtime, verified=True)
    assert systemd.read_unit("app.service").restart_seconds == 15.0
    assert find_unfinished(root) == ()
    assert undo_plans("app.service", systemd, root=root) == Undone(("app.service",), paths)
    assert systemd.calls == ["Reload", "Reload"]
    assert systemd.read_unit("app.service").restart_seconds == 0.001
    assert nothing_is_left(root)


def test_what_cannot_be_verified_is_said(root: str, systemd: FakeSystemd) -> None:
    """Without systemd-analyze, or without a file of the unit, it is in force all the same."""
    assert not enact_plan(PLAN, systemd, runtime=False, root=root, verify=lambda _path: None).verified
    other = FakeSystemd(root, replace(UNIT, fragment_path=None))
    undo_plans(None, other, root=root)
    assert not enact_plan(PLAN, other, runtime=False, root=root, verify=content).verified


def test_a_new_complaint_takes_it_back_and_an_old_one_does_not(root: str, systemd: FakeSystemd) -> None:
    """Complaints are compared with those of before."""
    said = iter([("old",), ("old", "new"), ("old",), ("old",)])
    with pytest.raises(OutputError, match=r"app.service: systemd-analyze verify: new; the change was taken back"):
        enact_plan(PLAN, systemd, runtime=False, root=root, verify=lambda _path: next(said))
    assert nothing_is_left(root)
    assert systemd.calls == ["Reload", "Reload"]
    assert enact_plan(PLAN, systemd, runtime=False, root=root, verify=lambda _path: next(said)).verified


def test_what_is_not_in_force_is_taken_back(root: str, systemd: FakeSystemd) -> None:
    """Where another drop-in has the last word nothing of ours stays."""
    systemd.overridden = True
    with pytest.raises(OutputError, match="RestartSec=1ms stays in force; the change was taken back"):
        enact_plan(PLAN, systemd, runtime=False, root=root, verify=content)
    assert nothing_is_left(root)


def test_a_plan_of_a_slice_alone_is_checked_by_systemd_alone(root: str) -> None:
    """The unit itself has no drop-in then, and there is no value of it to compare."""
    unit = replace(UNIT, name="foo@1.service", slice="system-foo.slice")
    plan = plan_unit(unit, Facts(systemd=252), Wishes(steps=("no-memory-control",)))
    done = enact_plan(plan, FakeSystemd(root, unit), runtime=False, root=root, verify=content)
    assert [path.rpartition("/system/")[2] for path in done.paths] == ["system-foo.slice.d/50-unreclaim.conf"]


def interrupt(root: str) -> tuple[str, ...]:
    """Be interrupted where systemd-analyze is asked once the drop-ins are there."""
    if tree(root):
        raise KeyboardInterrupt
    return ()


def test_ctrl_c_takes_it_back(root: str, systemd: FakeSystemd) -> None:
    """Nothing is left of it, and systemd has been told."""
    with pytest.raises(KeyboardInterrupt):
        enact_plan(PLAN, systemd, runtime=False, root=root, verify=lambda _path: interrupt(root))
    assert nothing_is_left(root)
    assert systemd.calls == ["Reload", "Reload"]


def test_a_reload_that_fails_takes_it_back(root: str, systemd: FakeSystemd) -> None:
    """If the second one is taken, all is as it was; if not, the next run goes on."""
    systemd.refusing = 1
    with pytest.raises(UnavailableError, match="Reload"):
        enact_plan(PLAN, systemd, runtime=False, root=root, verify=content)
    assert nothing_is_left(root)
    systemd.refusing = 2
    with pytest.raises(OutputError, match="no answer in time; and taking it back failed: D-Bus") as caught:
        enact_plan(PLAN, systemd, runtime=False, root=root, verify=content)
    assert caught.value.hint == "unreclaim undo app.service"
    assert tree(root) == []
    assert find_unfinished(root) == ("app.service",)
    assert restore_unfinished(systemd, root) == ("app.service",)
    assert nothing_is_left(root)


@pytest.mark.parametrize("unit", ["app.service", None])
def test_undo_goes_on_where_a_run_was_killed(root: str, systemd: FakeSystemd, unit: str | None) -> None:
    """It says so, whether that unit was asked for or all."""
    half_done(root, systemd, PLAN)
    assert undo_plans(unit, systemd, root=root) == Undone((), (), restored=("app.service",))
    assert nothing_is_left(root)


def half_done(root: str, systemd: FakeSystemd, plan: Plan) -> None:
    """Leave a plan as one that is killed before its last step does."""
    enact_plan(plan, systemd, runtime=False, root=root, verify=content)
    place = choose_place(root, runtime=False)
    (intent,) = read_intents(place)
    write_intent(place, Intent(intent.unit, intent.drop_ins))


def test_undo_of_nothing(root: str, systemd: FakeSystemd) -> None:
    """A unit that nothing was applied to is an error; all of nothing is nothing."""
    with pytest.raises(UnavailableError, match=r"undo app.service: nothing was applied to it"):
        undo_plans("app.service", systemd, root=root)
    assert undo_plans(None, systemd, root=root) == Undone((), ())
    enact_plan(PLAN, systemd, runtime=False, root=root, verify=content)
    with pytest.raises(UnavailableError, match=r"undo b.service"):
        undo_plans("b.service", systemd, root=root)
    assert tree(root) != []
