"""What all tests share: skipping with a reason, golden files, memory cgroups of a test's own."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.machine import (
    memory_is_v1,
    new_disk_directory,
    new_memory_cgroup,
    pages_pin,
    remove_leftovers,
    skip_unless_forced,
    systemd_is_first,
    why_not_live,
    why_not_root,
)

IN_CI = bool(os.environ.get("CI"))
GOLDEN = Path(__file__).parent / "golden"
NEEDED = (
    ("pages_pin", pages_pin, "this kernel gives a removed cgroup's pages to its parent"),
    ("own_systemd", systemd_is_first, "PID 1 is no systemd here"),
    ("memory_v1", memory_is_v1, "memory cgroups are on v2 here, or nowhere"),
)
"""What tests ask of a kernel by a marker, and why they are left out where it is not so."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our own options."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew, compare nothing")


def pytest_sessionstart() -> None:
    """Begin on a host without what tests left that were killed."""
    if os.geteuid() == 0 and (removed := remove_leftovers()):
        sys.stderr.write(f"removed {removed} cgroups and files of tests that were killed\n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this kernel does not do: it is no skip, for there is nothing that could be made to run."""
    for marker, does, _ in NEEDED:
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not does():
            items[:] = [item for item in items if item not in marked]
            config.hook.pytest_deselected(items=marked)


def pytest_report_collectionfinish() -> list[str]:
    """Say why tests were left out."""
    return [f"left out: tests marked {marker}, because {why}" for marker, does, why in NEEDED if not does()]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that this machine cannot run, with the reason and the way to run it all the same."""
    for marker, why_not in (("live", why_not_live), ("root", why_not_root)):
        if item.get_closest_marker(marker) and (reason := why_not()):
            skip_unless_forced(reason)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped test a failure in CI."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_if_skipped_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a skipped test file a failure in CI."""
    report = yield
    _fail_if_skipped_in_ci(report)
    return report


def _fail_if_skipped_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI nothing may be skipped. {reason}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Give ``golden(name, text)``, which compares a text with the file of that name below tests/golden/."""
    update = request.config.getoption("update_golden")

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        else:
            assert path.exists(), f"no golden file {name}; if it is to be, run: just golden"
            assert text == path.read_text(encoding="utf-8"), f"{name} differs; if it is to, run: just golden"

    return compare


@pytest.fixture
def memory_cgroup() -> Iterator[Path]:
    """Give a memory cgroup of the test's own; it and all below it is ended and removed afterwards."""
    with new_memory_cgroup() as cgroup:
        yield cgroup


@pytest.fixture
def disk() -> Iterator[Path]:
    """Give a directory on a disk: /tmp may be a tmpfs, whose files pin cgroups in another way."""
    with new_disk_directory() as directory:
        yield directory
