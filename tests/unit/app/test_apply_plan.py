"""What is ordered is done, what is not agreed to is not, and a crash before is mended first."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fakes.systemd import FakeSystemd
from tests.unit.app.test_enact import make_tree, tree
from tests.unit.app.test_unit_plan import UNIT, Stage, census
from unreclaim.advice.planner import Wishes
from unreclaim.app.apply_plan import Order, apply_plan
from unreclaim.app.exit_codes import application_exit_code
from unreclaim.apply.intents import Intent, choose_place, read_intents, write_intent
from unreclaim.base.errors import OutputError
from unreclaim.model.plan import Application

ORDER = Order("app.service", Wishes(), 10.0)
YES = Order("app.service", Wishes(), 10.0, yes=True)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Give a tree without drop-ins."""
    return make_tree(tmp_path)


@pytest.fixture
def stage(root: str) -> Stage:
    """Give a host with that tree, and a unit that systemd knows no file of, so that nobody is asked to verify it."""
    stage = Stage(UNIT, *(census() for _ in range(4)))
    stage.systemd = FakeSystemd(root, UNIT)
    return stage


def run(stage: Stage, root: str, order: Order, *, agree: bool = False) -> Application:
    """Carry out an order."""
    return apply_plan(stage.planner(), order, lambda _application: agree, stage.systemd.open, root=root)


def test_nothing_is_done_that_was_not_agreed_to(root: str, stage: Stage) -> None:
    """Without a yes the plan comes back with the paths that it would write."""
    done = run(stage, root, ORDER)
    assert (done.enacted, done.after, application_exit_code(done)) == (None, None, 0)
    assert done.paths == (f"{root}/etc/systemd/system/app.service.d/50-unreclaim.conf",)
    assert tree(root) == []
    assert run(stage, root, ORDER, agree=True).enacted is not None
    assert len(tree(root)) == 2


def test_a_plan_without_a_drop_in_is_not_asked_about(root: str, stage: Stage) -> None:
    """There is nothing to agree to."""
    stage.systemd = FakeSystemd(root, replace(UNIT, restart="no"))
    assert run(stage, root, YES).enacted is None


def test_what_was_ordered_is_measured(root: str, stage: Stage) -> None:
    """23 starts before and 23 after are no fall: that is said, and is exit code 3."""
    done = run(stage, root, Order("app.service", Wishes(), 10.0, verify_seconds=20.0, yes=True))
    assert done.before.seconds == 20.0
    assert done.after is not None
    assert (done.after.seconds, done.after.starts) == (20.0, 23)
    assert done.judgement is not None
    assert (done.judgement.worked, application_exit_code(done)) == (None, 3)
    assert stage.host.clock.gone == 40.0


def test_a_crash_before_is_mended_first(root: str, stage: Stage) -> None:
    """With --yes what is half done is taken back and the plan made anew; else it is said and nothing is done."""
    run(stage, root, YES)
    place = choose_place(root, runtime=False)
    (intent,) = read_intents(place)
    write_intent(place, Intent(intent.unit, intent.drop_ins))
    with pytest.raises(OutputError, match="a run that was killed left its change half done") as caught:
        run(stage, root, ORDER, agree=True)
    assert caught.value.hint == "unreclaim undo --all takes it back"
    assert Path(f"{root}/etc/systemd/system/app.service.d/50-unreclaim.conf").exists()
    done = run(stage, root, YES)
    assert done.restored == ("app.service",)
    assert done.enacted is not None
    assert [each.done for each in read_intents(place)] == [True]
