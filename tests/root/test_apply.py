"""Plans put into force and taken back under a real systemd, in a container: the article's unit, crashes, rivals."""

import hashlib
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import killed
from tests.article import ARTICLE
from tests.machine import systemd_is_first
from tests.root.booted import asked, boot_systemd, bring_program, program, python, python_command
from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.advice.prediction import restart_delay
from unreclaim.app.enact import enact_plan, undo_plans
from unreclaim.host.systemd.bus import open_bus
from unreclaim.lab.systemd import Systemd

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

APP = "app.service"
# What enact and undo do, without a look at the host before; killed before a changing call of that number.
DRIVER = f"""
import sys
from killed import kill_before
from unreclaim.advice.planner import Facts, Wishes, plan_unit
from unreclaim.app.enact import enact_plan, restore_unfinished, undo_plans
from unreclaim.host.systemd.bus import open_bus
act, number = sys.argv[1], int(sys.argv[2])
with open_bus() as bus:
    if number >= 0:
        kill_before(number)
    if act == "apply":
        restore_unfinished(bus)
        wishes = Wishes(steps=("restart-delay", "own-slice"), restart_seconds=15.0)
        enact_plan(plan_unit(bus.read_unit({APP!r}), Facts(systemd=bus.version()), wishes), bus, runtime=False)
    else:
        undo_plans(None, bus)
"""


@pytest.fixture(scope="module")
def booted() -> Iterator[Systemd]:
    """Boot Debian 12, whose Python runs what is installed here."""
    with boot_systemd() as system:
        bring_program(system, Path(killed.__file__))
        yield system


@pytest.fixture
def system(booted: Systemd) -> Iterator[Systemd]:
    """Give a systemd that restarts the article's unit, which has a drop-in of its user's."""
    path = root_of(booted) / "etc/systemd/system" / APP
    path.write_text(ARTICLE, encoding="utf-8")
    own = path.parent / f"{APP}.d" / "10-mine.conf"
    own.parent.mkdir()
    own.write_text("[Service]\nNice=1\n", encoding="utf-8")
    booted.ask("daemon-reload")
    booted.ask("start", "--no-block", APP)
    time.sleep(1.0)
    yield booted
    booted.attempt("stop", APP)
    program(booted, "undo", "--all", "--force")
    shutil.rmtree(own.parent, ignore_errors=True)
    path.unlink()
    booted.ask("daemon-reload")
    booted.attempt("reset-failed")


def root_of(system: Systemd) -> Path:
    """Give the root directory of a container, from here."""
    return Path(system.root or "/")


def fingerprint(system: Systemd) -> str:
    """Hash names, types, modes, owners and contents of all of /etc/systemd and of the units in /run."""
    digest = hashlib.sha256()
    for top in ("etc/systemd", "run/systemd/system"):
        for path in sorted((root_of(system) / top).rglob("*")):
            status = path.lstat()
            digest.update(f"{path} {status.st_mode} {status.st_uid} {status.st_gid}\n".encode())
            if stat.S_ISLNK(status.st_mode):
                digest.update(os.readlink(path).encode())
            elif stat.S_ISREG(status.st_mode):
                digest.update(path.read_bytes())
    return digest.hexdigest()


def starts_in(system: Systemd, seconds: float) -> int:
    """Count starts by the journal, a second source: systemd's message of each."""
    since = system.run("date", "+%s.%N").stdout.strip()
    time.sleep(seconds)
    words = ("-o", "cat", f"--since=@{since}", f"UNIT={APP}", "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf")
    return len(system.run("journalctl", "--no-pager", *words).stdout.splitlines())


def delay(system: Systemd) -> str:
    """Give the delay before a restart as systemd holds it."""
    return system.show(APP, "RestartUSec")["RestartUSec"]


