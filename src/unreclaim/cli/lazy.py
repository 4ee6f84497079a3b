"""Groups of commands that are imported when they are run; imports no room, so that --help loads none."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, so that --help loads nothing.

    table: every command with its line in --help. package: a command's module is ``package + name`` with ``-`` written
    ``_``, and has a click command ``command``.
    """

    def __init__(self, *arguments: Any, table: Mapping[str, str], package: str, **settings: Any) -> None:  # noqa: ANN401, click's own
        """Take the table, and what click wants."""
        super().__init__(*arguments, **settings)
        self.table = table
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the commands."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(self.package + cmd_name.replace("-", "_"))
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.table.items()))
