"""What a recovery came to is said of each group, and a reboot only where every rung was climbed in vain."""

import pytest
from msgspec.structs import replace

from unreclaim.analysis.recovery_outcome import is_exhausted, judge_recovery, rungs_done
from unreclaim.model.census import Holder
from unreclaim.model.recovery import (
    Demand,
    Figures,
    Group,
    Outcome,
    Plan,
    Result,
    Rung,
    RungResult,
    Step,
    StepResult,
)

WAIT, FADVISE, RECLAIM, REMOVE, RESTART, DROP = Rung
NOTHING = Figures(None, None, None, None)
FILE, BARE = (FADVISE, RECLAIM, DROP), (WAIT, RECLAIM, RESTART, DROP)
UNKNOWN = "nothing that is known frees them"


def climbed(*rungs: Rung, refused: bool = False) -> tuple[RungResult, ...]:
    """Climb rungs to their end, caches in two goes; refused: the kernel took no step."""
    found = []
    for rung in rungs:
        result = StepResult(Step(rung, "", ""), done=not refused)
        found += [RungResult(rung, (result,), NOTHING, NOTHING)] * (2 if rung == DROP else 1)
    return tuple(found)


EVERY = climbed(WAIT, FADVISE, RECLAIM, DROP)


def held(identity: int, *ways: tuple[Rung, ...], references: int = 0, pages: bool = True) -> Demand:
    """Make what one cgroup needs."""
    return Demand(identity, frozenset(ways), pages, references, 4096)


def group(*demands: Demand, unit: str | None = "a.service") -> Group:
    """Make a group of 4 KiB each."""
    return Group("/s", unit, 4096 * len(demands), demands)


def outcome(first: Plan, last: Plan, *rungs: RungResult) -> Outcome:
    """Judge the only group."""
    (only,) = judge_recovery(first, last, rungs)
    return only


FILES = group(held(1, FILE), held(2, FILE), held(3, FILE, (REMOVE,)))
STEPS = (
    Step(FADVISE, "drop", "", (1, 2, 3)),
    Step(REMOVE, "remove", "", (3, 9)),
    Step(RESTART, "restart", "", (9,)),
)


def test_a_plan_says_what_each_needs() -> None:
    """Nothing was climbed: each counts at the highest of the lowest rungs of all that holds it, with its steps."""
    plan = Plan((FILES,), STEPS)
    assert outcome(plan, plan) == Outcome(
        "/s",
        "a.service",
        Result.RECOVERABLE,
        0,
        3,
        3 * 4096,
        ((FADVISE, 2), (REMOVE, 1)),
        (STEPS[0], replace(STEPS[1], cgroups=(3,))),
    )


def test_what_is_gone_was_recovered() -> None:
    """A group of which nothing is left is recovered; another one keeps what it needs."""
    other = group(held(9, (REMOVE,)), unit=None)
    found = judge_recovery(Plan((FILES, other), STEPS), Plan((other,), STEPS[1:]), climbed(WAIT, FADVISE))
    assert found == (
        Outcome("/s", "a.service", Result.RECOVERED, 3, 0, 0),
        Outcome(
            "/s",
            None,
            Result.RECOVERABLE,
            0,
            1,
            4096,
            ((REMOVE, 1),),
            (replace(STEPS[1], cgroups=(9,)), STEPS[2]),
        ),
    )


def test_units_are_joined_only_at_first() -> None:
    """Where there are many alike they are one group; those that are left are found whatever they are grouped as."""
    many = group(*(held(number, FILE) for number in range(5)), unit="app-*.service")
    few = group(held(4, FILE), unit="app-4.service")
    found = outcome(Plan((many,), ()), Plan((few,), ()), *climbed(FADVISE))
    assert found == Outcome("/s", "app-*.service", Result.PARTLY, 4, 1, 4096, ((RECLAIM, 1),))


def test_what_a_rung_left_is_the_next_ones() -> None:
    """After fadvise a file that is still there needs reclaim; the steps of fadvise are not offered again."""
    left = Plan((group(held(3, FILE, (REMOVE,)), held(2, FILE)),), STEPS)
    found = outcome(Plan((FILES,), STEPS), left, *climbed(FADVISE))
    assert found == Outcome(
        "/s",
        "a.service",
        Result.PARTLY,
        1,
        2,
        2 * 4096,
        ((RECLAIM, 1), (REMOVE, 1)),
        (replace(STEPS[1], cgroups=(3,)),),
    )


def test_a_rung_that_was_interrupted_is_not_behind() -> None:
    """It was not measured, so it may still help."""
    rungs = (replace(climbed(FADVISE)[0], after=None),)
    assert rungs_done(rungs) == frozenset()
    plan = Plan((FILES,), STEPS)
    assert outcome(plan, plan, *rungs).needs == ((FADVISE, 2), (REMOVE, 1))


def test_a_process_comes_before_what_is_easier() -> None:
    """One cgroup of a group that needs a restart makes the group need it."""
    plan = Plan((group(held(1, FILE), held(2, (RESTART,))),), ())
    assert (outcome(plan, plan).result, outcome(plan, plan).needs) == (Result.RESTART, ((FADVISE, 1), (RESTART, 1)))


