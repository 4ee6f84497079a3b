"""Starts under a real systemd, each of which is counted, whoever asked for it; the program runs beside it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.article import ARTICLE
from tests.root.booted import asked, boot_systemd, bring_program, python
from tests.root.workload import PRIME
from unreclaim.lab.systemd import UNITS, Systemd

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

MANY = 211
ONESHOT = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
CONNECT = """
import socket
for _ in range({number}):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect("/run/uct-talk")
        stream.send(b"x")
        stream.recv(1)
"""


ABANDON = (
    *("busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/uct_2dleft_2escope"),
    *("org.freedesktop.systemd1.Scope", "Abandon"),
)


LOGIN = (
    *("busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"),
    *("CreateSession", "uusssssussbssa(sv)"),
)
"""Then: uid, pid, service, type and class; and the rest: desktop, seat, VT, TTY, display, remote, its user and host."""

LOGIN_REST = ("", "", "0", "", "", "false", "", "", "0")


class Container:
    """A booted systemd, and the program in it."""

    def __init__(self, system: Systemd) -> None:
        """Bring the program."""
        self.system = system
        bring_program(system)

    def units(self, *arguments: str) -> dict[str, Any]:
        """Run ``unreclaim units --json``."""
        return asked(self.system, "units", *arguments)

    def put(self, name: str, text: str) -> None:
        """Write a unit, or a drop-in of one."""
        path = Path(f"{self.system.root}{UNITS}/{name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="ascii")
        self.system.ask("daemon-reload")

    def until(self, unit: str, **wanted: str) -> None:
        """Wait until a unit's properties are these."""
        give_up = time.monotonic() + 60
        while (shown := self.system.show(unit, *wanted)) != wanted:
            assert time.monotonic() < give_up, shown
            time.sleep(0.1)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Boot one container for all tests; skip where that cannot be, or its Python could not load our msgspec."""
    with boot_systemd() as system:
        yield Container(system)


def rows(document: dict[str, Any], prefix: str) -> dict[str, tuple[object, ...]]:
    """Give kind, starts and the doubt about them, of each source of that prefix."""
    return {
        source["name"]: (source["kind"], source["starts"], source["at_least"])
        for source in document["sources"]
        if source["name"].startswith(prefix)
    }


@pytest.mark.parametrize("restarts", [PRIME, MANY])
def test_a_restart_loop_is_counted_when_nrestarts_is_reset(container: Container, restarts: int) -> None:
    """The article's unit has one start more than restarts, before and after `systemctl stop` has NRestarts say 0."""
    name = f"uct-article{restarts}.service"
    container.put(name, ARTICLE)
    # All that differs: systemd itself counts the starts, and refuses the next.
    container.put(f"{name}.d/limit.conf", f"[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst={restarts + 1}\n")
    container.system.attempt("start", "--no-block", name)
    container.until(name, ActiveState="failed")
    expected = {name: ("restart loop", restarts + 1, False)}
    assert rows(container.units(), name) == expected
    container.system.ask("reset-failed", name)
    container.system.ask("stop", name)
    assert container.system.show(name, "NRestarts") == {"NRestarts": "0"}
    document = container.units()
    assert rows(document, name) == expected
    (source,) = [source for source in document["sources"] if source["name"] == name]
    assert (source["nr_restarts"], source["basis"]) == (0, "journal")
    assert source["unit"]["fragment_path"] == f"{UNITS}/{name}"
    assert source["unit"]["standard_output"] == "journal"
    assert source["unit"]["drop_in_paths"] == [f"{UNITS}/{name}.d/limit.conf"]


def test_a_timers_runs_are_counted(container: Container) -> None:
    """A timer that may start its service 23 times made 23 starts, and is named as what makes them."""
    limit = f"[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst={PRIME}\n"
    container.put("uct-timed.service", limit + ONESHOT)
    container.put("uct-timed.timer", "[Timer]\nOnActiveSec=10ms\nOnUnitInactiveSec=10ms\nAccuracySec=1ms\n")
    container.system.ask("start", "uct-timed.timer")
    # Refused by the limit, which is no start; the timer would ask for ever.
    container.until("uct-timed.service", ActiveState="failed")
    try:
        assert rows(container.units(), "uct-timed") == {"uct-timed.service": ("timer", PRIME, False)}
    finally:
        container.system.attempt("stop", "uct-timed.timer")


def test_connections_are_counted(container: Container) -> None:
    """A socket that starts an instance for each connection (Accept=yes) has 23 starts after 23 of them."""
    container.put("uct-talk.socket", "[Socket]\nListenStream=/run/uct-talk\nAccept=yes\nTriggerLimitBurst=0\n")
    container.put("uct-talk@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n")
    container.system.ask("start", "uct-talk.socket")
    assert container.system.run("python3", "-c", CONNECT.format(number=PRIME)).returncode == 0
    container.until("uct-talk.socket", NConnections="0")
    assert rows(container.units(), "uct-talk") == {"uct-talk@*.service": ("socket instance", PRIME, False)}


