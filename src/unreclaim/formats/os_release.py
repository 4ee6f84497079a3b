"""os-release: which distribution this is.

Source: os-release(5); no kernel source
Needs: nothing. /etc/os-release, else /usr/lib/os-release.

Example::

    PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
    ID=debian
    VERSION_ID="12"
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "/etc/os-release"
# A value is what a shell makes of it. shlex would not do: in double quotes it keeps the backslash before $ and `.
_PIECE = re.compile(
    r"""
    "(?P<double> (?: [^"\\] | \\. )* )"
    | '(?P<single> [^']* )'
    | \\(?P<escaped> . )
    | (?P<plain> [^\s"'\\] )
    """,
    re.ASCII | re.VERBOSE,
)
_ASSIGNMENT = re.compile(rf"(\w+) = ( (?: {_PIECE.pattern} )* )", re.ASCII | re.VERBOSE)
_ESCAPED = re.compile(r'\\(["$`\\])')


class OsRelease(Struct, frozen=True):
    """The distribution: its identifier, those it is like, its version and its name for people."""

    id: str
    id_like: tuple[str, ...] = ()
    version_id: str | None = None
    pretty_name: str | None = None


def parse_os_release(text: str, *, file: str = FILE) -> OsRelease:
    """Read the shell-like assignments; nothing is expanded or run.

    Raises:
        ParseError: a line that is no assignment of one word, or has an open quote.

    """
    values: dict[str, str] = {}
    for number, line in enumerate(lines_of(text), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(stripped)
        if assignment is None:
            raise ParseError(file, number, f"expected NAME=value, found {shown(line)}")
        values[assignment[1]] = "".join(_unquote(piece) for piece in _PIECE.finditer(assignment[2]))
    return OsRelease(
        values.get("ID", "linux"),
        tuple(values.get("ID_LIKE", "").split()),
        values.get("VERSION_ID"),
        values.get("PRETTY_NAME"),
    )


def _unquote(piece: re.Match[str]) -> str:
    if piece["double"] is not None:
        return _ESCAPED.sub(r"\1", piece["double"])
    return piece["single"] or piece["escaped"] or piece["plain"] or ""
