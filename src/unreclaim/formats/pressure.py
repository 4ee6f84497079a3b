"""/proc/pressure/{cpu,io,memory,irq} and *.pressure of a cgroup: pressure stall information.

Source: Documentation/accounting/psi.rst; psi_show() in kernel/sched/psi.c
Needs: CONFIG_PSI, 4.20, and psi=1 where it is off by default (reading then gives EOPNOTSUPP).

Example::

    some avg10=0.06 avg60=0.00 avg300=0.00 total=1216
    full avg10=0.00 avg60=0.00 avg300=0.00 total=915
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown, unsigned

FILE = "/proc/pressure/memory"


class Stall(Struct, frozen=True):
    """Share of time stalled over 10, 60 and 300 s (percent as printed), and the total in seconds."""

    avg10_percent: float
    avg60_percent: float
    avg300_percent: float
    total_seconds: float


class Pressure(Struct, frozen=True):
    """Stalls of some task and of all tasks; None: this kernel does not print the line."""

    some: Stall | None = None
    full: Stall | None = None


def parse_pressure(text: str, *, file: str = FILE) -> Pressure:
    """Read the lines ``some`` and ``full``; lines of other kinds are for a later kernel and are passed over.

    Raises:
        ParseError: a known line of another form or twice, or neither line.

    """
    stalls: dict[str, Stall] = {}
    for number, line in enumerate(lines_of(text), 1):
        kind, *pairs = line.split() or [""]
        if kind in stalls:
            raise ParseError(file, number, f"{shown(kind)} occurs twice")
        if kind in ("some", "full"):
            stalls[kind] = _parse_stall(pairs, file, number)
    if not stalls:
        raise ParseError(file, 0, "neither a 'some' nor a 'full' line")
    return Pressure(stalls.get("some"), stalls.get("full"))


def _parse_stall(pairs: list[str], file: str, number: int) -> Stall:
    values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    try:
        avg10, avg60, avg300 = (_percent(values[name]) for name in ("avg10", "avg60", "avg300"))
        total_usec = values["total"]
    except (KeyError, ValueError):
        line = shown(" ".join(pairs))
        raise ParseError(file, number, f"expected avg10= avg60= avg300= total=, found {line}") from None
    return Stall(avg10, avg60, avg300, unsigned(total_usec, file, number) / 1e6)


def _percent(token: str) -> float:
    whole, dot, fraction = token.partition(".")
    if len(token) > 10 or not token.isascii() or not whole.isdigit() or (dot and not fraction.isdigit()):
        raise ValueError(token)
    return float(token)
