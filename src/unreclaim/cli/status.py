"""``unreclaim status``: one line and an exit code, usable as a Nagios check."""

import click

from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.exit_codes import exit_code
from unreclaim.app.observe import observe_briefly
from unreclaim.cli.options import json_option, root_option
from unreclaim.cli.terminal import say
from unreclaim.host.source import open_source
from unreclaim.render.as_json import encode, status_document
from unreclaim.render.as_text import status_line


@click.command(name="status")
@root_option()
@json_option()
@click.pass_context
def command(ctx: click.Context, root: str | None, *, as_json: bool) -> None:
    """One line and an exit code, for scripts and monitoring.

    Exit codes: 0 healthy, 1 warning, 2 critical, 3 cannot tell. Reads once and does not wait, so it judges what
    has piled up since boot. Needs no privileges; usable as a Nagios check.

    \b
    Example:
      unreclaim status || echo "look at this host"
      unreclaim status --json
    """  # noqa: D301
    diagnosis = diagnose(observe_briefly(open_source(root)))
    code = exit_code(diagnosis)
    if as_json:
        say(encode(status_document(diagnosis, code)) + "\n")
    else:
        say(status_line(diagnosis))
    ctx.exit(code)
