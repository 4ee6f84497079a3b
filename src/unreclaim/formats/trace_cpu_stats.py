"""per_cpu/cpuN/stats of a tracefs instance: how many events one CPU's buffer has lost.

Source: Documentation/trace/ftrace.rst; tracing_stats_read() in kernel/trace/trace.c
Needs: root, tracefs.

Example::

    entries: 0
    overrun: 23
    commit overrun: 0
    bytes: 0
    oldest event ts: 34414.126301
    now ts: 34414.126307
    dropped events: 0
    read events: 211
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, unsigned

FILE = "stats"
_LOST = re.compile(r"(?:overrun|commit overrun|dropped events): (.*)")


class TraceCpuStats(Struct, frozen=True):
    """What became of a CPU's events. lost: overwritten, or had no room, since the buffer was made."""

    lost: int


def parse_trace_cpu_stats(text: str, *, file: str = FILE) -> TraceCpuStats:
    """Add up the counts of lost events.

    Raises:
        ParseError: no such line, or a count that is no number.

    """
    found = [(number, match[1]) for number, line in enumerate(lines_of(text), 1) if (match := _LOST.fullmatch(line))]
    if not found:
        raise ParseError(file, 0, "no line with the number of lost events")
    return TraceCpuStats(sum(unsigned(token, file, number) for number, token in found))
