"""The output contract of ``unreclaim lint --json``."""

from scripts.json_key import GAPS, Key
from unreclaim.model.lint import LintSeverity

LINT = (
    Key("schema", "string", "", "`unreclaim.lint/1`"),
    Key("systemd_version", "integer or null", "", "the systemd by whose rules it was judged; null: not known"),
    Key("nr_units", "integer", "units", "how many were judged"),
    Key("nr_masked", "integer", "units", "how many are masked, and so were not"),
    Key("findings", "list", "", "what the rules found, unit by unit; within a unit the gravest first"),
    Key("findings[].rule", "string", "", "the rule; its page is lint/RULE.md"),
    Key("findings[].unit", "string", "", "the unit"),
    Key("findings[].file", "string or null", "", "the unit file or drop-in that says so"),
    Key("findings[].line", "integer or null", "", "the line on which it begins; null: no line says it"),
    Key("findings[].severity", "string", "", ", ".join(f"`{severity}`" for severity in LintSeverity)),
    Key("findings[].message", "string", "", "what is found, and what follows from it"),
    Key("findings[].fix", "string", "", "what to change"),
    Key("missing", "list", "", "units and files that were named and could not be judged"),
    Key("missing[].what", "string", "", "the unit or file"),
    Key("missing[].why", "string", "", "why it could not"),
    Key("missing[].remedy", "string or null", "", "what would help; null: nothing is known that would"),
    *GAPS,
)
