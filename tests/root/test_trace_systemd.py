"""Units of a real systemd in a container, which come and go in every way: a trace counts their starts, exactly."""

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.root.booted import boot_systemd
from tests.root.watching import settle, source, watch
from tests.root.workload import PRIME
from unreclaim.app.clock import SystemClock
from unreclaim.lab.systemd import Systemd
from unreclaim.lab.units import restart_until_limit

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

# The journal of an earlier run is still in the root.
NAME = f"unreclaim-trace-{os.getpid()}-{time.monotonic_ns()}"
LOOP = """
[Unit]
StartLimitIntervalSec=1h
StartLimitBurst=%d

[Service]
ExecStart=/bin/true
Restart=always
RestartSec=1ms
"""
TEMPLATE = "[Unit]\nStartLimitIntervalSec=0\n\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
TIMER = "[Timer]\nOnActiveSec=0\nOnUnitInactiveSec=100ms\nAccuracySec=1ms\n"


@pytest.fixture(scope="module")
def system() -> Iterator[Systemd]:
    """Give a booted systemd."""
    with boot_systemd() as booted:
        yield booted


def starts(system: Systemd, unit: str) -> int:
    """Give how often a unit was started, as the journal says."""
    system.run("journalctl", "--sync")
    # SD_MESSAGE_UNIT_STARTED of sd-messages.h; of a oneshot when it has run to its end.
    message = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf"
    done = system.run("journalctl", "-q", "-o", "cat", message, f"UNIT={unit}")
    return len(done.stdout.splitlines())


@pytest.mark.parametrize("number", [PRIME, 211])
def test_restarts_are_counted_as_the_journal_does(system: Systemd, number: int) -> None:
    """A service that restarts until its limit and is stopped then: as many cgroups as starts, by the unit's name."""
    name = f"{NAME}-{number}.service"
    with watch() as (_, documents), system.unit(name, LOOP % number):
        assert restart_until_limit(system, name, number, SystemClock()) == number
        system.attempt("stop", name)
        settle()
        assert starts(system, name) == number
    assert source(documents[-1], name) == [number, number, number, 0]
    assert documents[-1]["lost_events"] == 0


def test_instances_are_one_source(system: Systemd) -> None:
    """23 instances of a template, started by hand one after the other, are 23 of foo@*.service."""
    with watch() as (_, documents), system.unit(f"{NAME}@.service", TEMPLATE):
        for number in range(PRIME):
            system.ask("start", f"{NAME}@{number}.service")
        settle()
    assert source(documents[-1], f"{NAME}@*.service") == [PRIME, PRIME, PRIME, 0]


def test_what_systemd_run_starts_is_one_source(system: Systemd) -> None:
    """23 transient services with names that systemd makes up are 23 in the place that the container has."""
    with watch("--each") as (_, documents):
        for _ in range(PRIME):
            assert system.run("systemd-run", "--quiet", "--wait", "--collect", "/bin/true").returncode == 0
        settle()
    own = f"/unreclaim-lab-{os.getpid()}-"
    runs = [one for one in documents[-1]["sources"] if one["source"].startswith(own) and "/run-" in one["source"]]
    assert {one["kind"] for one in runs} == {"unit"}
    # The container lies at another path in the hierarchies that systemd-nspawn manages itself.
    places: Counter[str] = Counter()
    for one in runs:
        places[one["source"].partition("/run-")[0]] += one["created"]
    assert set(places.values()) == {PRIME}


def test_a_timer_counts_as_often_as_its_service_ran(system: Systemd) -> None:
    """A service that a timer starts has NRestarts=0; its cgroups are as many as the journal's starts."""
    name = f"{NAME}.timed"
    with watch() as (_, documents), system.unit(f"{name}.service", TEMPLATE), system.unit(f"{name}.timer", TIMER):
        system.ask("start", f"{name}.timer")
        time.sleep(3.0)
        system.ask("stop", f"{name}.timer")
        settle()
        assert system.show(f"{name}.service", "NRestarts")["NRestarts"] == "0"
        number = starts(system, f"{name}.service")
    assert number > 5
    assert source(documents[-1], f"{name}.service")[:2] == [number, number]


def test_a_socket_makes_a_cgroup_for_each_connection(system: Systemd) -> None:
    """A socket with Accept=yes starts an instance for each of 23 connections: 23 of its template."""
    name = f"{NAME}.accepting"
    socket = f"[Socket]\nListenStream=/run/{name}\nAccept=yes\nMaxConnections=100\nTriggerLimitIntervalSec=0\n"
    client = (
        "import socket\n"
        f"for _ in range({PRIME}):\n"
        f"    with socket.socket(socket.AF_UNIX) as client: client.connect('/run/{name}'); client.recv(1)\n"
    )
    service = "[Service]\nExecStart=/bin/true\nStandardInput=socket\n"
    with watch() as (_, documents), system.unit(f"{name}@.service", service), system.unit(f"{name}.socket", socket):
        system.ask("start", f"{name}.socket")
        assert system.run("python3", "-c", client).returncode == 0
        settle()
        system.ask("stop", f"{name}.socket")
    assert source(documents[-1], f"{name}@*.service") == [PRIME, PRIME, PRIME, 0]
