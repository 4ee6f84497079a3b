"""``unreclaim lab clean``: remove what runs of the laboratory left."""

import click

from unreclaim.cli.options import json_option
from unreclaim.cli.terminal import say
from unreclaim.lab.leftovers import remove_leftovers
from unreclaim.lab.ownership import require_root
from unreclaim.render.as_json import encode
from unreclaim.render.as_text import printable
from unreclaim.render.lab import clean_document


@click.command(name="clean")
@json_option()
def command(*, as_json: bool) -> None:
    """Remove what runs of the laboratory left that were killed or kept.

    Cgroups and units named unreclaim-lab-PID-STARTTIME, and directories of that name in /var/tmp and /dev/shm, whose
    process is gone. Every run of the laboratory does so at its start.

    \b
    Example:
      sudo unreclaim lab clean
    """  # noqa: D301
    require_root("lab clean")
    removed = remove_leftovers()
    if as_json:
        say(encode(clean_document(removed)) + "\n")
    else:
        say("".join(f"removed {printable(path)}\n" for path in removed) or "nothing was left\n")
