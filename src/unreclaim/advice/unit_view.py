"""One unit as a rule sees it: its settings with the files they come from, and the facts of its host."""

from collections.abc import Callable
from typing import TypeVar

from unreclaim.base.errors import ParseError
from unreclaim.formats.time_span import parse_time_span
from unreclaim.formats.unit_file import Assignment, parse_boolean
from unreclaim.formats.unit_name import parse_unit_name
from unreclaim.model.lint import HostFacts, LintFinding, LintSeverity, UnitFacts
from unreclaim.model.unit_files import Settings, UnitFiles

T = TypeVar("T")


class UnitView:
    """A unit, its settings in effect, and the facts by which it is judged."""

    def __init__(self, files: UnitFiles, host: HostFacts | None = None, facts: UnitFacts | None = None) -> None:
        """Take what was read of a unit; facts that are not given are not known."""
        self.files = files
        self.settings = Settings(files.files)
        self.host = host or HostFacts()
        self.facts = facts or UnitFacts()
        self.name = files.name
        self._defaults = Settings(self.host.manager_files)

    @property
    def is_service(self) -> bool:
        """Tell whether it is a service."""
        return self.files.type == "service"

    def last(self, read: Callable[[str], T | None], *places: tuple[str, str]) -> tuple[T | None, Assignment | None]:
        """Give the value in effect and where it stands: the last that systemd takes, for others it ignores.

        places: section and name; a setting may have several.
        """
        for assignment in reversed(self.settings.every(*places)):
            value = read(assignment.value)
            if value is not None:
                return value, assignment
        return None, None

    def default(self, read: Callable[[str], T | None], name: str, otherwise: T) -> T:
        """Give what holds for units that say nothing: what system.conf says, or else systemd's own default."""
        found = (read(assignment.value) for assignment in reversed(self._defaults.every(("Manager", name))))
        return next((value for value in found if value is not None), otherwise)

    def has_at_least(self, version: int) -> bool:
        """Tell whether systemd is that version or newer; where it is not known it is taken for new."""
        return self.host.systemd_version is None or self.host.systemd_version >= version

    def expand(self, value: str) -> str | None:
        """Resolve the specifiers of the unit's own name; None: there are others, or it is a template's instance."""
        name = parse_unit_name(self.name)
        known = {"%%": "%", "%n": self.name, "%N": self.name.rpartition(".")[0], "%p": name.prefix}
        if name.instance:
            known["%i"] = name.instance
        parts = value.split("%")
        text, rest = parts[0], parts[1:]
        while rest:
            piece = rest.pop(0)
            specifier = f"%{piece[:1] or '%'}"
            if specifier not in known:
                return None
            text += known[specifier] + (piece[1:] if piece else rest.pop(0) if rest else "")
        return text

    def finding(self, rule: str, at: Assignment | None, severity: LintSeverity, message: str, fix: str) -> LintFinding:
        """Make a finding about an assignment; None: about what is not in any file, shown at the unit file."""
        if at is None:
            file = self.files.files[0].file if self.files.files else None
            return LintFinding(rule, self.name, file, None, severity, message, fix)
        return LintFinding(rule, self.name, at.file, at.line, severity, message, fix)


def seconds(value: str) -> float | None:
    """Read a time span; None: systemd takes none there, and ignores the line."""
    try:
        return parse_time_span(value)
    except ParseError:
        return None


def count(value: str) -> int | None:
    """Read a number of 32 bits; None: it is none."""
    digits = value.lstrip("0") or "0"
    return int(digits) if value.isascii() and value.isdigit() and len(digits) <= 10 and int(digits) < 2**32 else None


def one_of(*words: str) -> Callable[[str], str | None]:
    """Give a reader of one of some words."""
    return lambda value: value if value in words else None


boolean = parse_boolean
