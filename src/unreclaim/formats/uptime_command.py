"""Output of ``uptime``: how long a host has been up, to the minute; a sosreport holds no /proc/uptime.

Source: uptime(1); sprint_uptime() in proc/whattime.c of procps, procps_uptime_sprint() in library/uptime.c since 4.0
Needs: nothing. Seconds are cut off, so the host may have been up for up to 59 seconds more.

Example::

     10:55:22 up 40 days, 21:17,  1 user,  load average: 0.49, 0.12, 0.04
"""

import re

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "sos_commands/host/uptime"
_MINUTE = 60
_DAY = 86_400
# After the days (none on the first) stand hours and minutes, or the minutes alone below an hour.
_UP = re.compile(
    r"[0-9:]+ +up +(?:(?P<days>[0-9]{1,6}) days?, +)?"
    r"(?:(?P<hours>[0-9]{1,2}):(?P<minutes>[0-9]{2})|(?P<only>[0-9]{1,2}) mins?),.*"
)


def parse_uptime_command(text: str, *, file: str = FILE) -> int:
    """Give the seconds since boot, a multiple of 60.

    Raises:
        ParseError: anything but the one line of ``uptime`` in the C locale.

    """
    match = _UP.fullmatch(text.strip())
    if match is None:
        raise ParseError(file, 1, f"expected the line of uptime, found {shown(text)}")
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or match["only"])
    return int(match["days"] or 0) * _DAY + (hours * 60 + minutes) * _MINUTE
