"""``unreclaim lab reproduce``: make a leak of a known kind, and say whether it came out as it must."""

import sys
import time

import click

from unreclaim.analysis.reproduction import KINDS
from unreclaim.app.clock import SystemClock
from unreclaim.base.errors import ExitCode
from unreclaim.base.progress import Progress
from unreclaim.base.units import format_duration
from unreclaim.cli.lab_options import container_options
from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.terminal import progress_line, say
from unreclaim.host.root import LiveRoot
from unreclaim.lab.nspawn import cache_directory, make_root
from unreclaim.lab.ownership import require_root
from unreclaim.lab.reproduce import MOST_CGROUPS, UNIT_LOOP, Order, reproduce
from unreclaim.model.lab import Moment
from unreclaim.render.as_json import encode
from unreclaim.render.lab import moment_line, moments_text, reproduction_document, reproduction_text

_CODES = {True: ExitCode.HEALTHY, False: ExitCode.WARNING, None: ExitCode.CANNOT_TELL}
_LINE_EVERY = 4


@click.command(name="reproduce")
@click.argument("kind", type=click.Choice(sorted(KINDS)), metavar="KIND")
@click.option(
    "--count",
    type=click.IntRange(1, MOST_CGROUPS),
    metavar="N",
    default=200,
    show_default=True,
    help=f"How many cgroups to make, at most {MOST_CGROUPS}.",
)
@click.option(
    "--within", type=Duration(), metavar="TIME", default="5m", show_default=True, help="Stop making when it is over."
)
@click.option("--hold", type=Duration(), metavar="TIME", default="0s", help="Keep it there so long, to look at it.")
@container_options("For unit-loop: boot")
@click.option("--keep", is_flag=True, help="Leave it there, until the next run of lab.")
@json_option()
@click.pass_context
def command(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    kind: str,
    count: int,
    within: float,
    hold: float,
    suite: str,
    cache_dir: str | None,
    *,
    nspawn: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Make a leak of a known kind, and say whether it came out as it must.

    Makes cgroups below one of its own, lets a process do something in each, and counts how many the kernel keeps
    dying. What must come out depends on the kernel and is said. All of it is removed at the end; what a killed run
    left is removed by the next. Refuses on a host short of memory.

    \b
    Kinds, and what the process in each cgroup does:
      empty         nothing
      page-cache    writes a page of a file of its own
      shared-log    appends a page to a log of all
      tmpfs         writes a page of a file in tmpfs
      memfd         writes a page of a memfd that another process holds
      mapped        writes a page of a file that another process maps
      mlock         writes a page of a file that another process locks
      dentries      looks up 30 names that do not exist
      sockets       opens a TCP socket that another process keeps
      live-cgroups  nothing, and nobody removes the cgroup
      unit-loop     appends a page to a log, as a systemd unit that restarts

    \b
    Example:
      sudo unreclaim lab reproduce page-cache
      sudo unreclaim lab reproduce tmpfs --count 2000 --hold 5m
      sudo unreclaim lab reproduce sockets --json

    Exit codes: 0 as expected, 1 not as expected, 3 cannot tell.
    """  # noqa: D301
    if keep and KINDS[kind].needs_process:
        raise click.UsageError(f"what {kind} leaves is held by this process and goes with it; use --hold", ctx)
    if nspawn and kind != UNIT_LOOP:
        raise click.UsageError(f"--nspawn is for {UNIT_LOOP} alone", ctx)
    require_root("lab reproduce")
    container = make_root(suite, cache_dir or cache_directory()) if nspawn else None
    order = Order(kind, count, within)
    display = _Display(as_json=as_json)
    with reproduce(order, LiveRoot(), SystemClock(), display.show, lambda: keep, container) as made:
        display.clear()
        say(encode(reproduction_document(made)) + "\n" if as_json else reproduction_text(made))
        if not as_json:
            say(_remark(made.places, hold, keep=keep))
        _wait(hold, progress_line("holding it, see: unreclaim census"))
    ctx.exit(_CODES[made.agrees])


def _remark(places: tuple[str, ...], hold: float, *, keep: bool) -> str:
    if keep:
        return f"\nleft in {', '.join(places)} until the next run of lab; now: unreclaim lab clean\n"
    return (
        f"\nheld for {format_duration(hold)}: look with unreclaim census or unreclaim diagnose\n"
        if hold
        else "\nit is removed now\n"
    )


def _wait(seconds: float, progress: Progress | None) -> None:
    sys.stdout.flush()
    start = time.monotonic()
    while (gone := time.monotonic() - start) < seconds:
        if progress is not None:
            progress(gone, seconds)
        time.sleep(min(1.0, seconds - gone))
    if progress is not None and seconds:
        progress(seconds, seconds)


class _Display:
    """Shows readings as they come: a plot on a terminal, lines elsewhere."""

    def __init__(self, *, as_json: bool) -> None:
        self._plots = sys.stderr is not None and sys.stderr.isatty()
        self._lines = not as_json and not self._plots
        self._moments: list[Moment] = []
        self._height = 0

    def show(self, moment: Moment) -> None:
        """Show one more reading."""
        self._moments.append(moment)
        if self._plots:
            self.clear()
            text = moments_text(tuple(self._moments))
            click.echo(text, err=True)
            self._height = text.count("\n") + 1
        elif self._lines and (len(self._moments) - 1) % _LINE_EVERY == 0:
            say(moment_line(moment, self._moments[0]))

    def clear(self) -> None:
        """Take the plot away again."""
        if self._height:
            click.echo(f"\033[{self._height}F\033[J", nl=False, err=True)
            self._height = 0
        elif self._lines and self._moments:
            say("\n")
