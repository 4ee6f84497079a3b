"""What the tests of a guest came to, and what is kept of it; a guest that fails does not end those after it."""

import argparse
from pathlib import Path

import pytest
from msgspec.structs import replace

from unreclaim.base.errors import UnreclaimError
from unreclaim.lab.errors import LabError
from unreclaim.lab.image import PYTHONS, Kernel
from unreclaim.lab.vm import Ended
from vmtest import __main__ as vmtest
from vmtest.__main__ import command, main, make_site
from vmtest.matrix import MATRIX, SYSTEMD
from vmtest.results import Outcome, Results, document, load, read_junit, together

XML = b"""<?xml version="1.0"?><testsuites><testsuite tests="4" time="2.5">
<testcase classname="tests.root.test_a" name="test_1"/>
<testcase classname="tests.root.test_a" name="test_2[x]">
<failure message="assert 22 == 23&#10;more">t</failure></testcase>
<testcase classname="tests.live.test_b" name="test_3"><skipped message="no tool"/></testcase>
<testcase classname="" name="tests.live.test_c"><error>no message
second line</error></testcase>
</testsuite></testsuites>"""


RESULTS = Results(
    "6.1", "2026-01-02", "s", "u", "v2", "6.1.0", "3.11.2", "tcg", "all", 4, 1, 2.5, read_junit(XML)[2], {}
)


def options(*, core: bool = False, tests: str = "", marks: str = "") -> argparse.Namespace:
    """Give what a command line says."""
    return argparse.Namespace(core=core, tests=tests, marks=marks)


def test_each_test_that_did_not_pass_is_named() -> None:
    """Failures, errors and skips with their first line; the rest only as a number."""
    assert read_junit(XML) == (
        4,
        2.5,
        (
            Outcome("tests/root/test_a.py::test_2[x]", "failure", "assert 22 == 23"),
            Outcome("tests/live/test_b.py::test_3", "skipped", "no tool"),
            Outcome(".py::tests.live.test_c", "error", "no message"),
        ),
    )


def test_what_is_kept_is_read_again() -> None:
    """The document says what it is and holds everything."""
    assert load(document(RESULTS)) == RESULTS
    assert b'"schema": "vmtest/1"' in document(RESULTS)


def test_what_was_run_again_is_told_with_what_was_run_before() -> None:
    """Those that pass later are counted as such; another kernel, or a part of them, is no answer."""
    again = replace(RESULTS, date="2026-01-03", tests=3, passed=2, seconds=0.5, not_passed=RESULTS.not_passed[:1])
    assert together(RESULTS, again) == replace(
        RESULTS, date="2026-01-03", passed=3, seconds=3.0, not_passed=RESULTS.not_passed[:1], passed_again=2
    )
    for other in (replace(again, release="6.1.1"), replace(again, tests=2)):
        with pytest.raises(UnreclaimError, match="cannot be run alone"):
            together(RESULTS, other)


def test_a_guest_skips_nothing_and_runs_what_is_asked_for() -> None:
    """In the guest a skip is a failure; all of both places, or the core, or what asks a systemd."""
    guest, with_systemd = MATRIX["6.1"], MATRIX["6.1-systemd"]
    assert "CI=true" in command(options(), guest)
    assert command(options(), guest).endswith("tests/root tests/live\n")
    assert "--deselect tests/root/test_units.py" in command(options(), guest)
    assert "tests/root/test_dying.py" in command(options(core=True), guest)
    assert " -k 'a or b' -m 'not slow' " in command(options(tests="a or b", marks="not slow"), guest)
    chosen = ("tests/root/test_a.py::test_1[a b]", "tests/live/test_b.py::test_2")
    assert command(options(), guest, chosen).endswith(
        " 'tests/root/test_a.py::test_1[a b]' tests/live/test_b.py::test_2\n"
    )
    assert command(options(), with_systemd).endswith(f" {' '.join(SYSTEMD)}\n")
    assert """ -k 'x['"'"'a'"'"']' tests/""" in command(options(tests="x['a']"), guest)


