"""/proc/PID/status: a process's name and resident memory.

Source: Documentation/filesystems/proc.rst table 1-2; proc_pid_status() in fs/proc/array.c, task_mem() in
    fs/proc/task_mmu.c
Needs: nothing, unless /proc is mounted with hidepid. Kernel threads and exited processes have no Vm lines.

Example::

    Name:	systemd-logind
    Pid:	412
    PPid:	1
    VmRSS:	    7424 kB
    RssAnon:	    1024 kB
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.base.units import KIB
from unreclaim.formats._tokens import U64_MAX, shown, unsigned

FILE = "/proc/1/status"


class ProcessStatus(Struct, frozen=True):
    """Name (at most 15 bytes, escaped as printed), pid and resident memory; None: no such line."""

    name: str
    pid: int
    rss_bytes: int | None = None
    rss_anon_bytes: int | None = None


def parse_proc_pid_status(text: str, *, file: str = FILE) -> ProcessStatus:
    """Read the name, the pid and the resident memory.

    Raises:
        ParseError: Name or Pid missing, or a size that is no number of kB.

    """
    lines: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        key, colon, value = line.partition(":")
        if colon:
            lines.setdefault(key, (number, value.strip()))
    if "Name" not in lines or "Pid" not in lines:
        raise ParseError(file, 0, "no Name or no Pid line")
    number, pid = lines["Pid"]
    return ProcessStatus(
        lines["Name"][1],
        unsigned(pid, file, number),
        _size(lines.get("VmRSS"), file),
        _size(lines.get("RssAnon"), file),
    )


def _size(entry: tuple[int, str] | None, file: str) -> int | None:
    if entry is None:
        return None
    number, value = entry
    words = value.split()
    if len(words) != 2 or words[1] != "kB":
        raise ParseError(file, number, f"expected a number of kB, found {shown(value)}")
    return unsigned(words[0], file, number, limit=U64_MAX // KIB) * KIB