def test_the_rate_falls_as_predicted(system: Systemd) -> None:
    """A loop of several starts a second comes to what the plan said, by NRestarts and by the journal."""
    # A start takes an emulated machine a second and more.
    pace, watch, seconds = ("20s", "90s", 230.0) if systemd_is_first() else ("2s", "8s", 23.0)
    document = asked(system, "apply", APP, "--yes", "--restart-sec", pace, "--verify", watch)
    assert (document["applied"], document["verified"], document["restored"]) == (True, True, [])
    assert (document["worked"], document["why"]) == (True, "the unit starts as often as predicted")
    assert delay(system) == pace
    predicted = document["prediction"]["cycles_per_day_after"]
    assert document["watched"]["cycles_per_day"]["low"] > 2 * predicted["high"]
    seen = starts_in(system, seconds)
    # One more or less may be in the window.
    assert predicted["low"] * seconds / 86_400 - 1 <= seen <= predicted["high"] * seconds / 86_400 + 1
    assert seen > 5


def test_undo_leaves_the_tree_as_it_was(system: Systemd) -> None:
    """Files, directories, modes and owners are those of before, whether it was for this boot or for good."""
    before = fingerprint(system)
    for where in ((), ("--runtime",)):
        document = asked(system, "apply", APP, "--yes", "--for", "0s", *where, "--step", "no-memory-control")
        assert len(document["paths"]) == 2
        for path in document["paths"]:
            assert path.startswith("/run/" if where else "/etc/")
            assert (root_of(system) / path.lstrip("/")).read_text(encoding="utf-8").startswith("# Written by unreclaim")
        assert fingerprint(system) != before
        assert system.show(APP, "Slice")["Slice"] == "system-app.slice"
        undone = asked(system, "undo", APP)
        assert (undone["units"], sorted(undone["paths"])) == ([APP], sorted(document["paths"]))
        assert fingerprint(system) == before
        assert system.show(APP, "Slice")["Slice"] == "system.slice"


def has_memory_cgroup(system: Systemd, name: str) -> bool:
    """Tell whether the process of a unit is in a memory cgroup of that unit's own."""
    text = system.run("cat", f"/proc/{system.show(name, 'MainPID')['MainPID']}/cgroup").stdout
    lines = [line.split(":", 2) for line in text.splitlines()]
    own = next((path for _, controllers, path in lines if "memory" in controllers.split(",")), None)
    if own is not None:
        return own.endswith(name)
    (unified,) = (path for _, controllers, path in lines if not controllers)
    return "memory" in system.run("cat", f"/sys/fs/cgroup{unified}/cgroup.controllers").stdout.split()


def test_without_the_memory_controller_a_start_makes_no_memory_cgroup(booted: Systemd) -> None:
    """From its next start on a unit in a slice without the controller has none; undone it has one again."""
    with booted.unit("calm.service", "[Service]\nExecStart=/bin/sleep 600\n"):
        booted.ask("start", "calm.service")
        assert has_memory_cgroup(booted, "calm.service")
        document = asked(booted, "apply", "calm.service", "--yes", "--for", "0s", "--step", "no-memory-control")
        assert document["chosen"] == ["no-memory-control"]
        booted.ask("restart", "calm.service")
        assert not has_memory_cgroup(booted, "calm.service")
        asked(booted, "undo", "calm.service")
        booted.ask("restart", "calm.service")
        assert has_memory_cgroup(booted, "calm.service")


def test_without_yes_nothing_is_changed(system: Systemd) -> None:
    """The plan and the difference are shown, and the tree is as it was."""
    before = fingerprint(system)
    shown = program(system, "apply", APP, "--for", "0s")
    assert shown.returncode == 0
    assert "+++ /etc/systemd/system/app.service.d/50-unreclaim.conf" in shown.stdout
    assert "+RestartSec=15s" in shown.stdout
    assert "Nothing was changed" in shown.stdout
    assert fingerprint(system) == before


def test_what_systemd_complains_of_is_taken_back(system: Systemd) -> None:
    """A slice that is masked makes systemd-analyze verify complain; the tree and systemd are as they were."""
    mask = root_of(system) / "etc/systemd/system/system-app.slice"
    mask.symlink_to("/dev/null")
    try:
        before = fingerprint(system)
        done = program(system, "apply", APP, "--yes", "--for", "0s", "--step", "own-slice")
        assert done.returncode == 73
        assert "systemd-analyze verify: " in done.stderr
        assert "the change was taken back" in done.stderr
        assert fingerprint(system) == before
        assert system.show(APP, "Slice")["Slice"] == "system.slice"
    finally:
        mask.unlink()


