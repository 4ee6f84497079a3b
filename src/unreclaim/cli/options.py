"""Options that several commands share."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


if TYPE_CHECKING:
    _Float = click.ParamType[float]
else:
    # Not generic before click 8.2; Debian 13 has 8.1.
    _Float = click.ParamType


class Duration(_Float):
    """A duration such as 30s, 10m, 1h or 0.5; a number alone is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no duration; write 30s, 10m, 1h or a number of seconds", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def root_option() -> Decorator:
    """Add ``--root``."""
    return click.option(
        "--root",
        metavar="PATH",
        help="Read a bundle, a captured tree or an unpacked sosreport instead of this host.",
    )


def only_live(ctx: click.Context, root: str | None, *names: str) -> None:
    """Refuse options that say how a running host is watched where ``--root`` names one that was watched before.

    Raises:
        click.UsageError: one of them was given beside it.

    """
    for parameter in ctx.command.params:
        given = parameter.name in names and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        if root is not None and given:
            message = f"{parameter.opts[0]} is for a running host; what --root names was watched when it was captured"
            raise click.UsageError(message, ctx)


def json_option() -> Decorator:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
