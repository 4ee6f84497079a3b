"""Units in memory, for tests of what is advised about them."""

from unreclaim.advice.unit_view import UnitView
from unreclaim.advice.unitlint import lint_unit
from unreclaim.formats.unit_file import parse_unit_file
from unreclaim.model.lint import HostFacts, UnitFacts
from unreclaim.model.unit_files import UnitFiles

Line = tuple[str, int | None, str]


def view(
    *texts: str, name: str = "x.service", host: HostFacts | None = None, facts: UnitFacts | None = None
) -> UnitView:
    """Make a unit of a unit file and drop-ins; the files are called 0, 1 and so on."""
    files = [parse_unit_file(text, file=str(number)) for number, text in enumerate(texts)]
    return UnitView(UnitFiles(name, files[0] if files else None, tuple(files[1:])), host, facts)


def lint(
    *texts: str, name: str = "x.service", host: HostFacts | None = None, facts: UnitFacts | None = None
) -> list[Line]:
    """Give rule, line and severity of all that is found."""
    found = lint_unit(view(*texts, name=name, host=host, facts=facts))
    return [(finding.rule, finding.line, finding.severity.value) for finding in found]
