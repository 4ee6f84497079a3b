"""``unreclaim lint``: rules on unit files, so that a unit that never ends its loop is seen before the host is full."""

import importlib

import click

from unreclaim.advice.unitlint import RULES
from unreclaim.app.exit_codes import lint_exit_code
from unreclaim.app.lint import lint
from unreclaim.cli.options import json_option
from unreclaim.cli.terminal import count_line, say
from unreclaim.host.source import open_units
from unreclaim.render.as_json import encode
from unreclaim.render.lint import lint_document, lint_text, rule_text


@click.command(name="lint")
@click.argument("units", metavar="[UNIT|FILE]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All units of the host.")
@click.option(
    "--root",
    metavar="PATH",
    help="Read another host's unit files: a directory with its tree, or an unpacked sosreport.",
)
@click.option(
    "--explain", metavar="RULE", type=click.Choice(sorted(RULES)), help="Print what a rule finds, why, and what to do."
)
@json_option()
@click.pass_context
def command(
    ctx: click.Context,
    units: tuple[str, ...],
    root: str | None,
    explain: str | None,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Say which units make cgroups without end, and what to change.

    Looks at unit files with their drop-ins, as systemd reads them, and at what the host has: restarts without
    back-off, limits that never end a loop, lines that this systemd ignores, logs that hold cgroups, files that are
    missing. Remarks say what makes no difference, whatever is told of it. Nothing is changed.

    A UNIT is looked up as systemctl does; a FILE has a slash in its name, and drop-ins beside it (FILE.d) count.

    \b
    Exit codes: 0 nothing to change, 1 warnings or errors, 3 a unit that was named cannot be read.

    \b
    Example:
      unreclaim lint myapp.service            one unit with its drop-ins
      unreclaim lint --all                    every unit of this host
      unreclaim lint ./myapp.service --json   a file, before it is installed
      unreclaim lint --explain type-exec      why a rule says what it says
    """  # noqa: D301
    if explain is not None:
        say(rule_text(importlib.import_module(RULES[explain].__module__).__doc__ or ""))
        return
    if not units and not everything:
        message = "name a unit or a file, or give --all"
        raise click.UsageError(message, ctx)
    report = lint(open_units(root), units, everything=everything, progress=count_line("lint"))
    say(encode(lint_document(report)) + "\n" if as_json else lint_text(report))
    ctx.exit(lint_exit_code(report))
