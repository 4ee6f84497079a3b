"""``unreclaim plan``: which settings would make a unit's cgroups fewer, and what that would come to."""

import click

from unreclaim.advice.planner import Wishes
from unreclaim.app.clock import SystemClock
from unreclaim.app.start_counter import StartCounter
from unreclaim.app.unit_plan import UnitPlanner
from unreclaim.cli.options import json_option
from unreclaim.cli.plan_options import plan_options
from unreclaim.cli.terminal import progress_line, say
from unreclaim.host.source import open_source
from unreclaim.host.systemd.bus import open_bus
from unreclaim.render.as_json import encode
from unreclaim.render.plan import plan_document, plan_text


@click.command(name="plan")
@plan_options()
@json_option()
def command(
    unit: str,
    seconds: float,
    steps: tuple[str, ...],
    restart_sec: float | None,
    max_delay: float | None,
    *,
    as_json: bool,
) -> None:
    """Say which settings would make a unit's cgroups fewer, and what that would come to.

    Counts the starts of the unit for a while, and as root by two censuses what each start leaves behind; then plans
    steps that this kernel and this systemd can do, each with its reason, its effect and what it costs. Those marked *
    are what unreclaim apply would do; others are chosen with --step. Changes nothing on the host.

    \b
    Example:
      sudo unreclaim plan app.service
      sudo unreclaim plan app.service --for 10m --json
      sudo unreclaim plan app.service --restart-sec 1s --max-delay 5m
      sudo unreclaim plan app.service --step restart-delay --step start-limit
    """  # noqa: D301
    clock = SystemClock()
    planner = UnitPlanner(open_source(None), clock, open_bus, StartCounter(open_bus, clock))
    plan, watch = planner.plan(unit, Wishes(steps, restart_sec, max_delay), seconds, progress_line("watching"))
    say(encode(plan_document(plan, watch)) + "\n" if as_json else plan_text(plan, watch))
