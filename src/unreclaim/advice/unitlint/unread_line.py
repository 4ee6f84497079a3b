"""Lines that systemd does not read, or because of which it does not take the unit.

What it finds
-------------
Lines without a ``=`` or without a name, lines before the first section (warnings: systemd goes on), and what it stops
at: a broken header of a section, bytes that are no UTF-8, a line of more than a mebibyte (errors: the unit does not
load, or of a drop-in the rest is lost).

Why it matters here
-------------------
A limit or a back-off in a line that is not read is not in force; and the other rules judge only what is read.

Evidence
--------
config_parse() and parse_line() in src/shared/conf-parser.c; tried with ``systemd-analyze verify`` of systemd 252,
which gives the same lines for 101 files of odd lines (tests/live/test_unit_syntax.py).

What to do
----------
Mend the line, then ``systemctl daemon-reload``.

References
----------
- systemd.syntax(7)
"""

from collections.abc import Iterator

from unreclaim.advice.unit_view import UnitView
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "unread-line"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find what systemd does not read."""
    fragment = view.files.fragment
    for file in view.files.files:
        for problem in file.problems:
            lost = "systemd does not load the unit" if file is fragment else "systemd reads this drop-in no further"
            yield LintFinding(
                _RULE,
                view.name,
                file.file,
                problem.line,
                LintSeverity.ERROR if problem.fatal else LintSeverity.WARNING,
                f"{problem.why}: {lost if problem.fatal else 'systemd ignores the line'}",
                "mend the line, then systemctl daemon-reload",
            )
