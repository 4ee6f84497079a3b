"""``unreclaim trace`` as it is run: a table on a terminal, lines of JSON, the summary at the end."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from tests.fakes.tracer import FakeTracer
from unreclaim.cli import trace
from unreclaim.cli.main import run
from unreclaim.host.tracing.tracefs import TracingUnavailableError

Output = pytest.CaptureFixture[str]
HEADING = "                                      kind       created  removed  released  unreleased  per second"


class Host:
    """A host on which 23 cgroups are made within two seconds."""

    def __init__(self) -> None:
        """Begin."""
        self.clock, self.tracer = FakeClock(), FakeTracer()
        self.asked: list[dict[str, object]] = []
        for at, number in ((0.1, 5), (1.1, 18)):
            self.clock.after(at, partial(self.tracer.happen, "/system.slice/a.service", number))

    @contextlib.contextmanager
    def trace(self, purpose: str, **options: object) -> Iterator[FakeTracer]:
        """Give the tracer."""
        self.asked.append({"purpose": purpose, **options})
        yield self.tracer


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """Give a host in the place of this one."""
    host = Host()
    files = {"/proc/self/cgroup": "4:memory:/\n", "/proc/self/mountinfo": ""}
    monkeypatch.setattr(trace, "trace_cgroups", host.trace)
    monkeypatch.setattr(trace, "SystemClock", lambda: host.clock)
    monkeypatch.setattr(trace, "LiveRoot", lambda: FakeRoot(files))
    return host


def test_the_summary_is_text(host: Host, capsys: Output) -> None:
    """Without a terminal nothing is said before the end."""
    assert run(["trace", "--for", "2s", "--buffer", "64"]) == 0
    output, error = capsys.readouterr()
    assert output.splitlines()[0] == "a.service made all of 23 cgroups in 2 seconds, 12 a second."
    assert error == ""
    assert host.asked == [{"purpose": "trace", "buffer_kib": 64, "memcgs": True}]


def test_json_is_a_line_an_interval_and_the_summary(host: Host, capsys: Output) -> None:
    """Each line is a document of its own; with --each a source is a path."""
    assert run(["trace", "--for", "2s", "--every", "500ms", "--each", "--json"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [part["part"] for part in documents] == [*4 * ["interval"], "summary"]
    counts = [[(one["source"], one["created"]) for one in part["sources"]] for part in documents]
    path = "/system.slice/a.service"
    assert counts == [[(path, 5)], [], [(path, 18)], [], [(path, 23)]]
    assert host.clock.gone == 2.0


def test_a_terminal_has_a_table(host: Host, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn over the one before, on stderr, and taken away before the summary."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(["trace", "--for", "2s"]) == 0
    output, error = capsys.readouterr()
    assert error.splitlines() == [
        "1 second: 5 cgroups made (Ctrl-C ends)",
        HEADING,
        "  a.service                           unit             5        0         0           0           5",
        "\033[3F\033[J2 seconds: 23 cgroups made (Ctrl-C ends)",
        HEADING,
        "  a.service                           unit            23        0         0           0          18",
        "\033[3F\033[J",
    ]
    assert output.startswith("a.service made all of 23 cgroups")
    assert host.asked


def test_a_narrow_terminal_cuts_the_table(host: Host, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal is wide, or the table could not be drawn over."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(trace, "_columns", lambda: 20)
    assert run(["trace", "--for", "1s"]) == 0
    assert capsys.readouterr().err.splitlines()[:3] == ["1 second: 5 cgroups ", 20 * " ", "  a.service         "]
    assert host.asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_watch(host: Host, capsys: Output, number: int) -> None:
    """The summary has what was seen up to then; the handlers are those of before."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        host.clock.after(0.6, partial(os.kill, os.getpid(), number))
        assert run(["trace", "--for", "1h"]) == 0
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().out.splitlines()[0] == "a.service made all of 5 cgroups in 0.8 seconds, 6.7 a second."


def test_a_second_signal_ends_the_program(host: Host, capsys: Output) -> None:
    """Somebody who presses Ctrl-C twice does not want to wait: 130."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    host.clock.after(0.6, twice)
    assert run(["trace"]) == 130
    assert capsys.readouterr() == ("", "\nunreclaim: interrupted\n")


def test_what_is_ignored_stays_so(host: Host) -> None:
    """Under nohup a hang-up does not end it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        host.clock.after(0.6, partial(os.kill, os.getpid(), signal.SIGHUP))
        assert run(["trace", "--for", "5s"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert host.clock.gone == 5.0


def test_it_does_not_show_without_end(host: Host, capsys: Output) -> None:
    """An interval of nothing would be a loop that never sleeps."""
    assert run(["trace", "--every", "0s"]) == 64
    assert capsys.readouterr().err == "unreclaim: --every: at least 100ms\nhint: unreclaim trace --help\n"
    assert host.asked == []


def test_where_it_cannot_trace_it_says_so(host: Host, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 69, why, and what to do."""

    @contextlib.contextmanager
    def refuse(*_: object, **__: object) -> Iterator[Callable[[], None]]:
        raise TracingUnavailableError("trace events", "no tracefs", hint="run it on the host")
        yield

    monkeypatch.setattr(trace, "trace_cgroups", refuse)
    assert run(["trace"]) == 69
    assert capsys.readouterr() == ("", "unreclaim: trace events: no tracefs\nhint: run it on the host\n")
    assert host.clock.gone == 0.0
