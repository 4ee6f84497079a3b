"""``unreclaim census``: every dying memory cgroup by name, and what pins it."""

from functools import partial

import click

from unreclaim.app.census import Backend, take_census
from unreclaim.cli.options import json_option, root_option
from unreclaim.cli.terminal import progress_line, say
from unreclaim.host.source import open_source
from unreclaim.render.as_json import encode
from unreclaim.render.census import census_document, census_text

_BACKENDS = {backend.replace(" ", "-"): backend for backend in Backend}


@click.command(name="census")
@click.option("--each", is_flag=True, help="List every dying cgroup instead of groups.")
@click.option(
    "--backend",
    type=click.Choice(["auto", *_BACKENDS]),
    default="auto",
    show_default=True,
    help="How to look: the best way that works here, or this one alone.",
)
@click.option("--locked", is_flag=True, help="Search all of memory for locked pages, too (a second and more).")
@click.option("--debug", is_flag=True, help="Write what libbpf and the kernel's verifier say to stderr.")
@root_option()
@json_option()
def command(backend: str, root: str | None, *, each: bool, locked: bool, debug: bool, as_json: bool) -> None:
    """List every dying memory cgroup by name, and what pins it.

    Runs a BPF program that reads the kernel's own structures; nothing is attached and nothing stays loaded.
    Needs root, libbpf1 and a kernel with BTF (5.10 or newer). Without BPF drgn reads the same from /proc/kcore, if it
    and the kernel's debug symbols are installed (pip install 'unreclaim[deep]'). Without both root gets the pages
    that are held below each cgroup, by kind, from a scan of all physical memory; others get a sum from the charges,
    without names. Changes nothing on the host.

    \b
    Example:
      sudo unreclaim census               groups: where they are, and which files hold them
      sudo unreclaim census --each        every one with its references
      sudo unreclaim census --locked      name the files of locked pages (mlock), too
      sudo unreclaim census --backend page-scan
      sudo unreclaim census --json
    """  # noqa: D301
    log = partial(click.echo, err=True) if debug else None
    progress = progress_line("searching memory")
    report = take_census(open_source(root), _BACKENDS.get(backend), locked=locked, progress=progress, log=log)
    if as_json:
        say(encode(census_document(report.census, report.groups, report.count, report.gaps, each=each)) + "\n")
    else:
        say(census_text(report.census, report.groups, report.count, report.gaps, each=each))
