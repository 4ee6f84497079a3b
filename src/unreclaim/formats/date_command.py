"""Output of ``date --utc``: when a sosreport was made.

Source: date(1) in the C locale, in which sos runs every command
Needs: nothing.

Example::

    Fri Feb  6 19:23:39 UTC 2026
"""

import calendar
import re

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "sos_commands/date/date_--utc"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"[A-Z][a-z]{{2}} (?P<month>{'|'.join(_MONTHS)}) (?P<day> [1-9]|[1-3][0-9]) "
    r"(?P<hour>[0-2][0-9]):(?P<minute>[0-5][0-9]):(?P<second>[0-6][0-9]) UTC (?P<year>[1-9][0-9]{3})\n?"
)


def parse_date_command(text: str, *, file: str = FILE) -> int:
    """Give the seconds since 1970.

    Raises:
        ParseError: another form, another time zone than UTC, or a day that its month does not have.

    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ParseError(file, 1, f"expected a date in UTC, found {shown(text)}")
    month = _MONTHS.index(match["month"]) + 1
    year, day, hour, minute, second = (int(match[name]) for name in ("year", "day", "hour", "minute", "second"))
    if day > calendar.monthrange(year, month)[1]:
        raise ParseError(file, 1, f"{match['month']} {year} has no day {day}")
    return calendar.timegm((year, month, day, hour, minute, second))
