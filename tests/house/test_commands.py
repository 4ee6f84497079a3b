"""Every command says what it does, with an example, and changes its help only on purpose."""

from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner

from tests.conftest import GOLDEN
from unreclaim.cli.main import cli


def command_paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words that lead to a command and to each below it; none lead to the first."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, f"listed, but not there: {name}"
            yield from command_paths(child, (*path, name))


def help_text(command: click.Command, path: tuple[str, ...]) -> str:
    """Give what ``--help`` prints on a terminal of 80 columns."""
    result = CliRunner().invoke(command, [*path, "--help"], prog_name="unreclaim", terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


def without_example(command: click.Command) -> Iterator[str]:
    """Name each command whose help shows no example."""
    for path in command_paths(command):
        if "Example" not in help_text(command, path):
            yield " ".join(path)


def golden_name(path: tuple[str, ...]) -> str:
    """Give the name of the golden file of a command."""
    return f"help/{'-'.join(path) or 'unreclaim'}.txt"


PATHS = list(command_paths(cli))


def test_each_command_shows_an_example() -> None:
    """The help of every command shows how it is used."""
    assert list(without_example(cli)) == []


def test_a_command_without_example_is_seen() -> None:
    """The check finds it below a group too."""

    @click.group(help="Example: this one has one.")
    def group() -> None:
        pass

    @group.command(help="Do something.")
    def silent() -> None:
        pass

    assert list(without_example(group)) == ["silent"]


@pytest.mark.parametrize("path", PATHS, ids=golden_name)
def test_help_is_as_recorded(path: tuple[str, ...], golden: Callable[[str, str], None]) -> None:
    """The help of every command is the one in its golden file."""
    golden(golden_name(path), help_text(cli, path))


def test_no_golden_help_is_left_over() -> None:
    """There is no recorded help of a command that is gone."""
    recorded = {f"help/{file.name}" for file in (GOLDEN / "help").iterdir()}
    assert recorded == {golden_name(path) for path in PATHS}
