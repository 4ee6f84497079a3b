r"""Names of units: which are valid, what kind they are, and what they are derived from.

Source: systemd.unit(5) "String escaping for inclusion in unit names" and "Description"; unit_name_is_valid() in
    src/basic/unit-name.c (systemd 252)
Needs: nothing. A name is the name of a file: letters, digits and ``:-_.\`` before a known type, with at most one part
    behind an ``@``.

Example::

    foo-bar@dev-disk\x2d1.service
"""

import functools
import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "unit name"
TYPES = ("service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope")
_MOST_BYTES = 255
_NAME = re.compile(rf"([A-Za-z0-9:_.\\-]+)(?:@([A-Za-z0-9:_.\\@-]*))?\.({'|'.join(TYPES)})")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")


class UnitName(Struct, frozen=True):
    """A unit's name in its parts. instance: None for a plain unit, empty for a template."""

    prefix: str
    instance: str | None
    type: str

    def __str__(self) -> str:
        """Give the name."""
        return f"{self.prefix}{'' if self.instance is None else '@' + self.instance}.{self.type}"

    @property
    def is_template(self) -> bool:
        """Tell whether it is a template, of which instances are made."""
        return self.instance == ""

    @property
    def template(self) -> str | None:
        """Give the name of the template of an instance, None where it is none."""
        return f"{self.prefix}@.{self.type}" if self.instance else None

    @property
    def path(self) -> str:
        r"""Give the path for which a device or a mount is named: ``dev-disk\\x2d1.device`` stands for ``/dev/disk-1``."""
        raw = "/" + self.prefix.strip("-").replace("-", "/")
        escaped = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), raw)
        return escaped.encode("latin-1").decode("utf-8", "surrogateescape")

    def of_instance(self, instance: str) -> str:
        """Give the name of another instance of the same template."""
        return f"{self.prefix}@{instance}.{self.type}"


def parse_unit_name(text: str, *, file: str = FILE) -> UnitName:
    """Take a name apart.

    Raises:
        ParseError: systemd takes no unit of that name.

    """
    name = text.removesuffix("\n")
    parts = _taken_apart(name)
    if parts is None:
        raise ParseError(file, 0, f"{shown(name)} is no name of a unit")
    return parts


def is_unit_name(text: str) -> bool:
    """Tell whether systemd takes it for the name of a unit."""
    return _taken_apart(text) is not None


@functools.lru_cache(maxsize=4096)  # Each is asked for again and again while a unit's files are looked for.
def _taken_apart(name: str) -> UnitName | None:
    match = _NAME.fullmatch(name) if len(name) <= _MOST_BYTES else None
    return None if match is None else UnitName(match[1], match[2], match[3])


def why_not_startable(text: str) -> str | None:
    """Say why no unit of that name can be started, None where one can: a template is none without its instance."""
    try:
        name = parse_unit_name(text)
    except ParseError as error:
        return f"{error.why}, such as app.service"
    return "it is a template; name an instance of it" if name.is_template else None


def slice_path(name: str) -> str:
    """Give where the cgroup of a slice is: ``a-b.slice`` is ``a.slice/a-b.slice``, and the root slice is ``""``."""
    stem = name.removesuffix(".slice").strip("-")
    parts = stem.split("-") if stem else []
    return "/".join(f"{'-'.join(parts[: number + 1])}.slice" for number in range(len(parts)))
