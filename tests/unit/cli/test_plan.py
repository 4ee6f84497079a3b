"""``unreclaim plan``, ``apply`` and ``undo``: what they pass on, and what they say with which exit code."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.app.apply_plan import Order
from unreclaim.app.unit_plan import UnitPlanner
from unreclaim.cli import apply, undo
from unreclaim.cli.main import run
from unreclaim.model.plan import Application, Judgement, Plan, Undone, UnitWatch
from unreclaim.model.unit import Unit

Output = pytest.CaptureFixture[str]
UNIT = Unit("app.service", slice="system.slice", restart="always", restart_seconds=0.1, nr_restarts=23)
PLAN = plan_unit(UNIT, Facts(systemd=252), Wishes())
WATCH = UnitWatch(10.0, 10, None)
PATHS = ("/etc/systemd/system/app.service.d/50-unreclaim.conf",)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Plan without a host, and keep what was asked for."""
    calls: list[tuple[Any, ...]] = []

    def plan(_self: UnitPlanner, *arguments: Any) -> tuple[Plan, UnitWatch]:  # noqa: ANN401  of any type
        calls.append(arguments[:3])
        return PLAN, WATCH

    monkeypatch.setattr(UnitPlanner, "plan", plan)
    return calls


def test_plan_passes_wishes_on_and_has_text_and_json(planned: list[tuple[Any, ...]], capsys: Output) -> None:
    """Ten seconds and no wishes by default."""
    assert run(["plan", "app.service"]) == 0
    assert capsys.readouterr().out.startswith("app.service: 10 starts were seen within 10 seconds.")
    options = ["--for", "10m", "--step", "a", "--step", "b", "--restart-sec", "1s", "--max-delay", "5m"]
    assert run(["plan", "app.service", *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["chosen"]) == ("unreclaim.plan/1", ["restart-delay"])
    assert planned == [("app.service", Wishes(), 10.0), ("app.service", Wishes(("a", "b"), 1.0, 300.0), 600.0)]


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Order, bool]]:
    """Apply nothing, and keep the order and whether it would have been agreed to."""
    calls: list[tuple[Order, bool]] = []

    def act(_planner: object, order: Order, agree: Any, **_options: object) -> Application:  # noqa: ANN401  a function
        done = Application(PLAN, WATCH, PATHS, order.runtime)
        calls.append((order, agree(done)))
        judgement = Judgement(worked=False, why="so") if order.verify_seconds else None
        return Application(PLAN, WATCH, PATHS, order.runtime, judgement=judgement)

    monkeypatch.setattr(apply, "apply_plan", act)
    return calls


def test_apply_passes_the_order_on(ordered: list[tuple[Order, bool]], capsys: Output) -> None:
    """Without a terminal nobody agrees; what did not work is exit code 1."""
    assert run(["apply", "app.service"]) == 0
    assert "Nothing was changed." in capsys.readouterr().out
    options = ["--yes", "--runtime", "--verify", "10m", "--for", "5s", "--restart-sec", "15s", "--json"]
    assert run(["apply", "app.service", *options]) == 1
    assert json.loads(capsys.readouterr().out)["worked"] is False
    assert ordered == [
        (Order("app.service", Wishes(), 10.0), False),
        (Order("app.service", Wishes((), 15.0), 5.0, 600.0, runtime=True, yes=True), False),
    ]


@pytest.mark.parametrize(("answer", "agreed"), [("y", True), ("n", False)])
def test_on_a_terminal_the_change_is_shown_and_asked_about(
    ordered: list[tuple[Order, bool]], monkeypatch: pytest.MonkeyPatch, capsys: Output, answer: str, *, agreed: bool
) -> None:
    """The difference is on the screen before the question."""
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda _question: answer == "y")
    assert run(["apply", "app.service"]) == 0
    assert "+RestartSec=15s" in capsys.readouterr().out.partition("Nothing was changed")[0]
    assert ordered[0][1] is agreed


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["app.service"], ("app.service", False)),
        (["--all"], (None, False)),
        (["app.service", "--force"], ("app.service", True)),
    ],
)
def test_undo_passes_on_what_is_to_be_taken_back(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, arguments: list[str], asked: tuple[str | None, bool]
) -> None:
    """One unit or all, edited files only by force; text and JSON."""
    calls = []

    @contextmanager
    def bus() -> Iterator[None]:
        yield

    def take_back(unit: str | None, _systemd: object, *, force: bool) -> Undone:
        calls.append((unit, force))
        return Undone(("app.service",), PATHS)

    monkeypatch.setattr(undo, "open_patient_bus", bus)
    monkeypatch.setattr(undo, "undo_plans", take_back)
    assert run(["undo", *arguments]) == 0
    assert capsys.readouterr().out.startswith("UNDONE for app.service")
    assert run(["undo", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paths"] == list(PATHS)
    assert calls == [asked, asked]


@pytest.mark.parametrize("arguments", [[], ["app.service", "--all"]])
def test_undo_wants_a_unit_or_all(arguments: list[str], capsys: Output) -> None:
    """Neither is a slip, both are a contradiction."""
    assert run(["undo", *arguments]) == 64
    assert "name a unit, or give --all" in capsys.readouterr().err
