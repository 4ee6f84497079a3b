"""Real dying memory cgroups on this kernel: counted, explained, captured, and gone when their files go."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.machine import memory_hierarchy, statistics_are_exact
from tests.root.children import leave_behind
from tests.root.workload import PRIME, as_nobody, leave_dying, remove_files, settle_pages

T = TypeVar("T")

pytestmark = [pytest.mark.live, pytest.mark.root]

_ATTEMPTS = 10


def unreclaim(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the program and give its exit code and its JSON."""
    result = subprocess.run(
        [sys.executable, "-m", "unreclaim", *arguments], capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    return result.returncode, json.loads(result.stdout)


def count_dying() -> int:
    """Count dying memory cgroups without the program: the kernel's counter, or counters against directories."""
    hierarchy = memory_hierarchy()
    assert hierarchy is not None
    stat = hierarchy / "cgroup.stat"
    if stat.exists():
        values = dict(line.split() for line in stat.read_text().splitlines())
        return int(values.get("nr_dying_subsys_memory", values["nr_dying_descendants"]))
    while True:
        before = _num_cgroups()
        live = sum(1 for _ in os.walk(hierarchy))
        if _num_cgroups() == before:
            return before - live


def _num_cgroups() -> int:
    for line in Path("/proc/cgroups").read_text().splitlines():
        name, _, number, _ = line.split()
        if name == "memory":
            return int(number)
    raise AssertionError("/proc/cgroups has no memory row")


def settled() -> int:
    """Wait until the count of dying cgroups stays as it is for a moment, and give it."""
    settle_pages()
    count = count_dying()
    for _ in range(100):
        time.sleep(0.3)
        again = count_dying()
        if again == count:
            return count
        count = again
    return count


def undisturbed(look: Callable[[], T]) -> tuple[int, T]:
    """Look at the host while a second source sees no cgroup come or go; give the count of dying ones, and the look."""
    for _ in range(_ATTEMPTS):
        before = settled()
        seen = look()
        if count_dying() == before:
            return before, seen
    pytest.fail("other processes' cgroups came and went in every attempt")


def diagnosed() -> tuple[int, dict[str, Any]]:
    """Diagnose this host, and count what is dying beside it."""
    return undisturbed(lambda: unreclaim("diagnose", "--json", "--for", "0")[1])


def s1_is_said(document: dict[str, Any]) -> bool:
    """Tell whether dying cgroups are said to be held by page cache."""
    return "S1" in [finding["id"] for finding in document["findings"]]


def s1_is_explained(document: dict[str, Any]) -> bool:
    """Tell whether the charges leave a quarter page for each dying cgroup of the host, ours and others'."""
    rows = document["residual_charges"]
    return rows is None or sum(row["file_bytes"] for row in rows) >= 1024 * document["cgroups"]["memory"]["dying"]


def gaps(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what could not be seen, but for charges where another run of the tests keeps too many cgroups."""
    return [gap for gap in document["gaps"] if gap["what"] != "what dying cgroups hold"]


@pytest.mark.pages_pin
def test_diagnose_counts_exactly_the_cgroups_that_page_cache_pins(memory_cgroup: Path, disk: Path) -> None:
    """23 removed cgroups with a file each are 23 more dying, S1, and gone when the files are deleted.

    Other processes' cgroups come and go here: each diagnosis says what a second source counts at that moment, and that
    these are 23 more or fewer is shown where nobody else's came or went meanwhile.
    """
    # Where the kernel does not print a cgroup's own page cache (v2), only one with live children is looked at.
    (memory_cgroup / "live").mkdir()
    others, before = diagnosed()
    for _ in range(_ATTEMPTS):
        start = settled()
        leave_dying(memory_cgroup, disk)
        if settled() - start == PRIME:
            break
        remove_files(disk)
    else:
        pytest.fail("other processes' cgroups came and went in every attempt")
    with_ours, during = diagnosed()
    remove_files(disk)
    without_ours, after = diagnosed()
    counts = [document["cgroups"]["memory"]["dying"] for document in (before, during, after)]
    assert counts == [others, with_ours, without_ours]
    assert with_ours >= PRIME
    place = "/" + str(memory_cgroup.relative_to(memory_hierarchy() or "/"))
    held = {residue["path"]: residue["file_bytes"] for residue in during["residual_charges"] or []}
    # One page of its file each; now and then a page of the filesystem's own metadata is charged along with it.
    if statistics_are_exact():
        assert PRIME * 4096 <= held[place] < 2 * PRIME * 4096
        assert s1_is_said(during) == s1_is_explained(during)
        # Our pages alone, a quarter for each, explain so many.
        assert s1_is_explained(during) or with_ours > 4 * PRIME
    else:
        # A page is added to the statistics with 31 others, or never: that none is seen excludes nothing.
        assert held.get(place, 0) < 2 * PRIME * 4096
        assert s1_is_said(during)
    assert place not in {residue["path"] for residue in after["residual_charges"] or []}


def test_diagnose_counts_exactly_the_cgroups_that_sockets_hold(memory_cgroup: Path) -> None:
    """23 listening sockets that were passed on are 23 more dying on v2, on any kernel, and none on v1; closed, none."""

    def listen() -> list[int]:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return [listener.detach()]

    held = PRIME if (memory_cgroup / "cgroup.controllers").exists() else 0
    for _ in range(_ATTEMPTS):
        start = settled()
        open_here = [passed for number in range(PRIME) for passed in leave_behind(memory_cgroup / f"c{number}", listen)]
        gained = settled() - start
        with_ours, document = diagnosed()
        for descriptor in open_here:
            os.close(descriptor)
        if gained == held and settled() == start:
            break
    else:
        pytest.fail("other processes' cgroups came and went in every attempt")
    assert document["cgroups"]["memory"]["dying"] == with_ours


def test_a_capture_gives_the_verdict_of_the_host(memory_cgroup: Path, disk: Path, tmp_path: Path) -> None:
    """A bundle made beside 23 dying cgroups has the live host's state, findings and count."""
    leave_dying(memory_cgroup, disk)
    bundle = str(tmp_path / "bundle.tar.gz")

    def look() -> tuple[int, dict[str, Any], dict[str, Any]]:
        code, live = unreclaim("diagnose", "--json", "--for", "0")
        return code, live, unreclaim("capture", "--json", "-o", bundle)[1]

    _, (code, live, captured) = undisturbed(look)
    replay_code, replay = unreclaim("diagnose", "--json", "--root", bundle)
    assert captured["samples"] == 1
    assert replay_code == code
    assert replay["verdict"]["state"] == live["verdict"]["state"]
    assert [finding["id"] for finding in replay["findings"]] == [finding["id"] for finding in live["findings"]]
    assert replay["cgroups"] == live["cgroups"]
    assert replay["gaps"] == live["gaps"]
    assert gaps(live) == []
    assert replay["captured"] is True


@pytest.mark.parametrize("command", [["status", "--json"], ["diagnose", "--json", "--for", "0"]])
def test_an_unprivileged_user_gets_a_verdict_and_is_told_what_is_missing(command: list[str]) -> None:
    """Without privileges the count is the same, slabinfo is a named gap with its remedy, and the exit code is right."""
    result = subprocess.run(as_nobody(*command), capture_output=True, text=True, check=False)
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert gaps(document) == [
        {"what": "slab caches", "why": "/proc/slabinfo: not permitted", "remedy": "run as root"},
    ]
    assert document["cgroups"]["memory"]["dying"] is not None
    state = document.get("state") or document["verdict"]["state"]
    assert result.returncode == {"healthy": 0, "draining": 0, "growing": 1, "critical": 2, "cannot tell": 3}[state]


def test_reading_changes_no_cgroup(memory_cgroup: Path) -> None:
    """A diagnosis makes no cgroup and removes none: the hierarchy has the same identities before and after."""

    def identities() -> set[tuple[str, int]]:
        return {(path, os.stat(path).st_ino) for path, _, _ in os.walk(memory_cgroup)}

    for number in range(PRIME):
        (memory_cgroup / f"live{number}").mkdir()
    before = identities()
    unreclaim("diagnose", "--json", "--for", "0")
    assert identities() == before
    assert len(before) == PRIME + 1
