"""What lint found, as text and as JSON: how much first, then unit by unit where it stands and what to do."""

import inspect
from itertools import groupby

import msgspec

from unreclaim.base.units import format_number_of
from unreclaim.model.lint import LintFinding, LintReport, LintSeverity
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import not_seen, printable, wrap

_LABEL = 9
_WORDS = {
    LintSeverity.ERROR: ("error", "errors"),
    LintSeverity.WARNING: ("warning", "warnings"),
    LintSeverity.INFO: ("remark", "remarks"),
}
_GAPS_SHOWN = 10


def lint_text(report: LintReport) -> str:
    """Write a report for people."""
    blocks = [
        wrap(_summary(report)),
        *(_unit_block(unit, list(found)) for unit, found in groupby(report.findings, lambda finding: finding.unit)),
        not_seen((*report.missing, *report.gaps)[:_GAPS_SHOWN]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _summary(report: LintReport) -> str:
    """Say in a sentence how much was found, in how many units, and by which systemd's rules."""
    counts = [
        format_number_of(number, *words)
        for severity, words in _WORDS.items()
        if (number := sum(finding.severity == severity for finding in report.findings))
    ]
    units = format_number_of(report.nr_units, "unit", "units")
    masked = f" ({format_number_of(report.nr_masked, 'is', 'are')} masked)" if report.nr_masked else ""
    version = "of unknown version" if report.systemd_version is None else str(report.systemd_version)
    if not report.nr_units and not report.nr_masked:
        return "CANNOT TELL: no unit was found to be judged."
    return f"{', '.join(counts) or 'Nothing found'} in {units}{masked}, judged for systemd {version}."


def _unit_block(unit: str, findings: list[LintFinding]) -> str:
    lines = [printable(unit)]
    for finding in findings:
        place = finding.file or "no file"
        line = f":{finding.line}" if finding.line else ""
        label = _WORDS[finding.severity][0]
        # To be opened, so it is not broken.
        lines.append(f"  {label:<{_LABEL}}{printable(place)}{line}  {finding.rule}")
        lines.append(wrap(finding.message, indent=2 + _LABEL, hanging=2 + _LABEL))
        lines.append(wrap(f"fix: {finding.fix}", indent=2 + _LABEL, hanging=4 + _LABEL))
    return "\n".join(lines)


def lint_document(report: LintReport) -> dict[str, object]:
    """Build the document of ``unreclaim lint --json``."""
    return {
        "schema": "unreclaim.lint/1",
        "systemd_version": report.systemd_version,
        "nr_units": report.nr_units,
        "nr_masked": report.nr_masked,
        "findings": [msgspec.to_builtins(finding) for finding in report.findings],
        "missing": gaps_document(report.missing),
        "gaps": gaps_document(report.gaps),
    }


def rule_text(docstring: str) -> str:
    """Write the page of a rule."""
    return inspect.cleandoc(docstring) + "\n"
