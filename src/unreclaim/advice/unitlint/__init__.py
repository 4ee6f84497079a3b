"""Rules on units, one file each: ``check(view)`` gives findings. The module's docstring is the rule's page.

A page has the headings What it finds, Why it matters here, Evidence, What to do and References. To add a rule, write
its module and add it to RULES.
"""

from collections.abc import Callable, Iterator

from unreclaim.advice.unit_view import UnitView
from unreclaim.advice.unitlint import (
    absent_dependency,
    backoff_incomplete,
    files_left_behind,
    ignored_option,
    invalid_value,
    log_outlives_unit,
    memory_accounting_no_effect,
    not_reloaded,
    restart_without_backoff,
    sandbox_no_pin,
    short_timer,
    socket_per_connection,
    start_limit_off,
    start_limit_out_of_reach,
    type_exec,
    unread_line,
)
from unreclaim.model.lint import LintFinding, LintSeverity

RULES: dict[str, Callable[[UnitView], Iterator[LintFinding]]] = {
    "absent-dependency": absent_dependency.check,
    "backoff-incomplete": backoff_incomplete.check,
    "files-left-behind": files_left_behind.check,
    "ignored-option": ignored_option.check,
    "invalid-value": invalid_value.check,
    "log-outlives-unit": log_outlives_unit.check,
    "memory-accounting-no-effect": memory_accounting_no_effect.check,
    "not-reloaded": not_reloaded.check,
    "restart-without-backoff": restart_without_backoff.check,
    "sandbox-no-pin": sandbox_no_pin.check,
    "short-timer": short_timer.check,
    "socket-per-connection": socket_per_connection.check,
    "start-limit-off": start_limit_off.check,
    "start-limit-out-of-reach": start_limit_out_of_reach.check,
    "type-exec": type_exec.check,
    "unread-line": unread_line.check,
}

_ORDER = (LintSeverity.ERROR, LintSeverity.WARNING, LintSeverity.INFO)


def lint_unit(view: UnitView) -> tuple[LintFinding, ...]:
    """Give all that the rules find in a unit, the gravest first."""
    found = [finding for check in RULES.values() for finding in check(view)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
