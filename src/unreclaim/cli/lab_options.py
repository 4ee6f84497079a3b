"""Options that subcommands of lab share."""

import re

import click

from unreclaim.cli.options import Decorator

_SUITE = re.compile(r"[a-z][a-z0-9-]{0,30}")


def container_options(use: str) -> Decorator:
    """Add ``--nspawn``, ``--suite`` and ``--cache-dir``; `use` begins the help of the first."""

    def add(function: Decorator) -> Decorator:
        for option in (
            click.option("--cache-dir", metavar="DIR", help="Where its root is kept. [default: ~/.cache/unreclaim]"),
            click.option(
                "--suite",
                metavar="NAME",
                default="bookworm",
                show_default=True,
                callback=_suite,
                help="Which Debian that is.",
            ),
            click.option("--nspawn", is_flag=True, help=f"{use} a Debian in a container, and use its systemd."),
        ):
            function = option(function)
        return function

    return add


def _suite(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _SUITE.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name of a suite")
    return value
