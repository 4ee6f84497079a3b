"""cgroup.events: whether processes run in a cgroup of version 2 or below it.

Source: Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files"; cgroup_events_show() in kernel/cgroup/cgroup.c
Needs: nothing; not in the root cgroup. ``frozen`` is there since 5.2.

Example::

    populated 1
    frozen 0
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import keyed_counts

FILE = "cgroup.events"


class CgroupEvents(Struct, frozen=True):
    """State of a cgroup."""

    populated: bool


def parse_cgroup_events(text: str, *, file: str = FILE) -> CgroupEvents:
    """Read the state; other lines are left out.

    Raises:
        ParseError: a line of another form, or no ``populated``.

    """
    values = keyed_counts(text, file)
    if "populated" not in values:
        raise ParseError(file, 0, "expected a line 'populated 0' or 'populated 1'")
    return CgroupEvents(values["populated"] > 0)
