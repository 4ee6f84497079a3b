r"""Output of ``ps alxwww``, ``ps auxwww``, ``ps auxwwwm`` and ``ps auxfwww``: every process's resident memory.

Source: ps(1); ps/output.c of procps
Needs: nothing, unless /proc is mounted with hidepid. Kernel threads and zombies, which have no memory, bear brackets
    around their names. With ``m`` each process is followed by its threads, whose PID is a dash.

Example::

    USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
    root           1  1.4  0.3 105868 13604 ?        -    18:58   0:22 /sbin/init
    root           -  1.4    -      -     - -        Ss   18:58   0:22 -
    root           2  0.0  0.0      0     0 ?        S    18:58   0:00 [kthreadd]
    root         699  0.0  0.1  16868  7796 ?        Ss   18:58   0:01  \_ /lib/systemd/systemd-logind
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.base.units import KIB
from unreclaim.formats._tokens import U64_MAX, lines_of, shown, unsigned

FILE = "sos_commands/process/ps_alxwww"
_MOST_PIDS = 2**22


class Process(Struct, frozen=True):
    """One process that has memory: its pid, resident memory, and its program's name without path and arguments."""

    pid: int
    rss_bytes: int
    name: str


def parse_ps_command(text: str, *, file: str = FILE) -> tuple[Process, ...]:
    """Read every process in the output's order; threads, names in brackets and lines above the header are passed over.

    Raises:
        ParseError: no header with PID, RSS and, last, COMMAND, or a row that does not fit it.

    """
    lines = lines_of(text)
    for number, line in enumerate(lines, 1):
        header = line.split()
        if header[-1:] == ["COMMAND"] and "PID" in header and "RSS" in header:
            rows = enumerate(lines[number:], number + 1)
            found = (_parse_row(row, header, file, place) for place, row in rows)
            return tuple(process for process in found if process is not None)
    raise ParseError(file, 0, "no header with PID, RSS and COMMAND")


def _parse_row(line: str, header: list[str], file: str, number: int) -> Process | None:
    words = line.split(None, len(header) - 1)
    if len(words) != len(header):
        raise ParseError(file, number, f"expected {len(header)} columns, found {shown(line)}")
    row = dict(zip(header, words, strict=True))
    if row["PID"] == "-":
        return None
    pid = unsigned(row["PID"], file, number, limit=_MOST_PIDS)
    rss = unsigned(row["RSS"], file, number, limit=U64_MAX // KIB) * KIB
    # The tree of "f" is drawn before the command.
    command = row["COMMAND"].lstrip("\\_| ")
    return None if command.startswith("[") else Process(pid, rss, command.partition(" ")[0].rpartition("/")[2])
