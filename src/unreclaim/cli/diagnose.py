"""``unreclaim diagnose``: look at a host and say truthfully what its unreclaimable kernel memory is doing."""

import click

from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.clock import SystemClock
from unreclaim.app.exit_codes import exit_code
from unreclaim.app.observe import observe
from unreclaim.cli.options import Duration, json_option, only_live, root_option
from unreclaim.cli.terminal import progress_line, say, wants_colour
from unreclaim.host.source import open_source
from unreclaim.render.as_json import diagnosis_document, encode
from unreclaim.render.as_text import diagnosis_text


@click.command(name="diagnose")
@click.option(
    "--for",
    "window",
    type=Duration(),
    metavar="TIME",
    default="10s",
    show_default=True,
    help="How long to watch a running host for growth.",
)
@click.option("--full", is_flag=True, help="Show the whole ledger of memory and every gap.")
@root_option()
@json_option()
@click.pass_context
def command(ctx: click.Context, window: float, root: str | None, *, full: bool, as_json: bool) -> None:
    """Say what holds this host's kernel memory, and whether it grows.

    Accounts for all memory, counts dying memory cgroups and what they cost, measures growth over a window,
    and gives a verdict with its evidence and its gaps. Changes nothing. Root sees more than a user.

    \b
    Example:
      sudo unreclaim diagnose                        watch for ten seconds
      sudo unreclaim diagnose --for 10m              tell slow growth from noise
      unreclaim diagnose --root web-07.tar.gz --json
    """  # noqa: D301
    only_live(ctx, root, "window")
    source = open_source(root)
    observation = observe(source, SystemClock(), window_seconds=window, progress=progress_line("watching for growth"))
    diagnosis = diagnose(observation)
    if as_json:
        say(encode(diagnosis_document(diagnosis)) + "\n")
    else:
        say(diagnosis_text(diagnosis, colour=wants_colour(), full=full))
    ctx.exit(exit_code(diagnosis))