def test_a_later_drop_in_has_the_last_word_and_is_named(system: Systemd) -> None:
    """What would not be in force is taken back, and who overrides it is said."""
    later = root_of(system) / "etc/systemd/system" / f"{APP}.d" / "override.conf"
    later.write_text("[Service]\nRestartSec=7ms\n", encoding="utf-8")
    system.ask("daemon-reload")
    before = fingerprint(system)
    done = program(system, "apply", APP, "--yes", "--for", "0s")
    assert done.returncode == 73
    assert "RestartSec=7ms stays in force; /etc/systemd/system/app.service.d/override.conf comes later" in done.stderr
    assert fingerprint(system) == before
    assert delay(system) == "7ms"


def test_of_two_at_once_one_is_refused(system: Systemd) -> None:
    """Both plan at the same time; one writes and the other says why it does not."""
    command = python_command(system, "-m", "unreclaim", "apply", APP, "--yes", "--for", "2s")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 73]
    refused = next(err for process, (_, err) in zip(both, said, strict=True) if process.returncode)
    assert "another unreclaim changes drop-ins now" in refused or "was written for app.service before" in refused
    assert delay(system) == "15s"
    assert asked(system, "undo", APP)["units"] == [APP]


def test_a_crash_at_every_step_is_mended_by_the_next_run(system: Systemd) -> None:
    """Killed before each changing call of apply, and of undo, in turn: the next undo, or apply, sets it right."""
    system.attempt("stop", APP)
    before, was = fingerprint(system), delay(system)
    for act in ("apply", "undo"):
        kills = 0
        while True:
            if act == "undo":
                assert python(system, "-c", DRIVER, "apply", "-1").returncode == 0
            done = python(system, "-c", DRIVER, act, str(kills))
            if done.returncode == 0:
                break
            # nsenter and env are killed like their child, or say so.
            assert done.returncode in {-9, 137}
            if kills % 2:
                again = python(system, "-c", DRIVER, "apply", "-1")
                # Where undo was killed before it said what it does, the plan is in force still.
                assert again.returncode == 0 or act == "undo"
            assert python(system, "-c", DRIVER, "undo", "-1").returncode == 0
            assert fingerprint(system) == before
            assert delay(system) == was
            kills += 1
        assert kills > 10
        assert python(system, "-c", DRIVER, "undo", "-1").returncode == 0
    assert fingerprint(system) == before


def test_back_off_is_put_into_force_and_waits_as_predicted() -> None:
    """Systemd 257 takes a plan, and the delay that it names before each restart is the one by our formula."""
    with boot_systemd("trixie") as system:
        (root_of(system) / "etc/systemd/system" / APP).write_text(ARTICLE, encoding="utf-8")
        system.ask("daemon-reload")
        before = fingerprint(system)
        with open_bus(f"unix:path={system.root}/run/dbus/system_bus_socket") as bus:
            wishes = Wishes(restart_seconds=0.1, max_delay_seconds=3.0)
            plan = plan_unit(bus.read_unit(APP), Facts(systemd=bus.version()), wishes)
            done = enact_plan(plan, bus, runtime=False, root=system.root, verify=lambda _path: None)
            assert done.paths == (f"{system.root}/etc/systemd/system/{APP}.d/50-unreclaim.conf",)
            system.ask("start", "--no-block", APP)
            seen: dict[int, str] = {}
            give_up = time.monotonic() + 30
            while max(seen, default=0) < 8 and time.monotonic() < give_up:
                shown = system.show(APP, "NRestarts", "RestartUSecNext", "SubState")
                # While a restart is queued it is counted already and the delay is still that before it.
                if shown["SubState"] == "auto-restart":
                    seen[int(shown["NRestarts"])] = shown["RestartUSecNext"]
                time.sleep(0.02)
            system.attempt("stop", APP)
            assert max(seen) == 8
            assert len(seen) >= 5
            for restarts, text in seen.items():
                assert seconds_of(text) == pytest.approx(restart_delay(restarts + 1, 0.1, 6, 3.0), abs=2e-6)
            assert undo_plans(APP, bus, root=system.root).units == (APP,)
        assert fingerprint(system) == before


def seconds_of(text: str) -> float:
    """Read a time as systemctl writes it: seconds or milliseconds."""
    return float(text.removesuffix("ms")) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))
