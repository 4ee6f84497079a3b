"""Plans and what came of them, for people: the figures first, then steps, files and the way back."""

import pytest
from msgspec.structs import replace

from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.model.gap import Gap
from unreclaim.model.growth import Rate
from unreclaim.model.plan import Application, Enacted, Estimate, Judgement, Undone, UnitWatch
from unreclaim.model.unit import Unit
from unreclaim.render.plan import application_text, plan_text, undone_text

DAY = 86_400
UNIT = Unit("app.service", slice="system.slice", restart="always", restart_seconds=1.0, nr_restarts=23)
LOOP = Estimate(DAY, DAY, DAY)
FACTS = Facts(systemd=252, cycles_per_day=LOOP, bytes_per_cycle=Estimate(700, 600, 800), gaps=(Gap("x", "y", "z"),))
PLAN = plan_unit(UNIT, FACTS, Wishes())
BLIND = plan_unit(UNIT, Facts(systemd=252), Wishes())
RATE = Rate("bytes", 60e6, 50e6, 70e6, 7e6)
WATCH = UnitWatch(
    10.0, 10, LOOP, {"meminfo.sunreclaim_bytes": RATE, "cgroups.memory.dying": Rate("cgroups", 5, 4, 6, 1)}
)
PATH = "/etc/systemd/system/app.service.d/50-unreclaim.conf"


def test_a_plan_says_what_it_comes_to() -> None:
    """Cycles and growth before and after with their intervals, in one sentence, then the steps and what to run."""
    text = plan_text(PLAN, WATCH)
    assert " ".join(text.split("\n\n")[0].split()) == (
        "app.service: 10 starts were seen within 10 seconds. With the steps marked *: cycles/day 86,400 (86,400-86,400)"
        " -> 5,712 (5,666-5,760); growth 60 MB (52 MB-69 MB) -> 4.0 MB (3.4 MB-4.6 MB) a day; 90 % intervals."
    )
    assert "\n* restart-delay       wait 15s before each restart\n" in text
    assert "\n  start-limit         give up after 5 starts within" in text
    assert "Beyond this program\n  kernel" in text
    assert "Ruled out\n  Type=simple instead of Type=exec" in text
    assert "Run next\n  unreclaim apply app.service    shows the change" in text
    assert text.endswith("Not seen\n  x: y; z\n")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("plan", "watch", "said"),
    [
        (BLIND, replace(WATCH, starts=None), "cannot be told."),
        (
            BLIND,
            replace(WATCH, starts=None),
            "its starts could not be counted.",
        ),
        (plan_unit(replace(UNIT, restart="no"), FACTS, Wishes()), replace(WATCH, starts=1), "1 start was seen within"),
        (plan_unit(replace(UNIT, restart="no"), FACTS, Wishes()), WATCH, "There is nothing to change in it by default"),
    ],
)
def test_a_plan_says_what_it_cannot_tell(plan: object, watch: UnitWatch, said: str) -> None:
    """Without a count, without a prediction, or with nothing to change."""
    assert isinstance(plan, type(PLAN))
    assert said in " ".join(plan_text(plan, watch).split("\n\n")[0].split())


def test_advice_is_left_out_where_there_is_none() -> None:
    """A plan of no steps has no empty block."""
    text = plan_text(replace(PLAN, steps=(), chosen=(), drop_ins=()), WATCH)
    assert "Beyond this program" not in text
    assert "Run next" not in text


def test_a_change_is_shown_as_a_difference() -> None:
    """Before it is made: the chosen steps, the file line by line, and the command that makes it."""
    text = application_text(Application(PLAN, WATCH, (PATH,), runtime=False, restored=("b.service",)))
    assert f"--- /dev/null\n+++ {PATH}\n@@ -0,0 +1,5 @@\n+# Written by unreclaim" in text
    assert "\n+[Service]\n+RestartSec=15s\n" in text
    assert "had left half done was taken back first: b.service." in text
    assert "Nothing was changed. To do it:\n  unreclaim apply app.service --yes\n" in text
    assert "start-limit" not in text
    nothing = replace(PLAN, steps=(), chosen=(), drop_ins=())
    assert "Nothing was changed" not in application_text(Application(nothing, WATCH, (), runtime=False))


def test_a_change_that_was_made_says_how_to_take_it_back() -> None:
    """The first word is what happened; the prediction stands there until it is measured."""
    done = Application(PLAN, WATCH, (PATH,), runtime=False, enacted=Enacted("app.service", (PATH,), False, True))  # noqa: FBT003
    assert application_text(done) == (
        "APPLIED to app.service: systemd has read it, and what was asked for is in force.\n\n"
        "Predicted: 5,712 (5,666-5,760) cycles/day.\n\n"
        f"Written\n  {PATH}\n\n"
        "To take it back\n  unreclaim undo app.service\n\n"
        "Not seen\n  x: y; z\n"
    )
    enacted = Enacted("app.service", (PATH,), runtime=True, verified=False)
    plan = BLIND
    text = application_text(Application(plan, WATCH, (PATH,), runtime=True, enacted=enacted))
    assert "APPLIED to app.service until the next boot:" in text
    assert "systemd-analyze is not here, so it was not asked." in " ".join(text.split())
    assert "Predicted" not in text


@pytest.mark.parametrize(
    ("worked", "word"),
    [(True, "WORKED: it is so."), (False, "DID NOT WORK: it is so."), (None, "CANNOT TELL: it is so.")],
)
def test_what_was_measured_stands_beside_what_was_predicted(worked: bool | None, word: str) -> None:  # noqa: FBT001
    """Before, after and predicted, and those figures of the host that are known at both ends."""
    after = replace(WATCH, cycles_per_day=Estimate(5700, 5000, 6400), rates={"meminfo.sunreclaim_bytes": RATE})
    done = Application(
        PLAN,
        WATCH,
        (PATH,),
        runtime=False,
        enacted=Enacted("app.service", (PATH,), runtime=False, verified=True),
        after=after,
        judgement=Judgement(worked, "it is so"),
    )
    block = application_text(done).split("\n\n")[1].splitlines()
    assert block == [
        word,
        "  before              86,400 (86,400-86,400) cycles/day, 10 seconds",
        "  after               5,700 (5,000-6,400) cycles/day, 10 seconds",
        "  predicted           5,712 (5,666-5,760) cycles/day",
        "  SUnreclaim, a day: 60 MB (50 MB to 70 MB) -> 60 MB (50 MB to 70 MB)",
    ]
    uncounted = replace(done, plan=BLIND, after=replace(WATCH, cycles_per_day=None))
    block = application_text(uncounted).split("\n\n")[1].splitlines()
    assert block[2] == "  after               not counted cycles/day, 10 seconds"
    assert block[3] == "  dying memory cgroups, a day: 5 (4 to 6) -> 5 (4 to 6)"


def test_what_was_undone_is_named() -> None:
    """Units and files; what a killed run had left; or that there was nothing."""
    assert undone_text(Undone((), ())) == "Nothing was applied, so there is nothing to take back.\n"
    assert undone_text(Undone(("a.service",), (PATH,), ("b.service",))) == (
        "UNDONE for a.service, b.service: the files are gone, and systemd has been told.\n"
        "  Half done by a run that was killed: b.service.\n"
        f"  {PATH}\n"
    )
    assert undone_text(Undone(("a.service",), (PATH,))).splitlines()[1:] == [f"  {PATH}"]
