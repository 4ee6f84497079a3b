"""``unreclaim units``: who is started how often, and what each start costs."""

import datetime as dt
from functools import partial

import click

from unreclaim.app.clock import SystemClock
from unreclaim.app.units import survey_units
from unreclaim.cli.options import Duration, json_option, root_option
from unreclaim.cli.terminal import progress_line, say
from unreclaim.host.source import open_source
from unreclaim.host.tracing.cgroups import trace_cgroups
from unreclaim.render.as_json import encode
from unreclaim.render.units import units_document, units_text


@click.command(name="units")
@click.option(
    "--since",
    metavar="TIME",
    help="Count from then on instead of since boot: 24h (so long ago), or a date as 2026-11-25T08:00.",
)
@click.option(
    "--for",
    "window",
    type=Duration(),
    metavar="TIME",
    default="0s",
    help="Watch for so long, too, what each start costs.",
)
@click.option("--all", "every_row", is_flag=True, help="Show every source, and ask systemd about each.")
@root_option()
@json_option()
@click.pass_context
def command(
    ctx: click.Context, since: str | None, window: float, root: str | None, *, every_row: bool, as_json: bool
) -> None:
    """Say who is started how often, and what each start leaves behind.

    Counts every start that systemd made since boot from the journal, by its invocation id: restart loops, timers,
    connections, sessions, scopes and what systemd-run starts, also after systemctl stop, which resets NRestarts. Adds
    what systemd says over D-Bus, how many dying cgroups each source has and what they cost (root), and live cgroups
    that nobody removes. Changes nothing on the host.

    \b
    Example:
      sudo unreclaim units                  since boot
      sudo unreclaim units --since 24h      in the last day
      sudo unreclaim units --for 60s        and what a start costs, while it goes on
      sudo unreclaim units --all --json
    """  # noqa: D301
    clock = SystemClock()
    survey = survey_units(
        open_source(root),
        clock,
        since_unix_seconds=None if since is None else _moment(since, clock.unix(), ctx),
        window_seconds=window,
        every_row=every_row,
        open_tracer=partial(trace_cgroups, "trace"),
        progress=progress_line("watching what starts cost"),
    )
    if as_json:
        say(encode(units_document(survey)) + "\n")
    else:
        say(units_text(survey, every_row=every_row))


def _moment(text: str, now: float, ctx: click.Context) -> float:
    """Give a point in time: so long ago, or a date of this time zone, in seconds since 1970."""
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        parameter = next(one for one in ctx.command.params if one.name == "since")
        return max(0.0, now - Duration().convert(text, parameter, ctx))
