"""``unreclaim capture``: write everything that a diagnosis reads to one file."""

import os
import re

import click

from unreclaim.app.capture import capture
from unreclaim.app.clock import SystemClock
from unreclaim.base.units import format_bytes, format_number_of
from unreclaim.cli.options import Duration, json_option, only_live, root_option
from unreclaim.cli.terminal import progress_line
from unreclaim.host.capture_script import capture_script
from unreclaim.host.source import open_source
from unreclaim.render.as_json import encode, gaps_document


@click.command(name="capture")
@click.option("-o", "--output", metavar="FILE", help="Where to write. [default: unreclaim-HOST.tar.gz]")
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=1,
    show_default=True,
    help="How many samples to take of a running host.",
)
@click.option(
    "--every", type=Duration(), metavar="TIME", default="30s", show_default=True, help="Time between two samples."
)
@click.option("--with-arguments", is_flag=True, help="Keep the command lines of PID 1 and known daemons too.")
@click.option("--print-script", is_flag=True, help="Print a shell script that makes the same bundle without Python.")
@root_option()
@json_option()
@click.pass_context
def command(
    ctx: click.Context,
    output: str | None,
    samples: int,
    every: float,
    root: str | None,
    *,
    with_arguments: bool,
    print_script: bool,
    as_json: bool,
) -> None:
    """Write everything that a diagnosis reads to one file.

    The bundle holds kernel figures and names of cgroups, no environments and no command lines. It can be
    diagnosed anywhere: unreclaim diagnose --root FILE. Two samples or more show growth.

    \b
    Example:
      sudo unreclaim capture -o web-07.tar.gz
      sudo unreclaim capture --samples 2 --every 60s
      unreclaim capture --print-script | ssh root@old-host sh -s > old-host.tar.gz
    """  # noqa: D301
    if print_script:
        click.echo(capture_script(), nl=False)
        return
    only_live(ctx, root, "samples", "every")
    source = open_source(root)
    path = output or f"unreclaim-{re.sub(r'[^A-Za-z0-9.-]', '_', os.uname().nodename)}.tar.gz"
    done = capture(
        source,
        SystemClock(),
        path,
        samples=samples,
        every_seconds=every,
        with_arguments=with_arguments,
        progress=progress_line("capturing"),
    )
    if as_json:
        document = {
            "schema": "unreclaim.capture/1",
            "path": done.path,
            "samples": done.samples,
            "files": done.files,
            "size_bytes": done.size_bytes,
            "gaps": gaps_document(done.gaps),
        }
        click.echo(encode(document))
        return
    held = f"{format_number_of(done.samples, 'sample', 'samples')}, {format_number_of(done.files, 'file', 'files')}"
    click.echo(f"{done.path}: {held}, {format_bytes(done.size_bytes)} unpacked")
    for gap in done.gaps:
        click.echo(f"not in it: {gap.what} ({gap.why}{f'; {gap.remedy}' if gap.remedy else ''})", err=True)
