"""The census names what pins each dying cgroup, and agrees with the kernel's own count; what it names frees them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.machine import TMPFS, memory_hierarchy, own_name, pages_pin, statistics_are_exact
from tests.root.test_dying import undisturbed
from tests.root.workload import PRIME, as_nobody, leave_dying, remove, write_page
from unreclaim.host.bpf.census import CensusPrograms

pytestmark = [pytest.mark.live, pytest.mark.root]

PROGRAMS = {"walk_dying", "find_pins", "find_frames", "find_holders", "find_writebacks"}


def census(*options: str) -> dict[str, Any]:
    """Run the census over each dying cgroup."""
    command = [sys.executable, "-m", "unreclaim", "census", "--each", "--json", *options]
    document: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert document["backend"] == "bpf", document["gaps"]
    return document


def below(document: dict[str, Any], cgroup: Path) -> list[dict[str, Any]]:
    """Give the dying cgroups whose nearest living ancestor is this one, in the order in which they were made."""
    ancestor = "/" + str(cgroup.relative_to(memory_hierarchy() or "/"))
    return sorted((each for each in document["dying"] if each["ancestor"] == ancestor), key=lambda each: each["serial"])


def gone(cgroup: Path, *own: Path) -> list[dict[str, Any]]:
    """Wait until nothing of the test's is dying below a cgroup, at most ten seconds, and give what is left.

    own: where the test's files were. A cgroup that other memory holds is left aside: now and then it was the first to
    touch a block of the filesystem's metadata, or a page of a program or library that had been reclaimed.
    """
    left = _held(cgroup, own)
    for _ in range(20):
        if left:
            time.sleep(0.5)
            left = _held(cgroup, own)
    return left


def _held(cgroup: Path, own: tuple[Path, ...]) -> list[dict[str, Any]]:
    return [
        each
        for each in below(census(), cgroup)
        if each["unexplained_references"] or any(_is_own(pin, own) for pin in each["pins"])
    ]


def _is_own(pin: dict[str, Any], own: tuple[Path, ...]) -> bool:
    if pin["kind"] != "page cache":
        return bool(pin["kind"] != "filesystem metadata")
    # A file without a name may be one that the test has deleted.
    return not pin["path"] or pin["unlinked"] or any(Path(pin["path"]).is_relative_to(place) for place in own)


@pytest.mark.pages_pin
def test_own_files_are_named_each_at_its_cgroup(memory_cgroup: Path, disk: Path) -> None:
    """23 cgroups with a file each: every one by name, with its path, device, inode and one page, all explained."""
    leave_dying(memory_cgroup, disk)
    files = {f"c{number}": disk / f"f{number}" for number in range(PRIME)}
    found = below(census(), memory_cgroup)
    assert [each["name"] for each in found] == list(files)
    for each in found:
        file = files[each["name"]]
        status = file.stat()
        pin = next(pin for pin in each["pins"] if pin["kind"] == "page cache" and pin["path"] == str(file))
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        assert (pin["inode"], pin["device"], pin["bytes"], pin["unlinked"]) == (status.st_ino, device, 4096, False)
        assert each["path"] == f"{each['ancestor']}/{each['name']}"
        assert each["unexplained_references"] == 0


@pytest.mark.pages_pin
def test_one_shared_log_is_one_pin_of_all(memory_cgroup: Path, disk: Path) -> None:
    """23 cgroups that each append a page to one file share one pin; it is the group's first."""
    log = disk / "app.log"
    for number in range(PRIME):
        write_page(memory_cgroup / f"c{number}", log)
    document = census()
    ancestor = below(document, memory_cgroup)[0]["ancestor"]
    group = next(group for group in document["groups"] if group["ancestor"] == ancestor)
    first = group["pins"][0]
    assert (group["nr_dying"], first["nr_cgroups"]) == (PRIME, PRIME)
    assert (first["kind"], first["path"], first["bytes"]) == ("page cache", str(log), PRIME * 4096)
    log.unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_tmpfs_is_told_apart_and_goes_when_deleted(memory_cgroup: Path) -> None:
    """Files in tmpfs are named as such; deleting them frees every cgroup."""
    files = [TMPFS / own_name("test") for _ in range(PRIME)]
    try:
        for number, file in enumerate(files):
            write_page(memory_cgroup / f"c{number}", file)
        found = below(census(), memory_cgroup)
        assert len(found) == PRIME
        kinds = {pin["path"]: pin["kind"] for each in found for pin in each["pins"]}
        assert {kinds[str(file)] for file in files} == {"tmpfs"}
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    assert gone(memory_cgroup, TMPFS) == []


