"""The workshop keeps its own rules: a skip is no pass in CI, golden files bite, tests are documented."""

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests import machine
from tests.house.source import TOP, settings

SKIPS = """
import pytest


def test_one():
    pytest.skip("no such device")


@pytest.mark.xfail
def test_two():
    raise ValueError
"""
SKIPS_ALL = """
import pytest

pytest.skip("no such device", allow_module_level=True)
"""
COMPARES = """
def test_one(golden):
    golden("help/sample.txt", "new")
"""


@pytest.fixture
def house(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a place to run tests of another source under our conftest."""
    # Plugins would be loaded once for each run, which takes longer than the run.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest((TOP / "tests" / "conftest.py").read_text(encoding="utf-8"))
    return pytester


@pytest.mark.parametrize(
    ("source", "elsewhere", "in_ci"),
    [
        (SKIPS, {"skipped": 1, "xfailed": 1}, {"failed": 1, "xfailed": 1}),
        (SKIPS_ALL, {"skipped": 1}, {"errors": 1}),
    ],
    ids=["test", "file"],
)
def test_skip_is_a_failure_in_ci_only(
    house: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    elsewhere: dict[str, int],
    in_ci: dict[str, int],
) -> None:
    """A test, or a file of tests, that is skipped fails in CI with the reason, and elsewhere does not."""
    house.makepyfile(source)
    monkeypatch.delenv("CI", raising=False)
    assert house.runpytest_inprocess().parseoutcomes() == elsewhere
    monkeypatch.setenv("CI", "true")
    result = house.runpytest_inprocess()
    assert result.parseoutcomes() == in_ci
    result.stdout.fnmatch_lines(["In CI nothing may be skipped. Skipped: no such device"])


def test_golden_file_that_differs_is_a_failure(house: pytest.Pytester) -> None:
    """A golden file must exist and be equal; --update-golden makes it so."""
    house.makepyfile(COMPARES)
    house.runpytest_inprocess().stdout.fnmatch_lines(["*no golden file help/sample.txt*"])
    house.runpytest_inprocess("--update-golden").assert_outcomes(passed=1)
    house.runpytest_inprocess().assert_outcomes(passed=1)
    (house.path / "golden/help/sample.txt").write_text("old", encoding="utf-8")
    house.runpytest_inprocess().stdout.fnmatch_lines(["*help/sample.txt differs*"])


def test_skipping_names_the_way_to_run_it_all_the_same(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that this machine cannot run is skipped with the reason and the override, which is obeyed."""
    house.makepyfile("import pytest\n\n@pytest.mark.root\ndef test_one():\n    pass\n")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("UNRECLAIM_FORCE", raising=False)
    monkeypatch.setattr(machine, "why_not_root", lambda: "not root")
    options = ("-rs", "-o", "markers=root")
    skipped = house.runpytest_inprocess(*options)
    skipped.stdout.fnmatch_lines(["SKIPPED *: not root (UNRECLAIM_FORCE=1 runs it all the same)"])
    monkeypatch.setenv("UNRECLAIM_FORCE", "1")
    house.runpytest_inprocess(*options).assert_outcomes(passed=1)


def test_ci_runs_what_would_be_skipped(tmp_path: Path) -> None:
    """What continuous integration starts makes a skip a failure, and runs what this machine may not be able to."""
    for name, text in ((".ci/run", (TOP / ".ci/run").read_bytes()), ("bootstrap", b'#!/bin/sh\necho "$@"; env\n')):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text)
        file.chmod(0o755)
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([tmp_path / ".ci/run"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "test"
    assert {"CI=true", "UNRECLAIM_FORCE=1"} <= set(done.stdout.splitlines())


def silent_skips(text: str) -> list[int]:
    """Give the lines of a test file that skip without the way to run it all the same."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    ways = {"skip", "skipif", "importorskip"}
    return [call.lineno for call in calls if call.attr in ways and "pytest" in ast.unparse(call)]


def test_every_skip_names_the_way_to_run_it_all_the_same() -> None:
    """Tests skip by `skip_unless_forced` and in no other way."""
    found = {path: silent_skips(path.read_text(encoding="utf-8")) for path in (TOP / "tests").rglob("*.py")}
    assert len(found) > 100
    assert {str(path.relative_to(TOP)) for path, lines in found.items() if lines} == {"tests/machine.py"}


def test_skip_of_any_kind_is_seen() -> None:
    """The check sees a call, a marker and a missing module."""
    text = 'pytest.skip("x")\n@pytest.mark.skipif(True)\ndef f(): pass\npytest.importorskip("x")\nbuffer.skip(3)\n'
    assert silent_skips(text) == [1, 2, 4]


def test_whoever_cannot_make_cgroups_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason tells missing rights from a missing controller."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert machine.why_not_root.__wrapped__() == "not root"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "memory_hierarchy", lambda: None)
    reason = "cannot make a memory cgroup: no hierarchy with the memory controller is mounted"
    assert machine.why_not_root.__wrapped__() == reason


@pytest.mark.root
def test_memory_cgroup_goes_with_all_that_is_in_it() -> None:
    """A test's own memory cgroup hands the controller down, and takes its children and processes along."""
    with machine.new_memory_cgroup() as cgroup:
        child = cgroup / "child"
        child.mkdir()
        assert [file.name for file in child.glob("memory.stat")] == ["memory.stat"]
        process = subprocess.Popen(["sleep", "60"])
        (child / "cgroup.procs").write_text(str(process.pid), encoding="utf-8")
    assert process.wait() == -signal.SIGKILL
    assert not cgroup.exists()


def misnamed_fragments(names: Iterable[str]) -> list[str]:
    """Name each changelog fragment that is not called after its issue and its kind."""
    kinds = "|".join(kind["directory"] for kind in settings()["towncrier"]["type"])
    return [name for name in names if not re.fullmatch(rf"[0-9]+\.({kinds})\.md", name)]


def test_changelog_fragments_are_named_well() -> None:
    """Every fragment will be found when the changelog is written."""
    assert misnamed_fragments(file.name for file in (TOP / "changelog.d").glob("[!.]*")) == []


def test_misnamed_changelog_fragment_is_seen() -> None:
    """The check refuses an unknown kind, a missing number and another suffix."""
    names = ["2.added.md", "31.fixed.md", "2.feature.md", "added.md", "2.added.rst"]
    assert misnamed_fragments(names) == ["2.feature.md", "added.md", "2.added.rst"]


def test_linter_asks_tests_for_docstrings() -> None:
    """The linter refuses a test that does not say what it shows."""
    options = ("--no-cache", "--output-format=concise", "--stdin-filename=tests/unit/test_x.py")
    result = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "check", *options, "-"],
        input='"""Sample."""\n\n\ndef test_x() -> None:\n    assert True\n',
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "D103" in result.stdout
    assert result.returncode == 1
