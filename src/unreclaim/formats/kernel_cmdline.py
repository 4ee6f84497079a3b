"""/proc/cmdline: the parameters that the kernel was started with.

Source: Documentation/admin-guide/kernel-parameters.rst; next_arg() in lib/cmdline.c
Needs: nothing. Quotes hold spaces together; a parameter may occur more than once and the last may win or add.

Example::

    root=/dev/vda rw quiet cgroup.memory=nokmem,nosocket systemd.unified_cgroup_hierarchy=0
"""

import re

from msgspec import Struct

FILE = "/proc/cmdline"
# Spaces of the kernel's isspace() that are ASCII; Python knows more. An open quote reaches to the end.
_WORD = re.compile(r'(?:[^" \t\n\v\f\r]|"[^"]*(?:"|\Z))+')


class Parameter(Struct, frozen=True):
    """One parameter; None: it was given without a value."""

    name: str
    value: str | None = None


def parse_kernel_cmdline(text: str, *, file: str = FILE) -> tuple[Parameter, ...]:  # noqa: ARG001
    """Read every parameter in order, split as the kernel does; any text has a meaning, so `file` is not needed."""
    return tuple(_parse_parameter(word) for word in _WORD.findall(text.removesuffix("\n")))


def _parse_parameter(word: str) -> Parameter:
    # A quote opens the whole word or the value, and is then dropped with the one at the end; any other is kept.
    quoted = word.startswith('"')
    body = word[1:] if quoted else word
    equals = body.find("=", 1)
    if equals < 0:
        return Parameter(body.removesuffix('"') if quoted else body)
    value = body[equals + 1 :]
    if quoted or value.startswith('"'):
        value = value.removeprefix('"').removesuffix('"')
    return Parameter(body[:equals], value)
