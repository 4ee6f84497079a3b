"""A value that systemd cannot read: it ignores the line, and what was in force before stays so.

What it finds
-------------
Time spans, numbers, words and booleans of the settings that these pages are about, where they are none:
``RestartSec=5 seconds each``, ``Restart=yes``, an empty ``RestartSec=`` (only lists are emptied so).

Why it matters here
-------------------
The unit starts all the same, with the default: 100 ms instead of the delay that was meant.

Evidence
--------
Tried with ``systemd-analyze verify`` of systemd 252: "Failed to parse sec value, ignoring: 5x", "Failed to parse
service restart specifier, ignoring:".

What to do
----------
Write the value as systemd.time(7) and systemd.service(5) have it.

References
----------
- systemd.time(7)
- systemd.syntax(7)
"""

from collections.abc import Callable, Iterator

from unreclaim.advice.restart_loop import BURST_PLACES, INTERVAL_PLACES, RESTART_WORDS
from unreclaim.advice.unit_view import UnitView, boolean, count, one_of, seconds
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "invalid-value"
_READERS: tuple[tuple[tuple[str, str], Callable[[str], object]], ...] = (
    (("Service", "Restart"), one_of(*RESTART_WORDS)),
    (("Service", "RestartSec"), seconds),
    (("Service", "RestartSteps"), count),
    (("Service", "RestartMaxDelaySec"), seconds),
    *((place, seconds) for place in INTERVAL_PLACES),
    *((place, count) for place in BURST_PLACES),
    (("Service", "MemoryAccounting"), boolean),
    (("Service", "PrivateTmp"), lambda value: value == "disconnected" or boolean(value)),
    (("Service", "DynamicUser"), boolean),
    (("Socket", "Accept"), boolean),
    (("Timer", "AccuracySec"), seconds),
)


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find values that systemd ignores."""
    for place, read in _READERS:
        for found in view.settings.every(place):
            if read(found.value) is None:
                shown = f"{found.name}={found.value[:40]}"
                message = f"systemd cannot read the value of {shown} and ignores the line"
                fix = "write it as systemd.time(7) and systemd.service(5) say"
                yield view.finding(_RULE, found, LintSeverity.WARNING, message, fix)
