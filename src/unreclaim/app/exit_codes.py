"""From a verdict to the exit code that scripts and monitoring see."""

from unreclaim.base.errors import ExitCode
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.finding import State
from unreclaim.model.lint import LintReport, LintSeverity
from unreclaim.model.plan import Application
from unreclaim.model.recovery import Recovery, Result

_CODES = {
    State.HEALTHY: ExitCode.HEALTHY,
    State.DRAINING: ExitCode.HEALTHY,
    State.GROWING: ExitCode.WARNING,
    State.CRITICAL: ExitCode.CRITICAL,
    State.CANNOT_TELL: ExitCode.CANNOT_TELL,
}


def exit_code(diagnosis: Diagnosis) -> int:
    """Give 0 to 3, as Nagios reads them; a host that drains needs nobody."""
    return int(_CODES[diagnosis.verdict.state])


def recovery_exit_code(recovery: Recovery) -> int:
    """Give 0 where nothing of what was aimed at is left, or nothing was to be done; else as `exit_code` would.

    What has to be removed, restarted or reclaimed yet is a warning, what only a reboot frees is critical; where many
    are dying and nothing of them can be seen, nobody can tell.
    """
    if recovery.up_to is not None and recovery.sees_nothing:
        return int(ExitCode.CANNOT_TELL)
    results = {outcome.result for outcome in recovery.outcomes} - {Result.RECOVERED}
    if recovery.up_to is None or not results:
        return int(ExitCode.HEALTHY)
    if Result.REBOOT in results:
        return int(ExitCode.CRITICAL)
    unmeasured = any(rung.after is None for rung in recovery.rungs)
    unnamed = any(outcome.nr_left is None for outcome in recovery.outcomes)
    return int(ExitCode.CANNOT_TELL if unmeasured or unnamed else ExitCode.WARNING)


def lint_exit_code(report: LintReport) -> int:
    """Give 1 where something should be changed, 3 where a unit that was named could not be judged, or none was."""
    if any(finding.severity != LintSeverity.INFO for finding in report.findings):
        return int(ExitCode.WARNING)
    seen = report.nr_units + report.nr_masked
    return int(ExitCode.CANNOT_TELL if report.missing or not seen else ExitCode.HEALTHY)


def application_exit_code(application: Application) -> int:
    """Give 0 where nothing was to be proven, or it worked; 1 where it did not, 3 where nobody can tell."""
    if application.judgement is None or application.judgement.worked:
        return int(ExitCode.HEALTHY)
    return int(ExitCode.CANNOT_TELL if application.judgement.worked is None else ExitCode.WARNING)
