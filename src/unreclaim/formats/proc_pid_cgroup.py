"""/proc/PID/cgroup: the cgroup of a process in each hierarchy.

Source: cgroups(7); proc_cgroup_show() in kernel/cgroup/cgroup.c
Needs: nothing. The path is relative to the reader's cgroup namespace; " (deleted)" follows the path of a dying one.

Example::

    4:memory:/system.slice/cron.service
    1:name=systemd:/system.slice/cron.service
    0::/
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/proc/self/cgroup"
_DELETED = " (deleted)"


class Membership(Struct, frozen=True):
    """One hierarchy (0: unified), its controllers or ``name=…``, and the path; deleted: the cgroup is dying."""

    hierarchy: int
    controllers: tuple[str, ...]
    path: str
    deleted: bool = False


def parse_proc_pid_cgroup(text: str, *, file: str = FILE) -> tuple[Membership, ...]:
    """Read every line; the file of a kernel thread or of a host without cgroups may be empty.

    Raises:
        ParseError: a line of another form.

    """
    memberships = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        parts = line.split(":", 2)
        if len(parts) != 3 or not parts[2].startswith("/"):
            raise ParseError(file, number, f"expected 'number:controllers:/path', found {shown(line)}")
        path = parts[2].removesuffix(_DELETED)
        controllers = tuple(parts[1].split(",")) if parts[1] else ()
        hierarchy = unsigned(parts[0], file, number)
        memberships.append(Membership(hierarchy, controllers, path, path != parts[2]))
    return tuple(memberships)
