"""Units under a real systemd, in a container of the laboratory's own: started so often, counted exactly, cleaned up."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.machine import memory_hierarchy, skip_unless_forced, unified_hierarchy
from tests.root.test_lab import by_pages, of
from tests.root.workload import PRIME

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

LAB = (sys.executable, "-m", "unreclaim", "lab")


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Skip where a container cannot be booted."""
    missing = [tool for tool in ("mmdebstrap", "systemd-nspawn") if shutil.which(tool) is None]
    if missing:
        skip_unless_forced(f"not installed: {', '.join(missing)}")


def lab(*arguments: str) -> tuple[dict[str, Any], int]:
    """Run an experiment in a container; give its JSON and its pid."""
    command = [*LAB, *arguments, "--nspawn", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        output, error = process.communicate()
    assert (process.returncode, error) == (0, "")
    return json.loads(output), process.pid


def left_of(pid: int) -> list[Path]:
    """List all that is a process's: cgroups in every hierarchy, traces, files."""
    places = (Path("/sys/fs/cgroup/systemd"), unified_hierarchy(), Path("/sys/kernel/tracing/instances"))
    more = [path for place in places if place for path in place.glob(f"unreclaim-lab-{pid}-*")]
    return [*of(pid), *more]


def test_exec_makes_as_many_cgroups_as_simple() -> None:
    """Each of 23 starts in two rounds makes one cgroup, whether Type=exec or simple, and all is gone afterwards."""
    options = ("--set", "Type=exec", "--against", "Type=simple", "--starts", str(PRIME), "--rounds", "2")
    document, pid = lab("compare", *options)
    assert left_of(pid) == []
    shape = [(batch["unit"], batch["starts"], batch["cgroups"]) for batch in document["batches"]]
    assert shape == [("Type=exec", 11, 11), ("Type=simple", 11, 11), ("Type=simple", 12, 12), ("Type=exec", 12, 12)]
    assert document["conclusions"][0].startswith("no difference in cgroups per start: 1.00 vs 1.00")


def test_a_unit_that_has_a_cgroup_more_stands_out() -> None:
    """A start that makes a second cgroup below its own (Delegate=) is counted as two, started one by one."""
    program = (
        "/bin/sh -c 'd=$(sed -n s/^0:://p /proc/self/cgroup);"
        " mkdir /sys/fs/cgroup/unified$d/more 2>/dev/null || mkdir /sys/fs/cgroup$d/more'"
    )
    options = ("--set", "Delegate=yes", "--against", "ExecStart=", "--against", "ExecStart=/bin/true")
    command = ("compare", *options, "--set", "Type=oneshot", "--against", "Type=oneshot", "--exec", program)
    document, _ = lab(*command, "--starts", str(PRIME), "--rounds", "1")
    assert [batch["cgroups"] for batch in document["batches"]] == [2 * PRIME, PRIME]


def test_a_restart_loop_leaves_one_dying_cgroup_a_start() -> None:
    """23 starts of a real unit that appends to a log leave 23, named by the census."""
    document, pid = lab("reproduce", "unit-loop", "--count", str(PRIME))
    assert left_of(pid) == []
    assert (document["made"], document["dying"], document["agrees"]) == (PRIME, by_pages(), True)
    assert document["source"] == "the census, by the unit's name"


def containers_of(pid: int) -> list[str]:
    """Give the command lines of the containers that a run of the laboratory booted and that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = place.read_text(encoding="utf-8", errors="replace").replace("\0", " ")
            if "systemd-nspawn" in line and f"unreclaim-lab-{pid}-" in line:
                found.append(line)
    return found


def test_a_comparison_that_is_killed_is_cleaned_up() -> None:
    """Its container ends with it, and the next run of lab removes what it had made."""
    command = [*LAB, "compare", "--set", "Type=exec", "--against", "Type=simple", "--nspawn", "--starts", "20000"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        give_up = time.monotonic() + 60
        while not list((memory_hierarchy() or Path()).glob(f"unreclaim-lab-{process.pid}-*/unreclaimlab.slice")):
            assert time.monotonic() < give_up
            time.sleep(0.1)
        process.kill()
    left = left_of(process.pid)
    assert len(left) >= 2
    removed = json.loads(subprocess.run([*LAB, "clean", "--json"], capture_output=True, check=True).stdout)["removed"]
    assert {str(path) for path in left} <= set(removed)
    assert left_of(process.pid) == []
    assert containers_of(process.pid) == []
    assert -process.returncode == signal.SIGKILL
