"""What the tests of a guest came to, and what is kept of it."""

import argparse

import pytest

from unreclaim.lab.image import PYTHONS
from vmtest.__main__ import command, main
from vmtest.matrix import MATRIX
from vmtest.results import Outcome, Results, document, load, read_junit

XML = b"""<?xml version="1.0"?><testsuites><testsuite tests="4" time="2.5">
<testcase classname="tests.root.test_a" name="test_1"/>
<testcase classname="tests.root.test_a" name="test_2[x]">
<failure message="assert 22 == 23&#10;more">t</failure></testcase>
<testcase classname="tests.live.test_b" name="test_3"><skipped message="no tool"/></testcase>
<testcase classname="" name="tests.live.test_c"><error>no message
second line</error></testcase>
</testsuite></testsuites>"""


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
    results = Results(
        "6.1", "2026-01-02", "s", "u", "v2", "6.1.0", "3.11.2", "tcg", "all", 4, 1, 2.5, read_junit(XML)[2], {}
    )
    assert load(document(results)) == results
    assert b'"schema": "vmtest/1"' in document(results)


def test_a_guest_skips_nothing_and_runs_what_is_asked_for() -> None:
    """In the guest a skip is a failure; all of both places, or the core."""
    assert "CI=true" in command(options())
    assert command(options()).endswith("tests/root tests/live\n")
    assert "tests/root/test_dying.py" in command(options(core=True))
    assert " -k 'a or b' -m 'not slow' " in command(options(tests="a or b", marks="not slow"))
    assert """ -k 'x['"'"'a'"'"']' tests/""" in command(options(tests="x['a']"))


def test_the_python_of_each_userland_is_known() -> None:
    """Packages with compiled parts are chosen by it."""
    assert {guest.userland for guest in MATRIX.values()} <= PYTHONS.keys()


@pytest.mark.parametrize("arguments", [["5.9"], [], ["--record", "-k", "x", "6.1"]])
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown kernel, none at all, or a part that would be kept as the whole."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: vmtest" in capsys.readouterr().err