@pytest.mark.parametrize(("option", "kind"), [("--wait", "transient"), ("--scope", "scope")])
def test_a_loop_of_systemd_run_is_counted(container: Container, option: str, kind: str) -> None:
    """23 calls of systemd-run are 23 starts of one source, although each has a name of its own."""
    before = starts_of_kind(container, kind)
    for _ in range(PRIME):
        assert container.system.run("systemd-run", "--quiet", option, "true").returncode == 0
    assert starts_of_kind(container, kind) - before == PRIME


def starts_of_kind(container: Container, kind: str) -> int:
    """Add up the starts of what systemd-run names."""
    found = rows(container.units("--all"), "run-").values()
    return sum(number for what, number, _ in found if what == kind and isinstance(number, int))


def test_since_counts_from_then_on(container: Container) -> None:
    """Starts before the given time are left out; those after it are all there."""
    container.put("uct-later.service", ONESHOT)
    container.system.ask("start", "uct-later.service")
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    for _ in range(3):
        container.system.ask("start", "uct-later.service")
    assert rows(container.units(), "uct-later") == {"uct-later.service": ("service", 4, False)}
    assert rows(container.units("--since", moment), "uct-later") == {"uct-later.service": ("service", 3, False)}


def test_abandoned_scopes_are_recognised(container: Container) -> None:
    """A scope whose master has gone, but not its processes, is named as what it is."""
    words = ("systemd-run", "--quiet", "--scope", "--unit=uct-left", "sh", "-c", "setsid sleep 300 >/dev/null 2>&1 &")
    assert container.system.run(*words).returncode == 0
    try:
        done = container.system.run(*ABANDON)
        assert done.returncode == 0, done.stderr
        container.until("uct-left.scope", SubState="abandoned")
        (pile,) = [pile for pile in container.units()["piles"] if "uct-left.scope" in pile["names"]]
        assert (pile["what"].partition(":")[0], pile["number"]) == ("abandoned scopes", 1)
    finally:
        container.system.attempt("stop", "uct-left.scope")


def test_a_session_that_does_not_close_is_recognised(container: Container) -> None:
    """Whoever logged in has left, a process of theirs has not: the session is closing, and named as what it is."""
    container.put("uct-sleeper.service", "[Service]\nExecStart=/bin/sleep 300\n")
    container.system.ask("start", "uct-sleeper.service")
    pid = container.system.show("uct-sleeper.service", "MainPID")["MainPID"]
    try:
        # As pam_systemd asks for it; that busctl ends, and closes what it was given, is the logout.
        done = container.system.run(*LOGIN, "0", pid, *["uct", "tty", "user"], *LOGIN_REST)
        assert done.returncode == 0, done.stderr
        identity = done.stdout.split('"')[1]
        document = container.units()
        assert [
            (pile["what"].partition(":")[0], pile["number"], pile["names"])
            for pile in document["piles"]
            if "sessions" in pile["what"]
        ] == [("sessions that are closing", 1, [f"{identity} (root)"])]
        assert rows(document, "session-") == {"session-*.scope": ("session", 1, False)}
    finally:
        container.system.run("kill", pid)


def test_pid_1s_own_socket_answers_alike(container: Container) -> None:
    """Without a D-Bus daemon PID 1 says the same of its units; only logind cannot be asked."""
    private = ("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/systemd/private",)
    done = python(container.system, "-m", "unreclaim", "units", "--json", environment=private)
    document = json.loads(done.stdout)
    usual = container.units()
    assert document["systemd_version"] == usual["systemd_version"] == 252
    assert rows(document, "dbus") == rows(usual, "dbus") == {"dbus.service": ("service", 1, False)}
    ours, theirs = ({row["name"]: row["unit"] for row in one["sources"]} for one in (document, usual))
    assert ours["dbus.service"] == theirs["dbus.service"] is not None
    assert document["gaps"][0]["what"] == "sessions"
    assert "sessions" not in {gap["what"] for gap in usual["gaps"]}


def test_a_bus_that_is_absent_is_a_gap(container: Container) -> None:
    """Without D-Bus the journal alone counts, and what systemd would have said is a gap."""
    nowhere = ("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/none",)
    done = python(container.system, "-m", "unreclaim", "units", "--json", environment=nowhere)
    document = json.loads(done.stdout)
    assert {row["basis"] for row in document["sources"]} == {"journal"}
    assert document["gaps"][0]["what"] == "what systemd says of its units"
    assert {row["nr_restarts"] for row in document["sources"]} == {None}
