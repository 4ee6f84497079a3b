"""A trace of this host's cgroups: every cycle is counted, exactly, and nothing of it stays."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.machine import new_disk_directory, new_memory_cgroup
from tests.root.watching import INSTANCES, TRACE, instances_of, settle, source, watch
from tests.root.workload import PRIME, as_nobody, leave_dying, remove_files

PROBES = Path("/sys/kernel/tracing/kprobe_events")
pytestmark = [pytest.mark.live, pytest.mark.root]


def probes_of(pid: int) -> list[str]:
    """List the probes of a process."""
    text = PROBES.read_text(encoding="ascii") if PROBES.exists() else ""
    return [line for line in text.splitlines() if f":unreclaim_trace_{pid}_" in line]


def test_each_cycle_is_counted_once() -> None:
    """23 cgroups made and removed below one of ours are 23 created, removed and released; nothing is lost or left."""
    with new_memory_cgroup() as cgroup, watch() as (process, documents):
        for number in range(PRIME):
            (cgroup / f"c{number}").mkdir()
            (cgroup / f"c{number}").rmdir()
        settle()
        assert len(instances_of(process.pid)) == 1
    *intervals, summary = documents
    assert process.returncode == 0
    assert source(summary, f"/{cgroup.name}/c*") == [PRIME, PRIME, PRIME, 0]
    assert (summary["part"], summary["lost_events"]) == ("summary", 0)
    rows = [row for part in intervals for row in part["sources"] if row["source"] == f"/{cgroup.name}/c*"]
    assert sum(row["created"] for row in rows) == PRIME
    assert {part["part"] for part in intervals} == {"interval"}
    assert instances_of(process.pid) == []


def test_a_unit_is_its_name_and_instances_are_one() -> None:
    """Directories that are called like units are counted as such, and each by its path if that is asked for."""
    names = ["app.service", "app@1.service", "app@2.service"]
    paths = []
    with new_memory_cgroup() as cgroup:
        for options in ((), ("--each",)):
            with watch(*options) as (_, documents):
                for name in names:
                    (cgroup / name).mkdir()
                    (cgroup / name).rmdir()
                settle()
            paths.append(documents[-1])
    grouped, each = paths
    assert source(grouped, "app@*.service")[:3] == [2, 2, 2]
    assert source(grouped, "app.service")[:3] == [1, 1, 1]
    assert [source(each, f"/{cgroup.name}/{name}")[:3] for name in names] == [[1, 1, 1]] * 3


@pytest.mark.pages_pin
def test_what_page_cache_holds_is_not_released() -> None:
    """23 cgroups that wrote a page to a file each are removed and stay; once the files are gone they are released."""
    with new_memory_cgroup() as cgroup, new_disk_directory() as files, watch() as (_, documents):
        leave_dying(cgroup, files / "pins")
        settle()
        (cgroup / "mark.service").mkdir()
        settle()
        remove_files(files / "pins")
        settle()
        (cgroup / "mark.service").rmdir()
    name = f"/{cgroup.name}/c*"
    marked = next(
        at for at, part in enumerate(documents) if "mark.service" in {one["source"] for one in part["sources"]}
    )
    rows = [one for part in documents[:marked] for one in part["sources"] if one["source"] == name]
    assert [sum(row[what] for row in rows) for what in ("created", "removed", "released")] == [PRIME, PRIME, 0]
    held = [one for one in documents[marked]["hierarchies"] if one["unreleased"] >= PRIME]
    assert held
    assert min(one["longest_unreleased_seconds"] for one in held) > 0.5
    assert source(documents[-1], name) == [PRIME, PRIME, PRIME, 0]


@pytest.mark.pages_pin
def test_the_kernels_own_functions_agree() -> None:
    """Where it takes probes: of 23 that page cache holds all are allocated and offline, none is freed; else a gap."""
    with new_memory_cgroup() as cgroup, new_disk_directory() as files:
        with watch() as (_, documents):
            leave_dying(cgroup, files / "pins")
            settle()
        remove_files(files / "pins")
    summary = documents[-1]
    if not PROBES.exists():
        assert summary["memcgs"] is None
        assert [gap["why"] for gap in summary["gaps"]] == ["this kernel takes no probes (CONFIG_KPROBE_EVENTS)"]
        return
    assert summary["gaps"] == []
    # Others may make memory cgroups too.
    others = sum(one["created"] for one in summary["sources"]) - PRIME
    assert PRIME <= summary["memcgs"]["allocated"] <= PRIME + others
    assert summary["memcgs"]["offline"] >= PRIME
    assert summary["memcgs"]["offline"] - summary["memcgs"]["freed"] >= PRIME - others


@pytest.mark.pages_pin
def test_what_stays_is_unreleased_at_the_end() -> None:
    """The summary has 23 that are dying."""
    with new_memory_cgroup() as cgroup, new_disk_directory() as files:
        with watch() as (_, documents):
            leave_dying(cgroup, files / "pins")
            settle()
        remove_files(files / "pins")
    assert source(documents[-1], f"/{cgroup.name}/c*") == [PRIME, PRIME, 0, PRIME]


def test_a_killed_trace_is_cleaned_up_by_the_next() -> None:
    """After SIGKILL its instance is there; the next one removes it, and leaves a living one's alone."""
    with watch() as (living, _):
        command = [*TRACE, "--for", "10m", "--json", "--every", "200ms"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
            assert killed.stdout is not None
            killed.stdout.readline()
            killed.kill()
        assert len(instances_of(killed.pid)) == 1
        assert bool(probes_of(killed.pid)) == bool(probes_of(living.pid)) == PROBES.exists()
        subprocess.run([*TRACE, "--for", "0s"], check=True, capture_output=True)
        assert (instances_of(killed.pid), len(instances_of(living.pid))) == ([], 1)
        assert (probes_of(killed.pid), bool(probes_of(living.pid))) == ([], PROBES.exists())
    assert probes_of(living.pid) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_early_with_the_summary(number: signal.Signals) -> None:
    """Text for people is written, the exit code is 0, and the instance is gone."""
    with subprocess.Popen([*TRACE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # An emulated machine takes more than ten seconds to start a program.
        give_up = time.monotonic() + 60
        while not instances_of(process.pid):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(number)
        output, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert "cgroup" in output.splitlines()[0]
    assert instances_of(process.pid) == []


def test_a_reader_that_leaves_ends_it() -> None:
    """Lines that nobody reads any more are not written for ten minutes; nothing is said and nothing stays."""
    with subprocess.Popen(
        [*TRACE, "--for", "10m", "--json", "--every", "100ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert instances_of(process.pid) == []


def test_lost_events_are_reported() -> None:
    """With the smallest buffer a burst is more than it holds: what was counted and what was lost is all of it."""
    burst = 2003
    with new_memory_cgroup() as cgroup, watch("--buffer", "4") as (process, documents):
        # It reads four times a second; meanwhile nothing is read at all.
        process.send_signal(signal.SIGSTOP)
        for _ in range(burst):
            (cgroup / "c1").mkdir()
            (cgroup / "c1").rmdir()
        settle()
        process.send_signal(signal.SIGCONT)
        time.sleep(1.0)
    summary = documents[-1]
    counted = sum(one[what] for one in summary["hierarchies"] for what in ("created", "removed", "released"))
    assert summary["lost_events"] > 1000
    assert counted + summary["lost_events"] >= 3 * burst


def test_without_root_it_says_so() -> None:
    """Nothing is tried: exit code 69 and what to do."""
    done = subprocess.run(as_nobody("trace", "--for", "1s"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == "unreclaim: trace events: only root can read them\nhint: run it with sudo\n"


def test_tracefs_is_mounted_if_need_be_and_unmounted_again() -> None:
    """In a mount namespace without it the trace works, and leaves no mount unless somebody else has an instance."""
    mounted = "mountpoint -q /sys/kernel/tracing && echo mounted"
    script = f"umount /sys/kernel/tracing; {' '.join(TRACE)} --for 300ms --json || exit 1; {mounted}; true"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    document, *left = done.stdout.splitlines()
    assert json.loads(document)["part"] == "summary"
    assert left == [] or any(INSTANCES.iterdir())
