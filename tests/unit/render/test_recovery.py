"""A recovery as text and JSON: what came of it first, then each rung with its figures, then what is left to do."""

import json

import pytest
from msgspec.structs import replace

from unreclaim.model.census import Holder, Pin, PinKind
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container
from unreclaim.model.recovery import (
    DROP_CACHES,
    Figures,
    Outcome,
    Recovery,
    Result,
    Rung,
    RungResult,
    Step,
    StepResult,
)
from unreclaim.render.as_json import encode
from unreclaim.render.recovery import recovery_document, recovery_text

LOG = Pin(PinKind.PAGE_CACHE, 94_208, 23, "/var/log/app.log", "8:1", 7)
DB = Holder(80, "db")
DROP = Step(Rung.FADVISE, "drop the cache of /var/log/app.log", "it is read again", tuple(range(23)), LOG)
MORE = Step(Rung.FADVISE, "drop the cache of /x\ny", "it is read again", (1,), obstacle="mapped by db (pid 80)")
AT = Step(Rung.RECLAIM, "reclaim below /s", "live ones lose too", (1, 2), place="/s", file="/cg/s/f", texts=("0",))
REMOVE = Step(Rung.REMOVE, "remove /run/x", "it is lost", (3,), command="rm -- " + "/run/x" * 20)
RESTART = Step(Rung.RESTART, "restart db (pid 80)", "its work is interrupted", (4,), processes=(DB,))
CACHES = Step(Rung.DROP_CACHES, "drop the page cache", "", file=DROP_CACHES, texts=("1",))
GAP = Gap("some pins", "2 lists changed", "run census again")
BEFORE, AFTER = Figures(23, 40, 123_000_000, 20_000_000), Figures(0, 17, 122_700_000, 19_900_000)
CLIMBED = RungResult(Rung.FADVISE, (StepResult(DROP, done=True),), BEFORE, AFTER)


def group(result: Result, freed: int | None, left: int | None, *steps: Step, **more: object) -> Outcome:
    """Make an outcome below /s."""
    return replace(Outcome("/s", "app.service", result, freed, left, 94_208, (), steps), **more)


def plan(*outcomes: Outcome, target: str | None = None, backend: str = "bpf", **more: object) -> Recovery:
    """Make the plan of a recovery."""
    return replace(Recovery(backend, None, target, (), outcomes), **more)


WHOLE = group(
    Result.RESTART,
    0,
    27,
    DROP,
    MORE,
    AT,
    REMOVE,
    RESTART,
    CACHES,
    needs=((Rung.FADVISE, 23), (Rung.RECLAIM, 2), (Rung.REMOVE, 1), (Rung.RESTART, 1)),
    processes=(DB,),
)


def test_a_plan_names_every_step_with_its_cost() -> None:
    """The verdict, the group with what frees how many, the steps by rung, what to run next, and the gaps."""
    assert recovery_text(plan(WHOLE, target="/s", gaps=(GAP, Gap("y", "z")))).splitlines() == [
        "27 memory cgroups are dying at or below /s. They would be freed: 23 by fadvise, 2 by reclaim, 1 by",
        "  removing what holds them, 1 by restarting a process. Nothing was changed.",
        "",
        "27 below /s, of app.service, 94 kB: needs restart of db (pid 80) (23 by fadvise, 2 by reclaim, 1 by",
        "  removing what holds them, 1 by restarting a process)",
        "  fadvise      drop the cache of /var/log/app.log (23 of them; it is read again)",
        "               drop the cache of /x\\ny (1 of them)",
        "                 mapped by db (pid 80)",
        "  reclaim      reclaim below /s (2 of them; live ones lose too)",
        "  remove       remove /run/x (1 of them; it is lost)",
        "                 rm -- " + "/run/x" * 20,
        "  restart      restart db (pid 80) (1 of them; its work is interrupted)",
        "  drop-caches  drop the page cache",
        "",
        "Run next",
        "  unreclaim reclaim --yes --up-to fadvise --target /s",
        "",
        "Not seen",
        "  some pins: 2 lists changed; run census again",
        "  y: z",
    ]


