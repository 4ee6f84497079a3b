"""``unreclaim apply``: put a plan into force, by drop-ins that undo takes back."""

import sys

import click

from unreclaim.advice.planner import Wishes
from unreclaim.app.apply_plan import Order, apply_plan
from unreclaim.app.clock import SystemClock
from unreclaim.app.exit_codes import application_exit_code
from unreclaim.app.start_counter import StartCounter
from unreclaim.app.unit_plan import UnitPlanner
from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.plan_options import plan_options
from unreclaim.cli.terminal import progress_line, say
from unreclaim.host.source import open_source
from unreclaim.host.systemd.bus import open_bus
from unreclaim.model.plan import Application
from unreclaim.render.as_json import encode
from unreclaim.render.plan import application_document, application_text, proposal_text


@click.command(name="apply")
@plan_options()
@click.option("--yes", is_flag=True, help="Act without a question. Without it and a terminal nothing is changed.")
@click.option("--runtime", is_flag=True, help="Only until the next boot: below /run.")
@click.option("--verify", type=Duration(), metavar="TIME", help="Measure for so long before the change and after it.")
@json_option()
@click.pass_context
def command(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    unit: str,
    seconds: float,
    steps: tuple[str, ...],
    restart_sec: float | None,
    max_delay: float | None,
    verify: float | None,
    *,
    yes: bool,
    runtime: bool,
    as_json: bool,
) -> None:
    """Put a plan for a unit into force, by drop-ins that unreclaim undo takes back.

    Shows the plan and the files that it writes, UNIT.d/50-unreclaim.conf below /etc/systemd/system, and asks. Then
    writes them, lets systemd read its units anew, and asks systemd-analyze verify and systemd itself what they make of
    it; where there is a new complaint, or another drop-in has the last word, all is taken back. What a user has under
    that name is left alone. The unit is not restarted: a new delay holds from the next restart on, a new slice from
    the next start.

    \b
    Example:
      sudo unreclaim apply app.service                      show the plan and the change, and ask
      sudo unreclaim apply app.service --yes --verify 10m   do it, and say after twenty minutes whether it worked
      sudo unreclaim apply app.service --yes --runtime --restart-sec 15s
      sudo unreclaim undo app.service
    """  # noqa: D301
    clock = SystemClock()
    planner = UnitPlanner(open_source(None), clock, open_bus, StartCounter(open_bus, clock))
    asked: list[Application] = []

    def agree(application: Application) -> bool:
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return False
        asked.append(application)
        say(proposal_text(application) + "\n")
        return click.confirm("Make this change?")

    order = Order(unit, Wishes(steps, restart_sec, max_delay), seconds, verify, runtime, yes)
    done = apply_plan(planner, order, agree, progress=progress_line("watching"))
    if asked and done.enacted is None:
        say("Nothing was changed.\n")
    else:
        say(encode(application_document(done)) + "\n" if as_json else application_text(done))
    ctx.exit(application_exit_code(done))