def test_the_python_of_each_userland_is_known() -> None:
    """Packages with compiled parts are chosen by it."""
    assert {guest.userland for guest in MATRIX.values()} <= PYTHONS.keys()


@pytest.mark.parametrize("arguments", [["5.9"], [], ["--record", "-k", "x", "6.1"], ["--again", "--core", "6.1"]])
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown kernel, none at all, or a part that would be kept as the whole."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: vmtest" in capsys.readouterr().err


GOOD = b'<testsuites><testsuite tests="17" time="2.5"/></testsuites>'
SAID = "guest-release: 6.1.0\nguest-python: 3.11.2\n"


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Ended]:
    """Let each kernel that runs end as it is told here, by its Debian; all else of a machine is left out."""
    ended: dict[str, Ended] = {"trixie": Ended(0, SAID, GOOD, "", 1, 2)}
    monkeypatch.setattr(vmtest, "cache_directory", lambda _: tmp_path)
    monkeypatch.setattr(vmtest, "make_kernel", lambda _, suite, __: Kernel(suite, tmp_path, tmp_path, None))
    monkeypatch.setattr(vmtest, "make_root", lambda *_: tmp_path)
    monkeypatch.setattr(vmtest, "choose_accelerator", lambda *_: "tcg")
    monkeypatch.setattr(vmtest, "make_site", lambda *_: tmp_path)
    monkeypatch.setattr(vmtest, "run", lambda machine, *_, **__: ended[machine.kernel.release])
    return ended


@pytest.mark.parametrize(
    ("output", "result", "why"),
    [
        ("boom", b"", "the guest: pytest left no results (exit code 2)"),
        (SAID, GOOD[:-9], "the guest: pytest's results cannot be read: unclosed token: line 1"),
        (SAID, GOOD.replace(b"17", b"x"), "the guest: pytest's results cannot be read: invalid literal for int()"),
        ("a\nb\n", GOOD, "the guest: it did not say which kernel and Python it ran; its last words: a | b"),
        ("guest-python: \n", GOOD, "the guest: it did not say which kernel and Python it ran"),
    ],
)
def test_a_guest_that_leaves_no_results_fails_alone(
    guests: dict[str, Ended], capsys: pytest.CaptureFixture[str], tmp_path: Path, output: str, result: bytes, why: str
) -> None:
    """The reason is said, what it wrote is kept, the kernels after it are run, and the exit code is 1 all the same."""
    guests["bookworm"] = Ended(2, output, result, "panic", 1, 2)
    assert main(["6.1", "6.12", "--log", str(tmp_path / "log")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if why in line] != []
    assert "vmtest: 6.12: 6.1.0, cgroup v2: 17 of 17 tests passed" in lines
    assert lines[-1] == "vmtest: failed: 6.1"
    kept = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "log").iterdir()}
    assert kept == {"6.1.console": "panic", "6.1.output": output}


def test_guests_that_pass_are_a_success(guests: dict[str, Ended], tmp_path: Path) -> None:
    """Nothing is kept of them."""
    guests["bookworm"] = guests["trixie"]
    assert main(["6.1", "6.12", "--log", str(tmp_path / "log")]) == 0
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/sh\necho no network >&2; exit 2", "uv export: exit code 2: no network"),
        ("#!/bin/sh\n[ $1 = export ] || { echo no wheel >&2; exit 1; }", "uv pip: exit code 1: no wheel"),
        (None, "No such file or directory"),
    ],
)
def test_a_uv_that_fails_is_an_error_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, why: str
) -> None:
    """Whichever of its calls it is, and where it is not there at all; nothing half made stays in the cache."""
    uv, cache = tmp_path / "uv", tmp_path / "cache"
    cache.mkdir()
    if script is not None:
        uv.write_text(script, encoding="utf-8")
        uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))
    with pytest.raises(LabError, match=why):
        make_site(cache, (3, 11))
    assert list(cache.iterdir()) == []
