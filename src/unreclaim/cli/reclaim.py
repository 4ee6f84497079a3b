"""``unreclaim reclaim``: get the memory of dying cgroups back without a reboot, by the least invasive steps first."""

import click

from unreclaim.app.clock import SystemClock
from unreclaim.app.exit_codes import recovery_exit_code
from unreclaim.app.recover import recover_host
from unreclaim.cli.options import json_option
from unreclaim.cli.terminal import say, stage_line
from unreclaim.host.source import open_source
from unreclaim.model.recovery import Rung
from unreclaim.render.as_json import encode
from unreclaim.render.recovery import recovery_document, recovery_text


@click.command(name="reclaim")
@click.option("--yes", is_flag=True, help="Act. Without it the plan is shown and nothing is changed.")
@click.option(
    "--up-to",
    type=click.Choice([rung.value for rung in Rung]),
    metavar="RUNG",
    default=Rung.FADVISE.value,
    show_default=True,
    help="The last rung to climb with --yes: " + ", ".join(Rung) + ".",
)
@click.option("--target", metavar="PATH", help="Only dying cgroups at and below this path of a cgroup.")
@json_option()
@click.pass_context
def command(ctx: click.Context, up_to: str, target: str | None, *, yes: bool, as_json: bool) -> None:
    """Free what dying memory cgroups hold, without a reboot.

    Shows which step would free which of them and what it costs; with --yes climbs the ladder rung by rung, the
    least invasive first, counts before and after each, and ends when none is left.

    fadvise drops the cache of just the files that hold them. reclaim takes memory back at the nearest living
    cgroup, and caches of live ones below it too. What to remove or restart is only named. drop-caches concerns
    the whole host and has to be asked for by name. No file is ever deleted, cut or written.

    \b
    Example:
      sudo unreclaim reclaim                                   show the plan, change nothing
      sudo unreclaim reclaim --yes                             act on the pinning files alone
      sudo unreclaim reclaim --yes --up-to reclaim --target /system.slice
    """  # noqa: D301
    last = Rung(up_to) if yes else None
    recovery = recover_host(open_source(None), SystemClock(), up_to=last, target=target, progress=stage_line("reclaim"))
    say(encode(recovery_document(recovery)) + "\n" if as_json else recovery_text(recovery))
    if recovery.interrupted:
        raise KeyboardInterrupt
    ctx.exit(recovery_exit_code(recovery))
