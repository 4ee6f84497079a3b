"""What the files say is not what systemd runs: it has not read them again.

What it finds
-------------
A service that systemd has loaded with another ``RestartSec=`` or ``StartLimitIntervalSec=`` than its files have now.
Only on a running host that answers over D-Bus, for units that are named.

Why it matters here
-------------------
A cure that is written down and not loaded does not work, and the next look at the files says that all is well.

Evidence
--------
systemd reads unit files when a unit is first loaded and at ``systemctl daemon-reload`` (systemd.unit(5)); the
properties are those that ``systemctl show`` prints.

What to do
----------
``systemctl daemon-reload``; a service that runs takes the new delay and limits at once.

References
----------
- systemctl(1), daemon-reload
"""

import math
from collections.abc import Iterator

from unreclaim.advice.restart_loop import INTERVAL_PLACES
from unreclaim.advice.unit_view import UnitView, seconds
from unreclaim.formats.time_span import time_span
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "not-reloaded"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find settings that are written and not loaded."""
    loaded = view.facts.loaded
    if loaded is None or not view.is_service:
        return
    for places, runs in (
        ((("Service", "RestartSec"),), loaded.restart_seconds),
        (INTERVAL_PLACES, loaded.start_limit_interval_seconds),
    ):
        says, at = view.last(seconds, *places)
        if says is not None and at is not None and runs is not None and not math.isclose(says, runs, abs_tol=1e-6):
            message = f"{at.name}={time_span(says)} is in the file, and systemd runs the unit with {time_span(runs)}"
            yield view.finding(_RULE, at, LintSeverity.WARNING, message, "systemctl daemon-reload")
