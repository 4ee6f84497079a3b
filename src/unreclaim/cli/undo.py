"""``unreclaim undo``: take back what apply wrote."""

import click

from unreclaim.app.apply_plan import open_patient_bus
from unreclaim.app.enact import undo_plans
from unreclaim.cli.options import json_option
from unreclaim.cli.terminal import say
from unreclaim.render.as_json import encode
from unreclaim.render.plan import undone_document, undone_text


@click.command(name="undo")
@click.argument("unit", required=False)
@click.option("--all", "every", is_flag=True, help="Take back all that was ever applied.")
@click.option("--force", is_flag=True, help="Also remove a file that was edited since it was written.")
@json_option()
@click.pass_context
def command(ctx: click.Context, unit: str | None, *, every: bool, force: bool, as_json: bool) -> None:
    """Take back what unreclaim apply wrote, to the byte, and let systemd read its units anew.

    Removes the drop-ins that the journal in /var/lib/unreclaim (or /run/unreclaim) knows, and directories that were
    made for them and are empty; also what a run that was killed left half done. A file that was edited since is left
    alone, unless --force is given.

    \b
    Example:
      sudo unreclaim undo app.service
      sudo unreclaim undo --all
      sudo unreclaim undo app.service --force    remove the file though it was edited
    """  # noqa: D301
    if (unit is None) != every:
        raise click.UsageError("name a unit, or give --all", ctx)
    with open_patient_bus() as systemd:
        undone = undo_plans(unit, systemd, force=force)
    say(encode(undone_document(undone)) + "\n" if as_json else undone_text(undone))
