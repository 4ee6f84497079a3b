"""``unreclaim reclaim``: dry unless told otherwise, and never further than it was told."""

import json
from typing import Any

import pytest

from unreclaim.cli import reclaim
from unreclaim.cli.main import run
from unreclaim.model.recovery import LADDER, Figures, Outcome, Recovery, Result, Rung, RungResult

Output = pytest.CaptureFixture[str]
LEFT = Outcome("/s", None, Result.RECOVERABLE, 0, 23, 4096, ((Rung.RECLAIM, 23),))
RUNG = RungResult(Rung.FADVISE, (), Figures(23, 40, None, None), None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Recover nothing, and keep what was asked for."""
    calls: list[dict[str, Any]] = []

    def recover(_source: object, _clock: object, **options: Any) -> Recovery:  # noqa: ANN401  options of any type
        calls.append(options)
        return Recovery("bpf", options["up_to"], options["target"], (), (LEFT,))

    monkeypatch.setattr(reclaim, "recover_host", recover)
    return calls


@pytest.mark.parametrize(
    ("arguments", "up_to", "target", "code"),
    [
        ([], None, None, 0),
        (["--up-to", "drop-caches"], None, None, 0),
        (["--yes"], Rung.FADVISE, None, 1),
        *((["--yes", "--up-to", rung.value], rung, None, 1) for rung in LADDER),
        (["--target", "/s", "--yes"], Rung.FADVISE, "/s", 1),
    ],
)
def test_it_acts_only_when_told_and_only_so_far(
    asked: list[dict[str, Any]], arguments: list[str], up_to: Rung | None, target: str | None, code: int
) -> None:
    """Without --yes nothing is done whatever is said besides; with it the default ends at the pinning files."""
    assert run(["reclaim", *arguments]) == code
    assert asked == [{"up_to": up_to, "target": target, "progress": None}]


def test_text_and_json_say_the_same(capsys: Output, asked: list[dict[str, Any]]) -> None:
    """The text for people, the document with --json."""
    assert run(["reclaim"]) == 0
    assert capsys.readouterr().out.startswith("23 memory cgroups are dying. They would be freed: 23 by reclaim.")
    assert run(["reclaim", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["groups"][0]["nr_left"]) == ("unreclaim.reclaim/1", 23)
    assert len(asked) == 2


def test_an_interrupted_climb_says_how_far_it_got_and_ends_with_130(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is printed before the program ends as after any Ctrl-C."""
    found = Recovery("bpf", Rung.FADVISE, None, (RUNG,), (LEFT,), interrupted=True)
    monkeypatch.setattr(reclaim, "recover_host", lambda *_, **__: found)
    assert run(["reclaim", "--yes"]) == 130
    output, error = capsys.readouterr()
    assert "Interrupted on the rung fadvise" in output
    assert error.strip() == "unreclaim: interrupted"


def test_a_rung_that_is_none_is_wrong_usage(capsys: Output) -> None:
    """The names of the rungs are told."""
    assert run(["reclaim", "--up-to", "reboot"]) == 64
    assert capsys.readouterr().err == (
        "unreclaim: Invalid value for '--up-to': 'reboot' is not one of 'wait', 'fadvise', 'reclaim', 'remove', "
        "'restart', 'drop-caches'.\nhint: unreclaim reclaim --help\n"
    )
