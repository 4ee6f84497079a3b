"""Time spans as unit files have them: numbers with units, added up.

Source: systemd.time(7) "Parsing Time Spans"; parse_time() in src/basic/time-util.c (systemd 252)
Needs: nothing. A number without a unit is seconds, as for RestartSec= and StartLimitIntervalSec=.

Example::

    5min 20s 300ms
"""

import math
import re

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "time span"
_SPACE = " \t\n\r"
_PART = re.compile(
    r"[ \t\n\r]*(?:\+?(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?|\.(?P<only>[0-9]+))"
    r"(?:[ \t\n\r]*(?P<unit>[A-Za-z\u00b5\u03bc]+)|[ \t\n\r]+|\Z)"
)
_SECOND = 1_000_000
_MICROSECONDS = {
    **dict.fromkeys(("seconds", "second", "sec", "s"), _SECOND),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60 * _SECOND),
    **dict.fromkeys(("months", "month", "M"), 2_629_800 * _SECOND),
    **dict.fromkeys(("msec", "ms"), 1000),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3_600 * _SECOND),
    **dict.fromkeys(("days", "day", "d"), 86_400 * _SECOND),
    **dict.fromkeys(("weeks", "week", "w"), 604_800 * _SECOND),
    **dict.fromkeys(("years", "year", "y"), 31_557_600 * _SECOND),
    **dict.fromkeys(("usec", "us", "\u00b5s", "\u03bcs"), 1),
}
# strtoll(3) reads 63 bits; usec_t has 64, of which the highest value is infinity.
_WHOLE_LIMIT = 2**63
_INFINITY = 2**64 - 1
_MOST_DIGITS = 19


def parse_time_span(text: str, *, file: str = FILE) -> float:
    """Read seconds; ``infinity`` is `math.inf`.

    Raises:
        ParseError: it is no time span, or longer than systemd counts.

    """
    rest = text.strip(_SPACE)
    if rest == "infinity":
        return math.inf
    total, place = 0, 0
    while place < len(rest) or not rest:
        part = _PART.match(rest, place)
        unit = _MICROSECONDS.get(part["unit"] or "s") if part else None
        if part is None or unit is None:
            raise ParseError(file, 0, f"expected a time span such as 5min 20s, found {shown(text)}")
        digits = (part["whole"] or "").lstrip("0")
        whole = int(digits or "0") if len(digits) <= _MOST_DIGITS else _WHOLE_LIMIT
        total += whole * unit + _share(part["fraction"] or part["only"] or "", unit)
        if whole >= min(_WHOLE_LIMIT, _INFINITY // unit) or total >= _INFINITY:
            raise ParseError(file, 0, f"{shown(text)} is longer than systemd counts")
        place = part.end()
    return total / _SECOND


def time_span(seconds: float) -> str:
    """Write seconds as a unit file has them: ``1.5ms``, ``100ms``, ``2.5s``, ``15s``, ``5min``, ``infinity``."""
    if math.isinf(seconds):
        return "infinity"
    if seconds % 60 == 0 and seconds:
        return f"{seconds / 60:.0f}min"
    number, unit = (seconds, "s") if seconds >= 1 or not seconds else (seconds * 1000, "ms")
    digits = f"{number:.3f}".rstrip("0").rstrip(".")
    return f"{digits}{unit}"


def _share(fraction: str, unit: int) -> int:
    """Give the microseconds of the digits behind the point, cut off as systemd cuts them off."""
    total = 0
    for digit in fraction:
        unit //= 10
        if not unit:
            break
        total += int(digit) * unit
    return total
