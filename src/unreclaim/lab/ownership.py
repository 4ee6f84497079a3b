"""Whose a thing of the laboratory is (host/ownership.py), and where it puts what is no cgroup."""

import os

from unreclaim.host import ownership
from unreclaim.lab.errors import LabError

DISK = "/var/tmp"  # noqa: S108  on a disk, where /tmp may be a tmpfs
TMPFS = "/dev/shm"  # noqa: S108  the place is the point; names are ours, and the directory's mode keeps others out
_PURPOSE = "lab"


def own_name() -> str:
    """Name what belongs to this process."""
    return ownership.own_name(_PURPOSE)


def is_orphan(name: str) -> bool:
    """Tell whether a name is the laboratory's and the process that gave it is gone."""
    return ownership.is_orphan(name, _PURPOSE)


def require_root(what: str) -> None:
    """Refuse to go on without privileges.

    Raises:
        LabError: not root.

    """
    if os.geteuid() != 0:
        raise LabError(what, "only root can make cgroups", hint="run it with sudo")