def test_inside_a_container_the_steps_belong_on_its_host() -> None:
    """It is said before the plan, with the signs; what to run next is to be run there, where paths are others."""
    container = Container("docker", ("the container manager is docker",))
    found = group(Result.RECOVERABLE, 0, 23, DROP, needs=((Rung.FADVISE, 23),))
    assert recovery_text(plan(found, target="/s", container=container)).splitlines() == [
        "23 memory cgroups are dying at or below /s. They would be freed: 23 by fadvise. Nothing was changed.",
        "",
        "Inside a container",
        "  kernel memory, slab and per-CPU memory are the host's; the steps belong there too: run unreclaim",
        "    reclaim on the container's host",
        "  the container manager is docker",
        "",
        "23 below /s, of app.service, 94 kB: recoverable by fadvise",
        "  fadvise      drop the cache of /var/log/app.log (23 of them; it is read again)",
        "",
        "Run next",
        "  run unreclaim reclaim on the container's host",
    ]
    document = json.loads(encode(recovery_document(plan(container=container))))
    assert document["container"] == {
        "kind": "docker",
        "evidence": ["the container manager is docker"],
        "faked": [],
    }


def test_what_was_done_comes_with_its_figures() -> None:
    """Everything freed: the verdict says so, the rung is measured, and nothing is left to run."""
    done = group(Result.RECOVERED, 23, 0, bytes=0)
    assert recovery_text(plan(done, up_to=Rung.FADVISE, rungs=(CLIMBED,))).splitlines() == [
        "RECOVERED: 23 of 23 dying memory cgroups were freed.",
        "",
        "What was done",
        "  fadvise      1 step: dying 23 to 0, on this host 40 to 17, SUnreclaim 123 MB to 123 MB, per-CPU 20",
        "               MB to 20 MB",
        "",
        "23 below /s, of app.service: recovered",
    ]


def test_steps_that_failed_are_told_the_first_of_many() -> None:
    """Why a step was not done, or less of it; of many the first five."""
    failed = StepResult(MORE, done=False, note="another file is there")
    less = StepResult(AT, done=True, note="less than 17 MB could be reclaimed")
    rung = RungResult(Rung.RECLAIM, (less, *(failed,) * 6), BEFORE, Figures(20, None, None, None))
    left = group(Result.PARTLY, 3, 20, needs=((Rung.REMOVE, 20),))
    text = recovery_text(plan(left, up_to=Rung.RECLAIM, rungs=(rung,))).splitlines()
    assert text == [
        "3 of 23 dying memory cgroups were freed; the rest: 20 by removing what holds them.",
        "",
        "What was done",
        "  reclaim      1 step: dying 23 to 20, on this host 40, SUnreclaim 123 MB, per-CPU 20 MB",
        "               reclaim below /s: less than 17 MB could be reclaimed",
        *(["               not done: drop the cache of /x\\ny: another file is there"] * 4),
        "               and 2 more like it",
        "",
        "23 below /s, of app.service, 94 kB: partly recovered, 3 were freed",
    ]


