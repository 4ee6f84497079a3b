"""What the rules of lint say of systemd holds of a real one, and its own files are judged as it runs them."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.article import ARTICLE
from tests.root.booted import boot_systemd
from tests.root.workload import PRIME
from unreclaim.app.lint import lint
from unreclaim.host.tree import TreeRoot
from unreclaim.lab.systemd import Systemd

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

FAILS = "[Service]\nExecStart=/bin/false\nRestart=always\n"


@pytest.fixture(scope="module")
def systemd() -> Iterator[Systemd]:
    """Boot a Debian 12."""
    with boot_systemd() as running:
        yield running


def restarts(systemd: Systemd, text: str, most: int) -> tuple[int, bool, set[str]]:
    """Start a unit and wait until systemd gives up or it was restarted so often; say how often, and what lint finds."""
    name = f"ulint-{os.getpid()}-{time.monotonic_ns()}.service"
    with systemd.unit(name, text):
        found = lint(TreeRoot(systemd.root), [name])
        assert found.missing == ()
        systemd.attempt("start", "--no-block", name)
        give_up = time.monotonic() + 60
        while True:
            shown = systemd.show(name, "NRestarts", "ActiveState")
            number = int(shown["NRestarts"])
            # Between two restarts it is activating.
            gave_up = shown["ActiveState"] == "failed"
            if gave_up or number >= most or time.monotonic() > give_up:
                return number, gave_up, {finding.rule for finding in found.findings}
            time.sleep(0.1)


def test_the_default_limit_ends_a_loop_and_none_does_not(systemd: Systemd) -> None:
    """With the default limit a service is started five times; without one it is started 23 times and goes on."""
    number, ended, rules = restarts(systemd, FAILS + "RestartSec=1ms\n", PRIME)
    assert (number, ended, rules) == (5, True, {"restart-without-backoff"})
    number, ended, rules = restarts(systemd, FAILS + "RestartSec=1ms\n[Unit]\nStartLimitIntervalSec=0\n", PRIME)
    assert number >= PRIME
    assert (ended, rules) == (False, {"restart-without-backoff", "start-limit-off"})


def test_a_limit_in_the_wrong_section_is_none(systemd: Systemd) -> None:
    """StartLimitIntervalSec= in [Service] is ignored, so the default ends the loop; its old name is taken there."""
    number, ended, rules = restarts(systemd, FAILS + "RestartSec=1ms\nStartLimitIntervalSec=0\n", PRIME)
    assert (number, ended, rules) == (5, True, {"ignored-option", "restart-without-backoff"})
    number, _, rules = restarts(systemd, FAILS + "RestartSec=1ms\nStartLimitInterval=0\n", PRIME)
    assert number >= PRIME
    assert rules == {"restart-without-backoff", "start-limit-off"}


def test_a_limit_out_of_reach_ends_nothing(systemd: Systemd) -> None:
    """3 starts in 2 s end a loop that waits 100 ms, and do not end one that waits 800 ms."""
    limit = "[Unit]\nStartLimitIntervalSec=2\nStartLimitBurst=3\n"
    number, ended, rules = restarts(systemd, FAILS + "RestartSec=100ms\n" + limit, 7)
    assert (number, ended, rules) == (3, True, {"restart-without-backoff"})
    number, ended, rules = restarts(systemd, FAILS + "RestartSec=800ms\n" + limit, 7)
    assert number >= 7
    assert (ended, rules) == (False, {"restart-without-backoff", "start-limit-out-of-reach"})


def test_a_condition_that_fails_makes_no_cgroup_and_no_loop(systemd: Systemd) -> None:
    """With ConditionPathExists= of a missing file nothing is started; without it lint names the file."""
    path = "/etc/ulint-missing.conf"
    text = f"[Service]\nExecStart=/bin/cat {path}\nRestart=always\nRestartSec=1ms\n[Unit]\nStartLimitIntervalSec=0\n"
    name = f"ulint-{os.getpid()}-condition.service"
    with systemd.unit(name, text + f"ConditionPathExists={path}\n"):
        systemd.ask("start", name)
        time.sleep(1)
        shown = systemd.show(name, "NRestarts", "ConditionResult", "ControlGroup", "ActiveState")
        assert shown == {"NRestarts": "0", "ConditionResult": "no", "ControlGroup": "", "ActiveState": "inactive"}
        assert "absent-dependency" not in {each.rule for each in lint(TreeRoot(systemd.root), [name]).findings}
    number, _, rules = restarts(systemd, text, PRIME)
    assert number >= PRIME
    assert "absent-dependency" in rules


class RunningTree(TreeRoot):
    """The tree of the container, which runs."""

    live = True


def test_what_is_written_and_not_loaded_is_said(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's systemd is asked over its own bus; a drop-in that it has not read is told, until it has."""
    address = f"unix:path={systemd.root}/run/dbus/system_bus_socket"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    name = f"ulint-{os.getpid()}-reload.service"
    drop_ins = Path(f"{systemd.root}/run/systemd/system/{name}.d")
    with systemd.unit(name, "[Service]\nExecStart=/bin/sleep 600\nRestart=always\nRestartSec=1ms\n"):
        # One that does not run is forgotten, and read anew when it is asked for.
        systemd.ask("start", name)
        try:
            drop_ins.mkdir()
            (drop_ins / "1.conf").write_text("[Service]\nRestartSec=15s\n", encoding="utf-8")
            report = lint(RunningTree(systemd.root), [name])
            assert report.gaps == ()
            told = [finding.message for finding in report.findings if finding.rule == "not-reloaded"]
            assert told == ["RestartSec=15s is in the file, and systemd runs the unit with 1ms"]
            systemd.ask("daemon-reload")
            found = {finding.rule for finding in lint(RunningTree(systemd.root), [name]).findings}
            assert found == {"start-limit-out-of-reach"}
        finally:
            shutil.rmtree(drop_ins)


def test_the_articles_unit_is_judged_as_it_runs(systemd: Systemd) -> None:
    """It goes on for ever with 1 ms, as lint says, by the rules of the version that runs there."""
    number, _, rules = restarts(systemd, ARTICLE.replace("bash -c", "/bin/bash -c"), PRIME)
    assert number >= PRIME
    assert {"restart-without-backoff", "start-limit-off", "sandbox-no-pin", "type-exec"} <= rules
    report = lint(TreeRoot(systemd.root), [], everything=True)
    assert report.systemd_version == int(systemd.version().split()[1])
    assert report.nr_units > 100
    assert [gap for gap in report.gaps if "ulint" not in gap.what] == []
    assert Path(systemd.root, "usr/bin").is_dir()
