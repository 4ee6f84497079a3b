"""/proc/uptime: seconds since boot, with the time suspended.

Source: Documentation/filesystems/proc.rst "uptime"; uptime_proc_show() in fs/proc/uptime.c
Needs: nothing. Inside a container lxcfs shows the container's own.

Example::

    2188.85 4243.91
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/proc/uptime"


def parse_uptime(text: str, *, file: str = FILE) -> float:
    """Give the seconds since boot, to a hundredth.

    Raises:
        ParseError: anything but two numbers with two decimals.

    """
    words = text.split()
    if len(words) != 2:
        raise ParseError(file, 1, f"expected two numbers of seconds, found {shown(text)}")
    uptime, _idle = (_parse_seconds(word, file) for word in words)
    return uptime


def _parse_seconds(word: str, file: str) -> float:
    whole, dot, hundredths = word.partition(".")
    if not dot or len(hundredths) != 2:
        raise ParseError(file, 1, f"expected seconds with two decimals, found {shown(word)}")
    return (unsigned(whole, file, 1) * 100 + unsigned(hundredths, file, 1)) / 100
