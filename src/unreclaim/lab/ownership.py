"""Whose a thing of the laboratory is: its name carries a process's pid and start time.

A pid is used again, both together are not. So what a process left that was killed can be told from what a living one
still uses, and the next run removes it.
"""

import os
import re

from unreclaim.lab.errors import LabError

PREFIX = "unreclaim-lab"
DISK = "/var/tmp"  # noqa: S108  on a disk, where /tmp may be a tmpfs
TMPFS = "/dev/shm"  # noqa: S108  the place is the point; names are ours, and the directory's mode keeps others out
_OWNED = re.compile(rf"{PREFIX}-([0-9]{{1,10}})-([0-9]{{1,20}})(\.\w+)?")


def own_name() -> str:
    """Name what belongs to this process."""
    pid = os.getpid()
    return f"{PREFIX}-{pid}-{started_ticks(pid)}"


def is_orphan(name: str) -> bool:
    """Tell whether a name is the laboratory's and the process that gave it is gone."""
    owner = _OWNED.fullmatch(name)
    return owner is not None and started_ticks(int(owner[1])) != int(owner[2])


def started_ticks(pid: int) -> int | None:
    """Give when a process was started, in clock ticks since boot; None: there is none of that pid, or it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Field 3 is the state, field 22 the start; the second is the command, which may hold blanks and parentheses.
    return None if fields[0] in "ZX" else int(fields[19])


def require_root(what: str) -> None:
    """Refuse to go on without privileges.

    Raises:
        LabError: not root.

    """
    if os.geteuid() != 0:
        raise LabError(what, "only root can make cgroups", hint="run it with sudo")
