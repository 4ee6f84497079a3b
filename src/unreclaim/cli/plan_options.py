"""What plan and apply share on the command line: the unit, how long to watch it, and wishes."""

from collections.abc import Callable
from typing import Any

import click

from unreclaim.cli.options import Decorator, Duration

_WATCH = "10s"


def plan_options() -> Decorator:
    """Add the unit's name and the options of a plan."""
    decorators = (
        click.argument("unit"),
        click.option(
            "--for",
            "seconds",
            type=Duration(),
            metavar="TIME",
            default=_WATCH,
            show_default=True,
            help="How long to count its starts.",
        ),
        click.option("--step", "steps", multiple=True, metavar="ID", help="A step of the plan; may be repeated."),
        click.option("--restart-sec", type=Duration(), metavar="TIME", help="The delay before a restart."),
        click.option(
            "--max-delay",
            type=Duration(),
            metavar="TIME",
            help="The delay that restarts grow to (systemd 254 or newer).",
        ),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
