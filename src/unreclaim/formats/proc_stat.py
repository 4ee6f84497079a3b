"""/proc/stat: of all that it holds, when the kernel booted.

Source: Documentation/filesystems/proc.rst 1.7; show_stat() in fs/proc/stat.c
Needs: nothing. Inside a container lxcfs may show the container's own start.

Example::

    cpu  2255 34 2290 22625563 6290 127 456 0 0 0
    ctxt 1990473
    btime 1062191376
    processes 2915
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, unsigned

FILE = "/proc/stat"


def parse_proc_stat(text: str, *, file: str = FILE) -> int:
    """Give the time of boot in seconds since 1970.

    Raises:
        ParseError: no btime line, or one that is not a number.

    """
    for number, line in enumerate(lines_of(text), 1):
        name, _, value = line.partition(" ")
        if name == "btime":
            return unsigned(value, file, number)
    raise ParseError(file, 0, "no btime line")
