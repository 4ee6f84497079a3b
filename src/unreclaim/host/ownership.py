"""Whose a thing that we made on this host is: its name carries a process's pid and start time.

A pid is used again, both together are not. So what a process left that was killed can be told from what a living one
still uses, and the next run removes it.
"""

import os
import re

_OWNED = re.compile(r"unreclaim-([a-z]+)-([0-9]{1,10})-([0-9]{1,20})(\.\w+)?")


def own_name(purpose: str) -> str:
    """Name what belongs to this process. purpose: a word of small letters."""
    pid = os.getpid()
    return f"unreclaim-{purpose}-{pid}-{started_ticks(pid)}"


def is_orphan(name: str, *purposes: str) -> bool:
    """Tell whether a name is ours, for one of those purposes, and the process that gave it is gone."""
    owner = _OWNED.fullmatch(name)
    return owner is not None and owner[1] in purposes and started_ticks(int(owner[2])) != int(owner[3])


def started_ticks(pid: int) -> int | None:
    """Give when a process was started, in clock ticks since boot; None: there is none of that pid, or it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Field 3 is the state, field 22 the start; the second is the command, which may hold blanks and parentheses.
    return None if fields[0] in "ZX" else int(fields[19])