@pytest.mark.pages_pin
def test_it_agrees_with_the_kernels_count(memory_cgroup: Path, disk: Path) -> None:
    """As many cgroups are listed as the kernel counts before and after, with 23 among them."""
    leave_dying(memory_cgroup, disk)
    count, document = undisturbed(census)
    assert len(document["dying"]) == document["counts"]["dying"] == count >= PRIME
    assert len({each["serial"] for each in document["dying"]}) == len(document["dying"])


def test_pages_hold_removed_cgroups_or_go_to_the_parent(memory_cgroup: Path, disk: Path) -> None:
    """23 pages of files keep exactly 23 removed cgroups, or none where the kernel hands pages on; all stay charged."""
    leave_dying(memory_cgroup, disk)
    expected = PRIME if pages_pin() else 0
    # What was not written when its cgroup went holds it on v2 by its writeback structure, until another cgroup goes.
    os.sync()
    (memory_cgroup / "last").mkdir()
    remove(memory_cgroup / "last")
    give_up = time.monotonic() + 20
    while len(found := below(census(), memory_cgroup)) != expected and time.monotonic() < give_up:
        time.sleep(0.5)
    assert len(found) == expected
    lines = (memory_cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
    charged = dict(line.split() for line in lines)
    # Before 5.12 a CPU keeps up to 32 pages of each cgroup to itself: 23 cgroups with one each may be none in the sum.
    if statistics_are_exact():
        # Now and then a page of the filesystem's own metadata is charged along with it.
        assert PRIME * 4096 <= int(charged.get("total_cache", charged.get("file", 0))) < 2 * PRIME * 4096


def test_an_unprivileged_user_is_told_what_is_missing() -> None:
    """Without privileges there are no names: the backend says so, the count is there, and the gap says what to do."""
    command = as_nobody("census", "--json")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads(result.stdout)
    # Where pages hold nothing there is nothing to scan, and nothing to subtract.
    backend = "residual charge" if pages_pin() else "none"
    assert (result.returncode, result.stderr, document["backend"]) == (0, "", backend)
    assert document["counts"]["dying"] == document["counts"]["kernel_dying"] is not None
    assert document["gaps"][0]["what"] == "dying cgroups by name"
    assert "run as root" in document["gaps"][0]["remedy"]


def test_nothing_stays_loaded(memory_cgroup: Path) -> None:
    """The census makes no cgroup and leaves no program behind, of those that are seen while it holds them."""
    before = loaded()
    with CensusPrograms():
        assert {name for number, name in loaded().items() if number not in before} == PROGRAMS
    assert left_loaded(before) == {}
    census()
    assert left_loaded(before) == {}
    assert list(memory_cgroup.glob("*/")) == []


def loaded() -> dict[int, str]:
    """Give the loaded BPF programs that bear the names of ours, by their ids, which are not used again."""
    command = ["bpftool", "--json", "prog", "show"]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {each["id"]: each["name"] for each in shown if each.get("name") in PROGRAMS}


def left_loaded(before: dict[int, str]) -> dict[int, str]:
    """Give those that stay, at most ten seconds: the kernel frees them a moment later, and others may run a census."""
    left = {number: name for number, name in loaded().items() if number not in before}
    give_up = time.monotonic() + 10
    while left and time.monotonic() < give_up:
        time.sleep(0.1)
        now = loaded()
        left = {number: name for number, name in left.items() if number in now}
    return left