def test_an_interrupt_is_told_with_the_rung() -> None:
    """How far it got: on which rung, and that what follows was seen before."""
    rung = replace(CLIMBED, steps=(), before=Figures(23, None, None, None), after=None)
    left = group(Result.RECOVERABLE, 0, 23, needs=((Rung.FADVISE, 23),))
    text = recovery_text(plan(left, rungs=(rung,), interrupted=True)).splitlines()
    assert text[0] == (
        "0 of 23 dying memory cgroups were freed; the rest: 23 by fadvise. Interrupted on the rung fadvise:"
    )
    assert text[1:5] == [
        "  this is what was seen last.",
        "",
        "What was done",
        "  fadvise      0 steps, not measured afterwards: dying 23",
    ]
    early = recovery_text(plan(left, interrupted=True)).splitlines()
    assert (
        early[0]
        == "23 memory cgroups are dying. They would be freed: 23 by fadvise. Interrupted: this is what was seen"
    )


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (group(Result.RECOVERABLE, 0, 2, needs=((Rung.WAIT, 2),)), "recoverable by wait"),
        (group(Result.RESTART, 0, 2), "needs restart of a process that was not seen"),
        (
            group(Result.RESTART, 0, 2, processes=tuple(Holder(pid, "p") for pid in range(6))),
            "needs restart of p (pid 0), p (pid 1), p (pid 2), p (pid 3) and 2 more",
        ),
        (group(Result.REBOOT, 0, 2, because="of it", needs=((None, 2),)), "reboot only, because of it"),
        (group(Result.NOT_YET, 0, 2, because="nobody knows"), "not recovered yet: nobody knows"),
        (group(Result.PARTLY, 1, 1, because="of it"), "partly recovered, 1 were freed; of it"),
    ],
)
def test_each_result_is_a_sentence(outcome: Outcome, line: str) -> None:
    """What a group came to, and by whom or why."""
    text = recovery_text(plan(replace(outcome, unit=None, bytes=0)))
    assert f"\n\n2 below /s: {line}\n" in text


def test_nothing_known_and_nothing_to_run() -> None:
    """What no rung frees is said in the verdict, and no command is offered that would not help."""
    one = group(Result.NOT_YET, 0, 1, because="nobody knows", needs=((None, 1),))
    text = recovery_text(plan(one))
    assert text.startswith(
        "1 memory cgroup is dying. It would be freed: 1 by nothing that is known. Nothing was changed.\n"
    )
    assert "Run next" not in text
    waiting = group(Result.RECOVERABLE, 0, 1, needs=((Rung.WAIT, 1), (Rung.REMOVE, 1)))
    assert "Run next" not in recovery_text(plan(waiting))


def test_nothing_dying_is_one_line() -> None:
    """An empty plan says where nothing was found, and that nothing was changed."""
    assert recovery_text(plan()) == "No dying memory cgroup was found. Nothing was changed.\n"
    assert recovery_text(plan(target="/")) == "No dying memory cgroup was found. Nothing was changed.\n"
    unnamed = recovery_text(plan(target="/s x", backend="residual charge", dying_on_host=19))
    assert unnamed == "No memory that dying memory cgroups hold was found at or below /s x. Nothing was changed.\n"


@pytest.mark.parametrize(
    ("number", "said"), [(23, "23 memory cgroups are"), (None, "It is not known how many memory cgroups are")]
)
def test_nothing_seen_is_not_nothing_dying(number: int | None, said: str) -> None:
    """Where many are dying, or nobody counts them, and nothing of them is seen, that is what is said."""
    unseen = plan(backend="residual charge", dying_on_host=number)
    assert recovery_text(unseen).replace("\n  ", " ") == (
        f"{said} dying on this host, and no memory that they hold was found; what keeps them cannot be seen here. "
        "Nothing was changed.\n"
    )
    assert recovery_document(unseen)["dying_on_host"] == number


def test_without_names_there_are_bytes() -> None:
    """What is held below which cgroup, and what can be done there; the target is quoted for the shell."""
    outcome = Outcome("/s", None, Result.RECOVERABLE, None, None, 8192, (), (replace(AT, cgroups=()), CACHES))
    text = recovery_text(plan(outcome, target="/s x", backend="residual charge"))
    assert text.splitlines() == [
        "Dying memory cgroups hold 8.2 kB at or below /s x; which ones they are cannot be told here. Nothing",
        "  was changed.",
        "",
        "below /s, 8.2 kB: recoverable by reclaim, drop-caches",
        "  reclaim      reclaim below /s (live ones lose too)",
        "  drop-caches  drop the page cache",
        "",
        "Run next",
        "  unreclaim reclaim --yes --up-to reclaim --target '/s x'",
    ]
    partly = replace(outcome, result=Result.PARTLY, bytes=0)
    assert "below /s: partly recovered\n" in recovery_text(plan(partly, backend="residual charge"))


