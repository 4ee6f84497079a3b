"""Beside cgroups that come and go the census misses none that stays, and invents none."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.machine import TMPFS, memory_hierarchy, own_name
from tests.root.children import PAGE
from tests.root.test_dying import count_dying
from tests.root.workload import run_in
from unreclaim.host.bpf import records
from unreclaim.host.bpf.census import CensusPrograms
from unreclaim.host.raw_census import RawDying

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

SURVIVORS = 2003
SECONDS = float(os.environ.get("UNRECLAIM_CHURN_SECONDS", "10"))
PER_SECOND = 200
# Cgroups that come and go: each first writes a page of a file that is then deleted, so that it is dying for a moment.
CHURN = """
import os, sys, time
parent, place, home, rate = *sys.argv[1:4], float(sys.argv[4])
def write(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text)
    os.close(descriptor)
number, start = 0, time.monotonic()
while True:
    cgroup, file = f"{parent}/x{number}", f"{place}/x{number}"
    os.mkdir(cgroup)
    write(f"{cgroup}/cgroup.procs", b"0")
    with open(file, "wb") as stream:
        stream.write(bytes(4096))
    write(home, b"0")
    os.rmdir(cgroup)
    os.unlink(file)
    number += 1
    print(number, flush=True)
    time.sleep(max(0, start + number / rate - time.monotonic()))
"""


@pytest.fixture
def tmpfs_file() -> Iterator[Path]:
    """Give where a file of the test's own may be in a tmpfs."""
    path = TMPFS / own_name("test")
    yield path
    path.unlink(missing_ok=True)


def leave_many(parent: Path, file: Path, count: int) -> None:
    """Make `count` cgroups that are dying, each by one page of a file; one process goes through all of them."""

    def go_through() -> None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        for number in range(count):
            cgroup = parent / f"s{number}"
            cgroup.mkdir()
            _join(cgroup)
            os.pwrite(descriptor, bytes(PAGE), number * PAGE)
            _join(home)
            cgroup.rmdir()

    # On v2 a cgroup that hands controllers down holds no processes.
    home = parent.parent / "home"
    home.mkdir(exist_ok=True)
    run_in(home, go_through)


def _join(cgroup: Path) -> None:
    (cgroup / "cgroup.procs").write_text("0", encoding="ascii")


def below(dying: tuple[RawDying, ...], parent: Path) -> list[str]:
    """Give the names of the dying cgroups of a living parent, in the census's order."""
    inode = parent.stat().st_ino
    return [css.name for css in dying if css.parent_id == inode]


@contextmanager
def churn(parent: Path, place: Path) -> Iterator[subprocess.Popen[str]]:
    """Let cgroups come and go while the block runs."""
    home = parent.parent / "home" / "cgroup.procs"
    command = [sys.executable, "-c", CHURN, str(parent), str(place), str(home), str(PER_SECOND)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.pages_pin
def test_survivors_are_all_there_under_churn(memory_cgroup: Path, disk: Path, tmpfs_file: Path) -> None:
    """Every census beside 200 cgroups a second has each survivor once, no name that never was, and a fitting number."""
    living, moving = memory_cgroup / "living", memory_cgroup / "moving"
    for cgroup in (living, moving):
        cgroup.mkdir()
        if (cgroup / "cgroup.subtree_control").exists():
            (cgroup / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    # In memory, for what is clean on a disk may be reclaimed while the test runs, and with it the survivor.
    leave_many(living, tmpfs_file, SURVIVORS)
    survivors = [f"s{number}" for number in range(SURVIVORS)]
    censuses = 0
    seen: set[str] = set()
    with churn(moving, disk) as process, CensusPrograms() as programs:
        assert process.stdout is not None
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            before = count_dying_quickly()
            dying = programs.list_dying()
            pins = list(programs.list_pins(dying, 1))
            after = count_dying_quickly()
            censuses += 1
            assert below(dying, living) == survivors
            assert len({css.serial for css in dying}) == len(dying)
            assert [css.serial for css in dying if css.name.startswith("s")] == sorted(
                css.serial for css in dying if css.name.startswith("s")
            )
            moved = below(dying, moving)
            seen.update(moved)
            # What is made and freed while the walk goes on is counted by the kernel at another moment.
            slack = PER_SECOND * 2
            assert min(before, after) - slack <= len(dying) <= max(before, after) + slack
            held = {dying[index].name: pin for index, _, pins_of in pins for pin in pins_of[:1]}
            seen_at = [held[name].path[0] for name in survivors if name in held]
            assert set(seen_at) == {tmpfs_file.name}
            # Now and then a page is just on its way from one list to another.
            assert len(seen_at) >= SURVIVORS - 23
        scanned = _census_by_pages()
        process.kill()
        made = int(process.stdout.read().split()[-1])
    assert censuses >= 10
    # A living ancestor without pages of its own: a scan of all pages, which knows no names, finds exactly theirs.
    place = "/" + str(living.relative_to(memory_hierarchy() or "/"))
    assert scanned[place] == SURVIVORS * PAGE
    assert made >= PER_SECOND * SECONDS / 2
    # The last may have been made and not been told of any more.
    assert seen <= {f"x{number}" for number in range(made + 1)}


def _census_by_pages() -> dict[str, int]:
    command = [sys.executable, "-m", "unreclaim", "census", "--backend", "page-scan", "--json"]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {group["ancestor"]: group["bytes"] for group in document["groups"]}


def count_dying_quickly() -> int:
    """Count dying memory cgroups as the kernel does, in one go."""
    hierarchy = memory_hierarchy()
    assert hierarchy is not None
    if (hierarchy / "cgroup.stat").exists():
        return count_dying()
    row = next(line for line in Path("/proc/cgroups").read_text("ascii").splitlines() if line.startswith("memory"))
    return int(row.split()[2]) - sum(1 for _ in os.walk(hierarchy))


@pytest.mark.pages_pin
def test_a_walk_whose_place_was_freed_goes_on(memory_cgroup: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all that the walk stood among is freed between two runs, the rest is listed, each once."""
    first, second = memory_cgroup / "first", memory_cgroup / "second"
    for cgroup in (first, second):
        cgroup.mkdir()
        if (cgroup / "cgroup.subtree_control").exists():
            (cgroup / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    leave_many(first, disk / "first", SURVIVORS)
    leave_many(second, disk / "second", 23)
    with CensusPrograms() as programs:
        # Between two runs is where a test has to come in.
        run, file = programs._bpf.run, disk / "first"

        def run_and_free(program: str) -> None:
            run(program)
            state = records.WALK.unpack_from(programs._walk)
            if file.exists() and "s0" in programs._names(state[records.WALK_TEXT]):
                file.unlink()
                give_up = time.monotonic() + 20
                while _left(first) and time.monotonic() < give_up:
                    time.sleep(0.1)

        monkeypatch.setattr(programs._bpf, "run", run_and_free)
        dying = programs.list_dying()
    assert programs.resumed == 1
    assert below(dying, second) == [f"s{number}" for number in range(23)]
    assert len({css.serial for css in dying}) == len(dying)


def _left(parent: Path) -> int:
    with CensusPrograms() as programs:
        return len(below(programs.list_dying(), parent))
