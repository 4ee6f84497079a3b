"""The census names what pins each dying cgroup, and agrees with the kernel's own count; what it names frees them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import memory_hierarchy
from tests.root.test_dying import count_dying
from tests.root.workload import PRIME, leave_dying, remove, remove_files

pytestmark = [pytest.mark.live, pytest.mark.root]


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a directory on a disk, empty again afterwards."""
    directory = Path("/var/tmp", f"unreclaim-census-{request.node.name}-{os.getpid()}")  # noqa: S108
    directory.mkdir()
    yield directory
    remove_files(directory)


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


def in_cgroup(cgroup: Path, script: str, *arguments: str | Path) -> None:
    """Run a shell script inside a fresh cgroup, and remove the cgroup."""
    cgroup.mkdir()
    inside = f'echo $$ > "$0/cgroup.procs"; {script}'
    subprocess.run(["sh", "-c", inside, cgroup, *arguments], check=True)
    remove(cgroup)


def gone(cgroup: Path) -> list[dict[str, Any]]:
    """Wait until nothing is dying below a cgroup, at most ten seconds, and give what is left.

    Now and then a cgroup was also the first to touch a block of the filesystem's own metadata, which deleting a file
    does not drop; the census names that, and such a one is left aside here.
    """
    left = _held(cgroup)
    for _ in range(20):
        if left:
            time.sleep(0.5)
            left = _held(cgroup)
    return left


def _held(cgroup: Path) -> list[dict[str, Any]]:
    return [
        each
        for each in below(census(), cgroup)
        if each["unexplained_references"] or any(pin["kind"] != "filesystem metadata" for pin in each["pins"])
    ]


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


def test_one_shared_log_is_one_pin_of_all(memory_cgroup: Path, disk: Path) -> None:
    """23 cgroups that each append a page to one file share one pin; it is the group's first."""
    log = disk / "app.log"
    for number in range(PRIME):
        in_cgroup(memory_cgroup / f"c{number}", 'head -c 4096 /dev/zero >> "$1"', log)
    document = census()
    ancestor = below(document, memory_cgroup)[0]["ancestor"]
    group = next(group for group in document["groups"] if group["ancestor"] == ancestor)
    first = group["pins"][0]
    assert (group["nr_dying"], first["nr_cgroups"]) == (PRIME, PRIME)
    assert (first["kind"], first["path"], first["bytes"]) == ("page cache", str(log), PRIME * 4096)
    log.unlink()
    assert gone(memory_cgroup) == []


def test_tmpfs_is_told_apart_and_goes_when_deleted(memory_cgroup: Path) -> None:
    """Files in tmpfs are named as such; deleting them frees every cgroup."""
    files = [Path("/dev/shm", f"unreclaim-{os.getpid()}-{number}") for number in range(PRIME)]  # noqa: S108
    try:
        for number, file in enumerate(files):
            in_cgroup(memory_cgroup / f"c{number}", 'head -c 4096 /dev/zero > "$1"', file)
        found = below(census(), memory_cgroup)
        assert len(found) == PRIME
        kinds = {pin["path"]: pin["kind"] for each in found for pin in each["pins"]}
        assert {kinds[str(file)] for file in files} == {"tmpfs"}
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    assert gone(memory_cgroup) == []


def test_it_agrees_with_the_kernels_count(memory_cgroup: Path, disk: Path) -> None:
    """The number of cgroups listed lies between two counts of the kernel taken before and after, with 23 among them."""
    leave_dying(memory_cgroup, disk)
    before, document, after = count_dying(), census(), count_dying()
    assert min(before, after) <= document["counts"]["dying"] <= max(before, after)
    assert len(document["dying"]) == document["counts"]["dying"] >= PRIME
    assert len({each["serial"] for each in document["dying"]}) == len(document["dying"])


def test_an_unprivileged_user_is_told_what_is_missing() -> None:
    """Without privileges there are no names: the backend says so, the count is there, and the gap says what to do."""
    script = (
        "import os, sys, importlib.readers, unreclaim.cli.census, unreclaim.host.archive\n"
        "from unreclaim.cli.main import run\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(run(['census', '--json']))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    document = json.loads(result.stdout)
    assert (result.returncode, result.stderr, document["backend"]) == (0, "", "residual charge")
    assert document["counts"]["dying"] == document["counts"]["kernel_dying"] is not None
    assert document["gaps"][0]["what"] == "dying cgroups by name"
    assert "run as root" in document["gaps"][0]["remedy"]


def test_nothing_stays_loaded(memory_cgroup: Path) -> None:
    """The census makes no cgroup and leaves no program behind."""

    def programs() -> str:
        return subprocess.run(["bpftool", "prog", "show"], capture_output=True, text=True, check=True).stdout

    census()
    assert "unreclaim" not in programs()
    assert list(memory_cgroup.glob("*/")) == []
