"""What lint found, as text and as JSON."""

import json

from unreclaim.model.gap import Gap
from unreclaim.model.lint import LintFinding, LintReport, LintSeverity
from unreclaim.render.as_json import encode
from unreclaim.render.lint import lint_document, lint_text, rule_text

WARNING = LintFinding("some-rule", "a.service", "/etc/a.service", 3, LintSeverity.WARNING, "it loops", "slow it")
ERROR = LintFinding("bad-line", "b\x1b.service", "/etc/b\udcff.service", None, LintSeverity.ERROR, "broken", "mend it")
REMARK = LintFinding("note", "a.service", None, None, LintSeverity.INFO, "words of four " * 9, "leave it")


def test_findings_are_shown_unit_by_unit() -> None:
    """The count comes first, then each with file and line to be opened; a terminal obeys no name."""
    report = LintReport(7, 1, (WARNING, REMARK, ERROR), (Gap("c.service", "not there", "look"),), (Gap("x", "y"),), 252)
    assert (
        lint_text(report)
        == """\
1 error, 1 warning, 1 remark in 7 units (1 is masked), judged for systemd 252.

a.service
  warning  /etc/a.service:3  some-rule
           it loops
           fix: slow it
  remark   no file  note
           words of four words of four words of four words of four words of four words of four words
           of four words of four words of four
           fix: leave it

b\\x1b.service
  error    /etc/b\\udcff.service  bad-line
           broken
           fix: mend it

Not seen
  c.service: not there; look
  x: y
"""
    )


def test_nothing_and_nobody() -> None:
    """Nothing found is a sentence, and so is that nothing was looked at."""
    assert lint_text(LintReport(1, 0, ())) == "Nothing found in 1 unit, judged for systemd of unknown version.\n"
    assert lint_text(LintReport(0, 2, (), systemd_version=257)) == (
        "Nothing found in 0 units (2 are masked), judged for systemd 257.\n"
    )
    assert lint_text(LintReport(0, 0, ())) == "CANNOT TELL: no unit was found to be judged.\n"


def test_json_has_it_all() -> None:
    """The document is what was found, with names of any bytes."""
    report = LintReport(7, 1, (WARNING, ERROR), (Gap("c", "d"),), (), 252)
    assert json.loads(encode(lint_document(report))) == {
        "schema": "unreclaim.lint/1",
        "systemd_version": 252,
        "nr_units": 7,
        "nr_masked": 1,
        "findings": [
            {
                "rule": "some-rule",
                "unit": "a.service",
                "file": "/etc/a.service",
                "line": 3,
                "severity": "warning",
                "message": "it loops",
                "fix": "slow it",
            },
            {
                "rule": "bad-line",
                "unit": "b\x1b.service",
                "file": "/etc/b\\udcff.service",
                "line": None,
                "severity": "error",
                "message": "broken",
                "fix": "mend it",
            },
        ],
        "missing": [{"what": "c", "why": "d", "remedy": None}],
        "gaps": [],
    }


def test_a_page_is_shown_as_it_is_written() -> None:
    """The page of a rule is its docstring."""
    assert rule_text("A title.\n\n    What\n    ----\n    text\n    ") == "A title.\n\nWhat\n----\ntext\n"