def test_many_steps_are_cut_short() -> None:
    """Of many files the first four are written out; JSON has the first fifty and the number."""
    many = group(Result.RECOVERABLE, 0, 60, *(DROP,) * 60, needs=((Rung.FADVISE, 60),))
    lines = recovery_text(plan(many)).splitlines()
    assert lines[3:8] == [
        "  fadvise      drop the cache of /var/log/app.log (23 of them; it is read again)",
        *(["               drop the cache of /var/log/app.log (23 of them)"] * 3),
        "               and 56 more",
    ]
    rung = replace(CLIMBED, steps=CLIMBED.steps * 60)
    document = json.loads(encode(recovery_document(plan(many, rungs=(rung,)))))
    assert (document["groups"][0]["nr_steps"], len(document["groups"][0]["steps"])) == (60, 50)
    counts = [document["rungs"][0][name] for name in ("nr_steps", "nr_done")]
    assert (counts, len(document["rungs"][0]["steps"])) == ([60, 60], 50)


def test_the_json_has_all_of_it() -> None:
    """Every key of a plan and of a climb."""
    held = group(Result.RESTART, 3, 1, RESTART, needs=((Rung.RESTART, 1), (None, 1)), processes=(DB,), because="of it")
    document = recovery_document(plan(held, up_to=Rung.FADVISE, rungs=(CLIMBED,), gaps=(GAP,), dying_on_host=17))
    assert json.loads(encode(document)) == {
        "schema": "unreclaim.reclaim/1",
        "backend": "bpf",
        "target": None,
        "up_to": "fadvise",
        "interrupted": False,
        "dying_on_host": 17,
        "container": None,
        "rungs": [
            {
                "rung": "fadvise",
                "before": {
                    "dying": 23,
                    "dying_on_host": 40,
                    "sunreclaim_bytes": 123_000_000,
                    "percpu_bytes": 20_000_000,
                },
                "after": {
                    "dying": 0,
                    "dying_on_host": 17,
                    "sunreclaim_bytes": 122_700_000,
                    "percpu_bytes": 19_900_000,
                },
                "nr_steps": 1,
                "nr_done": 1,
                "steps": [{"what": DROP.what, "done": True, "note": None}],
            }
        ],
        "groups": [
            {
                "ancestor": "/s",
                "unit": "app.service",
                "result": "needs restart",
                "nr_freed": 3,
                "nr_left": 1,
                "bytes": 94_208,
                "needs": [{"rung": "restart", "nr_cgroups": 1}, {"rung": None, "nr_cgroups": 1}],
                "processes": [{"pid": 80, "name": "db", "descriptor": None}],
                "because": "of it",
                "nr_steps": 1,
                "steps": [
                    {
                        "rung": "restart",
                        "what": "restart db (pid 80)",
                        "cost": "its work is interrupted",
                        "obstacle": None,
                        "nr_cgroups": 1,
                        "path": None,
                        "device": None,
                        "inode": None,
                        "bytes": None,
                        "cgroup": None,
                        "file": None,
                        "texts": [],
                        "processes": [{"pid": 80, "name": "db", "descriptor": None}],
                        "command": None,
                    }
                ],
            }
        ],
        "gaps": [{"what": "some pins", "why": "2 lists changed", "remedy": "run census again"}],
    }
    step = recovery_document(plan(group(Result.RECOVERABLE, 0, 23, DROP)))["groups"]
    assert '"path":"/var/log/app.log","device":"8:1","inode":7,"bytes":94208' in encode(step, pretty=False)
