"""The ladder of recovery on this kernel: what is named goes by the step that is named for it, and nothing else does."""

import contextlib
import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.machine import TMPFS, memory_hierarchy, memory_is_v1, own_name
from tests.root.children import leave_behind, write_file
from tests.root.test_census import below, census, gone
from tests.root.workload import PRIME, leave_dying, make_file, remove, start_in, write_page
from unreclaim.app.clock import SystemClock
from unreclaim.app.recover import Sight, look, recover
from unreclaim.apply.reclaim import HostActions
from unreclaim.host.source import open_source
from unreclaim.model.recovery import Result, Rung

pytestmark = [pytest.mark.live, pytest.mark.root]

UNRELATED_BYTES = 200 * 2**20
_ATTEMPTS = 10


def place_of(cgroup: Path) -> str:
    """Give a cgroup's path below the hierarchy's top."""
    return "/" + str(cgroup.relative_to(memory_hierarchy() or "/"))


def reclaim(cgroup: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command on what is dying below a cgroup; give its exit code and document."""
    command = [sys.executable, "-m", "unreclaim", "reclaim", "--json", "--target", place_of(cgroup), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["backend"] == "bpf", document["gaps"]
    return done.returncode, document


def append_log(parent: Path, log: Path) -> None:
    """Let 23 cgroups append a page each to one file and be removed."""
    make_file(log)
    os.sync()
    for number in range(PRIME):
        write_page(parent / f"c{number}", log)


def resident_bytes(file: Path) -> int:
    """Count the bytes of a file that are in the page cache, by mincore(2)."""
    library = ctypes.CDLL(None, use_errno=True)
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        pages = -(-len(mapped) // mmap.PAGESIZE)
        states = (ctypes.c_ubyte * pages)()
        view = ctypes.c_char.from_buffer(mapped)
        start = ctypes.c_void_p(ctypes.addressof(view))
        assert library.mincore(start, ctypes.c_size_t(len(mapped)), states) == 0, os.strerror(ctypes.get_errno())
        del view
    return sum(state & 1 for state in states) * mmap.PAGESIZE


def test_one_fadvise_frees_the_23_of_a_shared_log_and_nothing_else(memory_cgroup: Path, disk: Path) -> None:
    """One step on the log frees all 23; a file of 200 MiB that has nothing to do with them stays in memory.

    Others page out what nobody has used for a moment (DAMON's scheme on this machine); an attempt counts in which they
    took nothing of that file. What dropped all caches would take it every time.
    """
    log, unrelated = disk / "app.log", disk / "unrelated"
    for _ in range(_ATTEMPTS):
        append_log(memory_cgroup, log)
        assert len(below(census(), memory_cgroup)) == PRIME
        unrelated.write_bytes(bytes(UNRELATED_BYTES))
        before = resident_bytes(unrelated)
        code, document = reclaim(memory_cgroup, "--yes")
        after = resident_bytes(unrelated)
        assert log.stat().st_size == PRIME * 4096
        # Now and then a cgroup was also the first to touch a block of metadata: that is said, and is the next rung's.
        assert gone(memory_cgroup, disk) == []
        group = document["groups"][0]
        assert group["nr_freed"] + group["nr_left"] == PRIME
        if before == after == UNRELATED_BYTES and not group["nr_left"]:
            break
        assert not group["nr_left"] or [need["rung"] for need in group["needs"]] == ["reclaim"]
        reclaim(memory_cgroup, "--yes", "--up-to", "reclaim")
        log.unlink()
    else:
        pytest.fail("in every attempt some of the unrelated file went, or a block of metadata was in the way")
    (fadvise,) = document["rungs"]
    assert (fadvise["rung"], fadvise["nr_steps"], fadvise["nr_done"]) == ("fadvise", 1, 1)
    assert (fadvise["before"]["dying"], fadvise["after"]["dying"]) == (PRIME, 0)
    assert fadvise["steps"][0]["what"] == f"drop the cache of {log}"
    assert (code, group["result"], group["nr_freed"]) == (0, "recovered", PRIME)


def test_the_plan_changes_nothing(memory_cgroup: Path, disk: Path) -> None:
    """Without --yes the plan names the log and the 23; none is freed and its pages stay."""
    log = disk / "app.log"
    append_log(memory_cgroup, log)
    names = [each["name"] for each in below(census(), memory_cgroup)]
    code, document = reclaim(memory_cgroup, "--up-to", "drop-caches")
    assert [each["name"] for each in below(census(), memory_cgroup)] == names
    assert len(names) == PRIME
    assert resident_bytes(log) == PRIME * 4096
    assert (code, document["rungs"], document["up_to"]) == (0, [], None)
    group = document["groups"][0]
    assert (group["ancestor"], group["nr_freed"], group["nr_left"]) == (place_of(memory_cgroup), 0, PRIME)
    assert group["result"] == "recoverable"
    first = next(step for step in group["steps"] if step["rung"] == "fadvise")
    assert (first["path"], first["inode"], first["nr_cgroups"]) == (str(log), log.stat().st_ino, PRIME)


def test_inside_a_container_the_steps_belong_on_its_host() -> None:
    """In namespaces of its own the program says so, as text and as JSON, before it says what would be done."""
    inside = ("unshare", "--cgroup", "--pid", "--fork", "--mount-proc", sys.executable, "-m", "unreclaim", "reclaim")
    said = subprocess.run(inside, capture_output=True, text=True, check=False).stdout
    assert "Inside a container\n  kernel memory, slab and per-CPU memory are the host's; the steps belong" in said
    document = json.loads(subprocess.run([*inside, "--json"], capture_output=True, text=True, check=False).stdout)
    signs = {"not in the host's pid namespace", "not in the host's cgroup namespace"}
    assert signs <= {*document["container"]["evidence"]}


def out_of_sight(sight: Sight) -> Sight:
    """Give a sight in which no file has a path, as of a disk that is mounted in another namespace alone."""
    census = sight.report.census
    dying = tuple(replace(each, pins=tuple(replace(pin, path=None) for pin in each.pins)) for each in census.dying)
    return replace(sight, report=replace(sight.report, census=replace(census, dying=dying)))


def test_reclaim_at_the_living_ancestor_frees_what_no_path_leads_to(memory_cgroup: Path, disk: Path) -> None:
    """Without a file to act on fadvise is no rung; what is dirty is written, and memory reclaimed at the ancestor."""
    leave_dying(memory_cgroup, disk, ours=True)
    source = open_source(None)
    found = recover(
        lambda: out_of_sight(look(source)),
        HostActions(),
        SystemClock(),
        up_to=Rung.RECLAIM,
        target=str(memory_cgroup),
    )
    rungs = [rung for rung in found.rungs if rung.rung != Rung.WAIT]
    assert [rung.rung for rung in rungs] == [Rung.RECLAIM]
    assert [result.done for result in rungs[0].steps] == [True] * 2
    # v2 takes a number, and says when that was not there.
    notes = [None, None if memory_is_v1() else "less than 17 MB could be reclaimed"]
    assert [result.note for result in rungs[0].steps] == notes
    assert [outcome.result for outcome in found.outcomes] == [Result.RECOVERED]
    assert (found.outcomes[0].nr_freed, found.outcomes[0].nr_left) == (PRIME, 0)
    assert below(census(), memory_cgroup) == []


def test_tmpfs_is_left_to_the_operator_and_goes_when_deleted(memory_cgroup: Path) -> None:
    """Without swap no rung frees tmpfs: each file is named with the command, is untouched, and frees its cgroup."""
    files = [TMPFS / own_name("a test") for _ in range(PRIME)]
    try:
        for number, file in enumerate(files):
            write_page(memory_cgroup / f"c{number}", file)
        code, document = reclaim(memory_cgroup, "--yes", "--up-to", "restart")
        group = document["groups"][0]
        assert (code, group["result"], group["nr_left"]) == (1, "recoverable", PRIME)
        assert group["needs"] == [{"rung": "remove", "nr_cgroups": PRIME}]
        removals = {step["path"]: step["command"] for step in group["steps"] if step["rung"] == "remove"}
        assert removals == {str(file): f"rm -- '{file}'" for file in files}
        assert all(file.read_bytes() == bytes(4096) for file in files)
        subprocess.run(["sh", "-ec", "\n".join(removals.values())], check=True)
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    assert gone(memory_cgroup, TMPFS) == []


def test_an_unreaped_process_is_named_with_who_has_to_collect_it(memory_cgroup: Path) -> None:
    """It is no page cache: the group needs a restart, of the parent that has not collected its child."""
    cgroup = memory_cgroup / "c"
    cgroup.mkdir()
    pid = start_in(cgroup, lambda: None)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    remove(cgroup)
    code, document = reclaim(memory_cgroup, "--yes", "--up-to", "restart")
    os.waitpid(pid, 0)
    group = document["groups"][0]
    assert (code, group["result"], group["nr_left"]) == (1, "needs restart", 1)
    assert [step["path"] for step in group["steps"] if step["rung"] in ("fadvise", "remove")] == []
    name = Path("/proc/self/comm").read_text(encoding="utf-8").rstrip("\n")
    assert group["processes"] == [{"pid": os.getpid(), "name": name, "descriptor": None}]
    collect = f"let {name} (pid {os.getpid()}) collect its child {name} (pid {pid}), which has ended, or restart it"
    assert collect in [step["what"] for step in group["steps"] if step["rung"] == "restart"]
    assert gone(memory_cgroup) == []


def test_a_deleted_file_is_reached_through_who_holds_it(memory_cgroup: Path, disk: Path) -> None:
    """A deleted file that is held open loses its cache by fadvise, not its content."""
    make_file(disk / "held")
    (descriptor,) = leave_behind(memory_cgroup / "c", lambda: [write_file(disk / "held", sync=False)])
    (disk / "held").unlink()
    _, document = reclaim(memory_cgroup, "--yes")
    assert gone(memory_cgroup, disk) == []
    assert os.pread(descriptor, 8192, 0) == bytes(4096)
    os.close(descriptor)
    fadvise = next(rung for rung in document["rungs"] if rung["rung"] == "fadvise")
    assert fadvise["steps"][0] == {"what": f"drop the cache of {disk}/held (deleted)", "done": True, "note": None}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_climb_that_is_ended_leaves_the_host_sane(memory_cgroup: Path, disk: Path, number: signal.Signals) -> None:
    """A signal on a rung ends the child that acts too; how far it got is told, and the next climb does the rest."""
    command = [sys.executable, "-m", "unreclaim", "reclaim", "--yes", "--json", "--target", place_of(memory_cgroup)]
    for _ in range(_ATTEMPTS):
        leave_dying(memory_cgroup, disk, ours=True)
        sizes = {file: file.stat().st_size for file in disk.iterdir()}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            child = _stop_the_child(process)
            process.send_signal(number)
            output, errors = process.communicate(timeout=30)
        assert {file: file.stat().st_size for file in disk.iterdir()} == sizes
        if child is not None:
            break
        # On a busy machine the rung may be over before anybody looks.
        for file in sizes:
            file.unlink()
    else:
        pytest.fail("no child was ever seen to act")
    _wait_until_ended(child)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        document = json.loads(output)
        assert (process.returncode, errors.strip()) == (130, "unreclaim: interrupted")
        assert (document["interrupted"], document["rungs"][-1]["after"]) == (True, None)
    _, again = reclaim(memory_cgroup, "--yes", "--up-to", "reclaim")
    assert again["groups"][0]["result"] == "recovered"


def _stop_the_child(parent: subprocess.Popen[str]) -> int | None:
    """Stop the child that acts as soon as it takes signals, so that the rung goes on until somebody ends it.

    None: the parent has ended meanwhile.
    """
    while parent.poll() is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split():
                if "\nSigBlk:\t0000000000000000\n" in Path(f"/proc/{child}/status").read_text():
                    os.kill(int(child), signal.SIGSTOP)
                    return int(child)
    return None


def _wait_until_ended(pid: int) -> None:
    give_up = time.monotonic() + 10
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while "(zombie)" not in Path(f"/proc/{pid}/status").read_text():
            assert time.monotonic() < give_up, "the child lives on"
            time.sleep(0.01)
