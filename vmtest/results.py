"""What the tests of one guest came to: from pytest's JUnit XML to the document that is kept in docs/lab/."""

import datetime as dt
import re
import xml.etree.ElementTree as ET

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from unreclaim.base.errors import UnreclaimError
from unreclaim.lab.errors import LabError


class Outcome(Struct, frozen=True):
    """A test that did not pass, and the last line of why."""

    test: str
    what: str
    why: str


class Results(Struct, frozen=True):
    """The tests of a guest. date: ISO 8601; selection: ``all``, ``core`` or ``systemd``.

    not_passed: failures, errors and skips. passed_again: of those that passed, how many did so in a later run of what
    had not passed.
    """

    name: str
    date: str
    suite: str
    userland: str
    cgroup: str
    release: str
    python: str
    accelerator: str
    selection: str
    tests: int
    passed: int
    seconds: float
    not_passed: tuple[Outcome, ...]
    left_out: dict[str, str]
    passed_again: int = 0


def read_junit(xml: bytes) -> tuple[int, float, tuple[Outcome, ...]]:
    """Give the number of tests, their seconds, and those that did not pass.

    Raises:
        LabError: it is cut off, or no JUnit XML at all.

    """
    try:
        return _read_junit(ET.fromstring(xml))  # noqa: S314  of a guest that ran our own tests
    except (ET.ParseError, ValueError) as error:
        raise LabError("the guest", f"pytest's results cannot be read: {error}") from error


def _read_junit(root: ET.Element) -> tuple[int, float, tuple[Outcome, ...]]:
    suites = root.iter("testsuite")
    tests, seconds, outcomes = 0, 0.0, []
    for suite in suites:
        tests += int(suite.get("tests", "0"))
        seconds += float(suite.get("time", "0"))
        for case in suite.iter("testcase"):
            for child in case:
                if child.tag in ("failure", "error", "skipped"):
                    why = (child.get("message") or child.text or "").strip().splitlines()
                    name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
                    outcomes.append(Outcome(name, child.tag, why[0] if why else ""))
    return tests, seconds, tuple(outcomes)


def read_versions(output: str) -> tuple[str, str]:
    """Give the releases of the kernel and of Python that the guest's script told.

    Raises:
        LabError: it did not.

    """
    said = dict(re.findall(r"^guest-(release|python): (.*\S)", output, re.MULTILINE))
    if said.keys() != {"release", "python"}:
        last = " | ".join(output.strip().splitlines()[-4:])
        raise LabError("the guest", f"it did not say which kernel and Python it ran; its last words: {last or 'none'}")
    return said["release"], said["python"]


def together(before: Results, again: Results) -> Results:
    """Give what a run came to with a later one of those tests alone that had not passed.

    Raises:
        UnreclaimError: that ran on another kernel, or not all of them did.

    """
    if again.release != before.release or again.tests != len(before.not_passed):
        raise UnreclaimError(before.name, "what did not pass cannot be run alone", hint="run all of it")
    return replace(
        before,
        date=again.date,
        passed=before.passed + again.passed,
        seconds=round(before.seconds + again.seconds, 1),
        not_passed=again.not_passed,
        passed_again=before.passed_again + again.passed,
    )


def today() -> str:
    """Give the date of a run."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def document(results: Results) -> bytes:
    """Give what is kept of a run."""
    fields = msgspec.to_builtins(results)
    return msgspec.json.format(msgspec.json.encode({"schema": "vmtest/1", **fields}), indent=2) + b"\n"


def load(raw: bytes) -> Results:
    """Read what was kept of a run."""
    return msgspec.json.decode(raw, type=Results)
