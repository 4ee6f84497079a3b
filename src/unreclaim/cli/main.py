"""The program's entry: finds the command, imports only that one, and turns errors into lines and exit codes."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from unreclaim import __version__
from unreclaim.base.errors import ExitCode, OutputError, UnreclaimError
from unreclaim.cli.lazy import LazyGroup
from unreclaim.cli.terminal import drop_output

COMMANDS = {
    "apply": "Put a plan for a unit into force, so that undo can take it back.",
    "census": "List every dying memory cgroup by name, and what pins it.",
    "capture": "Write everything that a diagnosis reads to one file.",
    "diagnose": "Say what holds this host's kernel memory, and whether it grows.",
    "lab": "Make leaks on purpose, and measure instead of believe.",
    "lint": "Say which units make cgroups without end, and what to change.",
    "plan": "Say which settings would make a unit's cgroups fewer.",
    "reclaim": "Free what dying memory cgroups hold, without a reboot.",
    "trace": "Watch cgroups come and go, and say who makes them.",
    "status": "One line and an exit code, for scripts and monitoring.",
    "undo": "Take back what apply wrote, to the byte.",
    "units": "Say who is started how often, and what each start leaves behind.",
}
"""Every command with its line in --help; its module is ``unreclaim.cli.<name>`` with a click command ``command``."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    package="unreclaim.cli.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 healthy, 1 warning, 2 critical, 3 cannot tell, 64 and above: usage or internal errors.",
)
@click.version_option(__version__, prog_name="unreclaim")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Say what holds a Linux host's unreclaimable kernel memory, why it grows, and how to get it back.

    Without a command: diagnose. Reading changes nothing on the host.

    \b
    Example:
      sudo unreclaim                     look at this host for ten seconds
      unreclaim status                   one line and an exit code
      unreclaim diagnose --root FILE     look at a bundle, a captured tree or a sosreport
    """  # noqa: D301
    if ctx.invoked_subcommand is None:
        command = ctx.command.get_command(ctx, "diagnose") if isinstance(ctx.command, click.Group) else None
        if command is not None:
            ctx.exit(command.main(args=[], prog_name="unreclaim diagnose", standalone_mode=False) or 0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code.

    SIGTERM and SIGHUP end it as Ctrl-C does, so that a half-written bundle is cleaned up; where they are ignored
    (nohup) they stay so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the program and give its exit code; every error becomes one line on stderr and at most one hint."""
    try:
        code = cli.main(args=arguments, prog_name="unreclaim", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        click.echo("unreclaim: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe left (head, less), and all that was said was --help or the like: nothing is wrong. Click
        # itself would exit with 1 then, which would say "warning".
        drop_output()
        return ExitCode.HEALTHY
    except Exception as error:  # noqa: BLE001  a traceback of Python's own exits with 1, which would say "warning"
        return _explain(error)
    return code if isinstance(code, int) else ExitCode.HEALTHY


def _explain(error: Exception) -> int:
    if isinstance(error, click.ClickException):
        return _complain(error)
    if isinstance(error, OSError):
        # What cannot be read is a gap or a RootError. With a name it is something of the laboratory's that cannot be
        # made or removed, without one stdout on a full disk.
        if error.filename is None:
            drop_output()
        what = "standard output" if error.filename is None else os.fsdecode(error.filename)
        error = OutputError(what, error.strerror or str(error))
    if isinstance(error, UnreclaimError):
        click.echo(f"unreclaim: {_line(str(error))}", err=True)
        if error.hint:
            click.echo(f"hint: {_line(error.hint)}", err=True)
        return error.exit_code
    traceback.print_exception(error)
    click.echo("unreclaim: internal error: see above", err=True)
    click.echo("hint: report it with these lines; a bundle of unreclaim capture helps", err=True)
    return ExitCode.INTERNAL


def _complain(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    click.echo(f"unreclaim: {_line(error.format_message())}", err=True)
    command = context.command_path if context is not None else "unreclaim"
    click.echo(f"hint: {command} --help", err=True)
    return ExitCode.USAGE


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
