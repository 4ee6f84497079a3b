"""``unreclaim trace``: watch cgroups come and go, and say who makes them."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import click

from unreclaim.app.clock import SystemClock
from unreclaim.app.trace import Order, trace
from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.terminal import say
from unreclaim.host.root import LiveRoot
from unreclaim.host.tracing.cgroups import trace_cgroups
from unreclaim.model.churn import Churn
from unreclaim.render.as_json import encode
from unreclaim.render.as_text import WIDTH
from unreclaim.render.trace import churn_document, churn_text, live_text

_LEAST_EVERY_SECONDS = 0.1


@click.command(name="trace")
@click.option("--for", "seconds", type=Duration(), metavar="TIME", default="60s", show_default=True, help="How long.")
@click.option("--every", type=Duration(), metavar="TIME", default="1s", show_default=True, help="How often to show.")
@click.option("--each", is_flag=True, help="List every cgroup by its path instead of who makes it.")
@click.option(
    "--buffer",
    "buffer_kib",
    type=click.IntRange(4, 1 << 20),
    metavar="KIB",
    help="Of each CPU, for events that are not read yet. [default: 256 to 4096, at most 64 MiB in all]",
)
@json_option()
def command(seconds: float, every: float, buffer_kib: int | None, *, each: bool, as_json: bool) -> None:
    """Watch cgroups come and go, and say who makes them.

    Counts every cgroup that is made, removed and released by the kernel's own trace events, and names who makes them:
    units (instances together, as foo@*.service), slices, sessions, containers and pods. One start of a unit is one
    cgroup: a source is counted in the hierarchy with the memory controller if it is in it, else in the one where it
    makes most; all hierarchies are counted apart. What is removed and not released is dying.

    Needs root and tracefs, which is mounted for the time of the command if it is not. The events go to an instance of
    our own, so other tracing is not disturbed. Ctrl-C ends the watch early and shows what was seen up to then.

    \b
    Example:
      sudo unreclaim trace                    a minute, with a table while it goes on
      sudo unreclaim trace --for 10m --json   a line a second, and last the summary
      sudo unreclaim trace --each             which cgroups, by their paths
    """  # noqa: D301
    if every < _LEAST_EVERY_SECONDS:
        raise click.UsageError("--every: at least 100ms")
    order = Order(seconds, every, each)
    display = _Display(as_json=as_json)
    with _ended_by_signals() as stopped, trace_cgroups("trace", buffer_kib=buffer_kib, memcgs=True) as tracer:
        churn = trace(order, tracer, LiveRoot(), SystemClock(), display.show, lambda: bool(stopped))
    display.clear()
    say(_line(churn, summary=True) + "\n" if as_json else churn_text(churn))


def _line(churn: Churn, *, summary: bool) -> str:
    return encode(churn_document(churn, summary=summary), pretty=False)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[list[int]]:
    """Give a list that holds the first signal that asks us to end; a second one ends us at once."""
    seen: list[int] = []
    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if (handler := signal.getsignal(number)) != signal.SIG_IGN
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: object) -> None:
        seen.append(number)
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield seen
    finally:
        restore()


class _Display:
    """Shows what happens while it does: a table on a terminal, lines of JSON; else nothing before the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._table = not as_json and sys.stderr is not None and sys.stderr.isatty()
        self._height = 0

    def show(self, interval: Churn, total: Churn) -> None:
        """Show one interval. A reader of the lines that has left ends the watch: BrokenPipeError."""
        if self._as_json:
            click.echo(_line(interval, summary=False))
        elif self._table:
            self.clear()
            # A line that the terminal breaks would be two, and not be taken away.
            columns = _columns()
            lines = [line[:columns] for line in live_text(interval, total).splitlines()]
            click.echo("\n".join(lines), err=True)
            self._height = len(lines)

    def clear(self) -> None:
        """Take the table away again."""
        if self._height:
            click.echo(f"\033[{self._height}F\033[J", nl=False, err=True)
            self._height = 0


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH
    except OSError:
        return WIDTH
