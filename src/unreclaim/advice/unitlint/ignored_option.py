"""A line that this systemd ignores: it is too old for it, or the line stands in the wrong section.

What it finds
-------------
Options, and values of options, that came with a later systemd than this host's; ``StartLimitIntervalSec=`` in
[Service] and other options of these pages in a section that does not have them; sections that a unit of this type
does not have.

Why it matters here
-------------------
systemd starts the unit as if the line were not there, and says so in its journal alone. A limit or a back-off that is
not in force looks just like one that is.

Evidence
--------
The table of options and versions is src/unreclaim/advice/option_versions.py, each row with its source. Tried with
``systemd-analyze verify`` of systemd 252: "Unknown key 'StartLimitIntervalSec' in section [Service], ignoring." and
the same for ``RestartSteps=``. The old name ``StartLimitInterval=`` is still taken in [Service].

What to do
----------
Move the line to its section, or use what this version has: for back-off before 254 a longer ``RestartSec=``, for
``Type=exec`` before 240 ``Type=simple``, which makes as many cgroups.

References
----------
- systemd.directives(7)
- systemd's NEWS
"""

from collections.abc import Iterator

from unreclaim.advice.option_versions import ELSEWHERE, OPTIONS
from unreclaim.advice.unit_view import UnitView
from unreclaim.formats.unit_file import Assignment
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "ignored-option"
_BY_NAME = {
    (section, option.name): tuple(other for other in OPTIONS if other.name == option.name and section in other.sections)
    for option in OPTIONS
    for section in option.sections
}


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find assignments that have no effect."""
    known = {"Unit", "Install", view.files.type.capitalize()}
    strange: dict[str, Assignment] = {}
    for found in view.settings:
        place = (found.section, found.name)
        if found.section not in known:
            if not found.section.startswith("X-"):
                strange.setdefault(found.section, found)
        elif place in ELSEWHERE:
            message = f"{found.name}= is ignored in [{found.section}]"
            yield view.finding(_RULE, found, LintSeverity.WARNING, message, f"move it to [{ELSEWHERE[place]}]")
        else:
            yield from _too_new(view, found)
    for section, found in strange.items():
        message = f"systemd ignores all of section [{section}] in a unit of this type"
        yield view.finding(_RULE, found, LintSeverity.WARNING, message, f"move it to one of {', '.join(sorted(known))}")


def _too_new(view: UnitView, found: Assignment) -> Iterator[LintFinding]:
    for option in _BY_NAME.get((found.section, found.name), ()):
        fits = found.value == option.value if option.name == "Type" else found.value.startswith(option.value)
        if fits and not view.has_at_least(option.since):
            what = f"{found.name}={option.value}"
            yield view.finding(
                _RULE,
                found,
                LintSeverity.WARNING,
                f"{what} is ignored: it needs systemd {option.since}, this is {view.host.systemd_version}",
                f"remove it, or update systemd ({option.source})",
            )
