"""version.txt of a sosreport: which sos made it and, up to sos 4.1, with which plugins.

Source: sos: version() of class SoSReport in sos/report/__init__.py (sos/sosreport.py up to 3.9)
Needs: nothing. "sosreport: 4.7.2" is "sos report: 4.8.0" since then.

Example::

    sosreport: 3.9
    cgroups: unversioned
    memory: unversioned
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "version.txt"


class SosVersion(Struct, frozen=True):
    """The version of sos, and the plugins that ran; None: this version of sos does not tell."""

    version: str
    plugins: frozenset[str] | None = None


def parse_sos_version(text: str, *, file: str = FILE) -> SosVersion:
    """Read the version and the plugins.

    Raises:
        ParseError: the first line is not sos's, or another is not a name and a version.

    """
    first, *rest = lines_of(text) or [""]
    name, _, version = first.partition(": ")
    if name not in ("sosreport", "sos report") or not version:
        raise ParseError(file, 1, f"expected 'sosreport: 4.2' or the like, found {shown(first)}")
    plugins = set()
    for number, line in enumerate(rest, 2):
        plugin, colon, _ = line.partition(": ")
        if not colon:
            raise ParseError(file, number, f"expected a plugin and its version, found {shown(line)}")
        plugins.add(plugin)
    return SosVersion(version.strip(), frozenset(plugins) or None)