@pytest.mark.parametrize("ways", [(), FILE])
def test_what_nothing_frees_is_not_recovered_yet(ways: tuple[Rung, ...]) -> None:
    """Pages that no rung is known for, or that stayed after every one, are no proof for a reboot."""
    plan = Plan((group(held(1, ways)),), ())
    found = outcome(plan, plan, *EVERY)
    assert (found.result, found.needs, found.because) == (Result.NOT_YET, ((None, 1),), UNKNOWN)


PROOF = (
    "every rung was climbed, no memory is left in them, and what still refers to them (3 references) is nothing that "
    "can be seen"
)
LOST = group(held(1, BARE, references=2, pages=False), held(2, BARE, references=1, pages=False))


def test_only_a_reboot_is_said_with_proof() -> None:
    """The ladder was climbed to its end, no page is left, and nothing explains the references."""
    # A file that could not be opened is no link of the proof.
    for rungs in (EVERY, (*climbed(FADVISE, refused=True), *climbed(WAIT, RECLAIM, DROP))):
        found = outcome(Plan((LOST,), ()), Plan((LOST,), ()), *rungs)
        assert (found.result, found.needs, found.because) == (Result.REBOOT, ((None, 2),), PROOF)


KNOWN = Step(RESTART, "let p collect", "", (1, 2), processes=(Holder(7, "p"),))
PAGED = group(*LOST.demands, held(3, FILE, references=0))


@pytest.mark.parametrize(
    ("what", "rungs", "steps", "result"),
    [
        (LOST, climbed(WAIT, FADVISE, RECLAIM), (), Result.RESTART),
        (LOST, climbed(WAIT, RECLAIM, DROP, refused=True), (), Result.RESTART),
        (LOST, EVERY[:-1], (), Result.RESTART),
        (LOST, (*climbed(WAIT, FADVISE, DROP), *climbed(RECLAIM, refused=True)), (), Result.RESTART),
        (LOST, climbed(FADVISE, RECLAIM, DROP), (), Result.RECOVERABLE),
        (LOST, EVERY, (KNOWN,), Result.RESTART),
        (PAGED, EVERY, (), Result.NOT_YET),
        (group(held(1, BARE, references=1)), EVERY, (), Result.RESTART),
        (group(replace(LOST.demands[0], references=None)), EVERY, (), Result.RESTART),
    ],
    ids=[
        "not to the end",
        "refused",
        "half",
        "reclaim refused",
        "not waited",
        "a process is known",
        "pages",
        "seen in part",
        "not exact",
    ],
)
def test_without_proof_it_is_never_only_a_reboot(
    what: Group, rungs: tuple[RungResult, ...], steps: tuple[Step, ...], result: Result
) -> None:
    """Each link of the proof that is missing makes it something that may yet be done."""
    found = outcome(Plan((what,), ()), Plan((what,), steps), *rungs)
    assert found.result == result
    assert found.because in (None, UNKNOWN)


def test_some_freed_and_the_rest_lost_is_partly_recovered() -> None:
    """What a reboot would be needed for is said of the rest."""
    first = group(*LOST.demands, held(3, FILE))
    found = outcome(Plan((first,), ()), Plan((LOST,), ()), *EVERY)
    assert (found.result, found.nr_freed, found.nr_left, found.because) == (Result.PARTLY, 1, 2, PROOF)


def test_the_ladder_ends_with_both_kinds_of_cache() -> None:
    """Pages alone are not all, and an interrupted last step is none."""
    assert is_exhausted(EVERY)
    assert not is_exhausted(())
    assert not is_exhausted((*EVERY[:-1], replace(EVERY[-1], after=None)))
    assert rungs_done((*EVERY[:-1], replace(EVERY[-1], after=None))) == {WAIT, FADVISE, RECLAIM}


# ── without names ───────────────────────────────────────────────────────────────────────────────────────────────

UNNAMED = Group("/s", None, 8192, ())
AT = Step(RECLAIM, "reclaim", "", place="/s")
ELSEWHERE = Step(RECLAIM, "reclaim", "", place="/t/s")
CACHES = Step(DROP, "drop", "")


@pytest.mark.parametrize(
    ("last", "rungs", "expected"),
    [
        (UNNAMED, (), Outcome("/s", None, Result.RECOVERABLE, None, None, 8192, (), (AT, CACHES))),
        (None, climbed(RECLAIM), Outcome("/s", None, Result.RECOVERED, None, None, 0)),
        (
            replace(UNNAMED, bytes=4096),
            climbed(RECLAIM),
            Outcome("/s", None, Result.PARTLY, None, None, 4096, (), (CACHES,)),
        ),
        # It may have become less by itself while nothing was done.
        (replace(UNNAMED, bytes=4096), (), Outcome("/s", None, Result.RECOVERABLE, None, None, 4096, (), (AT, CACHES))),
        (
            UNNAMED,
            EVERY,
            Outcome(
                "/s",
                None,
                Result.NOT_YET,
                None,
                None,
                8192,
                because="what holds them cannot be seen here",
            ),
        ),
    ],
    ids=["plan", "gone", "less", "less by itself", "nothing left to do"],
)
def test_without_names_bytes_are_judged(last: Group | None, rungs: tuple[RungResult, ...], expected: Outcome) -> None:
    """What is held below an ancestor, and the steps that bear on it."""
    steps = (AT, ELSEWHERE, CACHES)
    assert outcome(Plan((UNNAMED,), steps), Plan((last,) if last else (), steps), *rungs) == expected
