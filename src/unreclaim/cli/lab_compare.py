"""``unreclaim lab compare``: start two units in turns under a real systemd, and say whether they differ."""

import contextlib
import re
from collections.abc import Iterator

import click

from unreclaim.app.clock import SystemClock
from unreclaim.cli.lab_options import container_options
from unreclaim.cli.options import Duration, json_option
from unreclaim.cli.terminal import count_line, say
from unreclaim.lab.compare import MOST_STARTS, Plan, compare_units
from unreclaim.lab.leftovers import remove_leftovers
from unreclaim.lab.nspawn import boot, cache_directory, make_root
from unreclaim.lab.ownership import require_root
from unreclaim.lab.systemd import Systemd, find_systemd
from unreclaim.lab.units import plain_unit, read_unit, with_settings
from unreclaim.render.as_json import encode
from unreclaim.render.lab import comparison_document, comparison_text

# What a typo would make of it: systemd ignores the setting, and the unit then runs for ever. systemd.time(7).
_TIME_SPAN = re.compile(r"(\d+(\.\d+)? *(us|ms|s|sec|min|m|h|hr)? *)+")


@click.command(name="compare")
@click.argument("units", nargs=-1, metavar="[A.service B.service]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the first unit.")
@click.option("--against", multiple=True, metavar="NAME=VALUE", help="A setting of the second unit.")
@click.option("--unit-file", type=click.Path(exists=True, dir_okay=False), help="The unit that they are settings of.")
@click.option("--exec", "program", metavar="COMMAND", help="Or what it runs. [default: /bin/true]")
@click.option(
    "--starts",
    type=click.IntRange(1, MOST_STARTS),
    metavar="N",
    default=200,
    show_default=True,
    help="How often each is started.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    metavar="R",
    default=4,
    show_default=True,
    help="In how many turns of both.",
)
@click.option("--run-for", metavar="TIME", help="End each start after this time (RuntimeMaxSec=).")
@click.option("--within", type=Duration(), metavar="TIME", default="30m", show_default=True, help="Give up after this.")
@container_options("Boot")
@json_option()
def command(  # noqa: PLR0913, PLR0917  one for each option
    units: tuple[str, ...],
    settings: tuple[str, ...],
    against: tuple[str, ...],
    unit_file: str | None,
    program: str | None,
    starts: int,
    rounds: int,
    run_for: str | None,
    within: float,
    suite: str,
    cache_dir: str | None,
    *,
    nspawn: bool,
    as_json: bool,
) -> None:
    """Start two units in turns under a real systemd, and say whether they differ.

    Counts the cgroups that each start makes, how many of them stay dying, and the bytes that they take. Copies of the
    units are started, under a name of the laboratory's own and in a slice of its own (unreclaimlab.slice), as fast as
    systemd restarts them. The programs that they start are really started: try units that do things in a container
    (--nspawn).

    \b
    Example:
      sudo unreclaim lab compare --set Type=exec --against Type=simple --nspawn
      sudo unreclaim lab compare --set PrivateTmp=yes --against PrivateTmp=no --starts 400
      sudo unreclaim lab compare app.service app-new.service --run-for 100ms
      sudo unreclaim lab compare ./old.service ./new.service --nspawn --json
    """  # noqa: D301
    require_root("lab compare")
    _check(units, settings, against, unit_file, program, rounds=rounds, starts=starts)
    if run_for is not None and not _TIME_SPAN.fullmatch(run_for):
        raise click.UsageError(f"--run-for: {run_for!r} is no time span of systemd; write 100ms, 2s or 1min 30s")
    remove_leftovers()
    with _system(suite, cache_dir or cache_directory(), nspawn=nspawn) as system:
        if units:
            first, second = (read_unit(system, name) for name in units)
        else:
            text = _text(unit_file, program)
            first, second = with_settings(text, settings), with_settings(text, against)
        plan = Plan(first, second, starts, rounds, run_for, within)
        found = compare_units(plan, system, SystemClock(), count_line("starts made"))
    say(encode(comparison_document(found)) + "\n" if as_json else comparison_text(found))


def _check(
    units: tuple[str, ...],
    settings: tuple[str, ...],
    against: tuple[str, ...],
    unit_file: str | None,
    program: str | None,
    *,
    rounds: int,
    starts: int,
) -> None:
    by_settings = bool(settings or against or unit_file or program)
    if units and (by_settings or len(units) != 2):
        raise click.UsageError("give two units, or settings with --set and --against")
    if not units and not (settings and against):
        raise click.UsageError("give two units, or settings with --set and --against")
    if unit_file and program:
        raise click.UsageError("--unit-file and --exec exclude each other")
    if rounds > starts:
        raise click.UsageError("there must be a start of each in every round: fewer --rounds or more --starts")


def _text(unit_file: str | None, program: str | None) -> str:
    if unit_file is None:
        return plain_unit(program or "/bin/true")
    with open(unit_file, encoding="utf-8", errors="replace") as file:
        return file.read()


@contextlib.contextmanager
def _system(suite: str, cache: str, *, nspawn: bool) -> Iterator[Systemd]:
    if nspawn:
        with boot(make_root(suite, cache), suite, SystemClock()) as system:
            yield system
    else:
        yield find_systemd()
