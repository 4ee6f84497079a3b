"""The few rules of talking to a terminal, a pipe or a file; it imports no room, so that --help loads none."""

import os
import sys
from collections.abc import Callable
from typing import TextIO

import click

_PROGRESS_FROM_SECONDS = 1.0


def say(text: str) -> None:
    """Write to stdout; a reader of a pipe that left (head, less) has what it wanted, and the exit code still counts."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        drop_output()


def drop_output() -> None:
    """Let stdout lead nowhere, or Python would flush into what cannot be written once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def wants_colour() -> bool:
    """Tell whether stdout takes colour: a terminal, and NO_COLOR (no-color.org) unset or empty."""
    return _is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def progress_line(what: str) -> Callable[[float, float], None] | None:
    """Give a progress function that keeps one line on stderr up to date; None where stderr is no terminal."""
    if not _is_terminal(sys.stderr):
        return None

    def show(gone: float, whole: float) -> None:
        if whole >= _PROGRESS_FROM_SECONDS:
            ended = gone >= whole
            line = "" if ended else f"{what}: {gone:.0f} of {whole:.0f} s (Ctrl-C ends)"
            click.echo(f"\r\033[K{line}", nl=False, err=True)

    return show


def count_line(what: str) -> Callable[[float, float], None] | None:
    """Give a progress function of things that are counted; None where stderr is no terminal."""
    if not _is_terminal(sys.stderr):
        return None

    def show(done: float, whole: float) -> None:
        line = "" if done >= whole else f"{what}: {done:.0f} of {whole:.0f} (Ctrl-C ends)"
        click.echo(f"\r\033[K{line}", nl=False, err=True)

    return show


def _is_terminal(stream: TextIO | None) -> bool:
    # None: the program was started with it closed.
    return stream is not None and stream.isatty()
