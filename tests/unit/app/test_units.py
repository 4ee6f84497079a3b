"""A survey of a host whose systemd is absent or hangs; tests/root/test_units.py asks a real one."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.hosts import HOSTS, FakeHost
from tests.fakes.tracer import FakeTracer
from unreclaim.app.units import survey_units
from unreclaim.base.errors import UnavailableError
from unreclaim.formats.journal_entry import STARTED
from unreclaim.host.bpf import libbpf
from unreclaim.host.source import open_source
from unreclaim.host.systemd import bus
from unreclaim.host.tracing.tracefs import TracingUnavailableError
from unreclaim.model.gap import Gap
from unreclaim.model.units import JournalSpan

NOW = 1_795_374_000.0


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have neither BPF, nor a bus, nor a journalctl."""
    monkeypatch.setattr(libbpf, "_LIBRARY", "libbpf-that-is-not-there.so.1")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    monkeypatch.setenv("PATH", str(tmp_path))


def write_journal(tmp_path: Path, starts: list[float], *, end: str = "") -> None:
    """Put a script in journalctl's place that tells of starts at these times; the first is also its oldest entry."""
    lines = [
        {
            "__REALTIME_TIMESTAMP": str(round(at * 1e6)),
            "_PID": "1",
            "MESSAGE_ID": STARTED,
            "UNIT": "app.service",
            "INVOCATION_ID": str(number),
        }
        for number, at in enumerate(starts)
    ]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\n/bin/cat <<'E'\n{text}\nE\n{end}\n", encoding="utf-8")
    (tmp_path / "journalctl").chmod(0o755)


@pytest.fixture
def silent_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a bus that accepts and never answers."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/silent")
    monkeypatch.setattr(bus, "_CALL_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/silent")
        listener.listen()
        yield


@pytest.mark.usefixtures("silent_bus")
def test_a_bus_that_hangs_is_a_gap(tmp_path: Path) -> None:
    """The journal counts all the same, within the time limit, and what PID 1 would have said is a gap."""
    write_journal(tmp_path, [NOW - 100 + number for number in range(23)])
    began = time.monotonic()
    survey = survey_units(FakeHost().source(), FakeClock(), since_unix_seconds=NOW - 150)
    assert time.monotonic() - began < 10
    (row,) = survey.rows
    assert (row.name, row.starts, row.at_least, row.basis, row.nr_restarts) == (
        "app.service",
        23,
        False,
        "journal",
        None,
    )
    assert survey.span == JournalSpan(NOW - 150, NOW - 100, NOW)
    assert [(gap.what, gap.why.rpartition(": ")[2]) for gap in survey.gaps][:1] == [
        ("what systemd says of its units", "no answer in time")
    ]
    assert survey.gaps[1].what == "dying cgroups of each unit"
    assert (survey.systemd_version, survey.cost_source, survey.window, survey.piles) == (None, None, None, ())


def test_a_journal_that_ends_in_the_middle_is_a_gap(tmp_path: Path) -> None:
    """What it told before is counted."""
    write_journal(tmp_path, [NOW - 9, NOW - 8], end="echo 'file is truncated' >&2")
    survey = survey_units(FakeHost().source(), FakeClock(), since_unix_seconds=NOW - 10)
    assert [(row.starts, row.at_least) for row in survey.rows] == [(2, True)]
    assert ("starts", "file is truncated") in [(gap.what, gap.why) for gap in survey.gaps]


def test_a_window_prices_the_starts_in_it(tmp_path: Path) -> None:
    """Memory is read every second, and what grew with the starts is theirs."""
    host, clock = FakeHost(), FakeClock()

    def grow() -> None:
        host.slab_kib += 23 * 13

    for second in range(6):
        clock.after(second + 0.5, grow)
    write_journal(
        tmp_path, [NOW - 60, *(NOW + second + 0.25 + number / 100 for second in range(6) for number in range(23))]
    )
    told: list[tuple[float, float]] = []
    survey = survey_units(
        host.source(),
        clock,
        since_unix_seconds=NOW - 60,
        window_seconds=6,
        progress=lambda gone, whole: told.append((gone, whole)),
    )
    assert survey.window is not None
    (row,) = survey.window.rows
    assert (row.name, row.starts, survey.window.seconds) == ("app.service", 138, 6.0)
    assert (row.bytes_each, row.low, row.high) == pytest.approx((13 * 1024,) * 3)
    assert (row.bytes, survey.window.growth_bytes, survey.window.unexplained_bytes) == (138 * 13 * 1024,) * 2 + (0,)
    assert told[-1] == (6, 6)


def test_what_the_trace_itself_takes_is_no_growth(tmp_path: Path) -> None:
    """The kernel's buffers for it are there before the window begins."""
    host = FakeHost()
    write_journal(tmp_path, [NOW - 60])

    @contextlib.contextmanager
    def begin() -> Iterator[FakeTracer]:
        host.slab_kib += 2048
        yield FakeTracer()

    survey = survey_units(host.source(), FakeClock(), since_unix_seconds=NOW - 90, window_seconds=6, open_tracer=begin)
    assert survey.window is not None
    assert survey.window.growth_bytes == 0


def test_an_empty_journal_is_no_zero(tmp_path: Path) -> None:
    """A journal with no entry of that time tells nothing; a trace while it is watched still counts."""
    write_journal(tmp_path, [])
    (tmp_path / "journalctl").write_text("#!/bin/sh\n", encoding="utf-8")
    tracer = FakeTracer()
    tracer.happen("/system.slice/app.service", 23)
    survey = survey_units(
        FakeHost().source(), FakeClock(), window_seconds=6, open_tracer=lambda: contextlib.nullcontext(tracer)
    )
    assert [(row.name, row.starts, row.basis) for row in survey.rows] == [("app.service", 23, "trace")]
    assert survey.gaps[1].why == "the journal has no entry of that time"


def test_where_nothing_can_be_traced_that_is_a_gap(tmp_path: Path) -> None:
    """The journal counts all the same; cgroups that no systemd makes are not seen, and that is said."""
    write_journal(tmp_path, [NOW - 100])

    @contextlib.contextmanager
    def refuse() -> Iterator[FakeTracer]:
        raise TracingUnavailableError("trace events", "only root can read them", hint="run it with sudo")
        yield

    survey = survey_units(
        FakeHost().source(), FakeClock(), since_unix_seconds=NOW - 150, window_seconds=6, open_tracer=refuse
    )
    assert [(row.name, row.starts, row.traced) for row in survey.rows] == [("app.service", 1, None)]
    assert Gap("cgroups that no systemd makes", "only root can read them", "run it with sudo") in survey.gaps


def test_a_host_without_systemd_is_told_so() -> None:
    """Neither the bus nor the journal answers: an error with both reasons."""
    with pytest.raises(UnavailableError, match=r"^units: neither .* No such file.*; journalctl cannot be run: "):
        survey_units(FakeHost().source(), FakeClock())


def test_a_capture_has_no_systemd() -> None:
    """A bundle is refused, with what can be done instead."""
    with pytest.raises(UnavailableError, match="asks a running systemd"):
        survey_units(open_source(str(HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz")), FakeClock())
