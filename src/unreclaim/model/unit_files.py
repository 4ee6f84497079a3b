"""The files that make up a unit, in systemd's order, and which of their assignments are in effect."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from unreclaim.formats.unit_file import Assignment, UnitFile
from unreclaim.model.gap import Gap


class UnitFiles(Struct, frozen=True):
    """A unit as its files describe it: the fragment first, then the drop-ins in the order in which systemd reads them.

    name: the unit's own, where it was asked for by an alias. fragment: None where there are only drop-ins (as for
    slices that nobody wrote). masked: by a link to /dev/null or an empty file. linked: the file lies outside of the
    directories of units. gaps: files that systemd would read and that could not be read here.
    """

    name: str
    fragment: UnitFile | None
    drop_ins: tuple[UnitFile, ...] = ()
    aliases: tuple[str, ...] = ()
    masked: bool = False
    linked: bool = False
    gaps: tuple[Gap, ...] = ()

    @property
    def files(self) -> tuple[UnitFile, ...]:
        """Give all files, a later one over an earlier one."""
        return self.drop_ins if self.fragment is None else (self.fragment, *self.drop_ins)

    @property
    def type(self) -> str:
        """Give the type of the unit, such as ``service``."""
        return self.name.rpartition(".")[2]


class Settings:
    """The assignments of a unit by section and name."""

    def __init__(self, files: tuple[UnitFile, ...]) -> None:
        """Take the files in systemd's order."""
        self._all = [assignment for file in files for assignment in file.assignments]
        self._found: dict[tuple[str, str], list[Assignment]] = {}
        for assignment in self._all:
            self._found.setdefault((assignment.section, assignment.name), []).append(assignment)

    def __iter__(self) -> Iterator[Assignment]:
        """Give every assignment, in order."""
        return iter(self._all)

    def every(self, *places: tuple[str, str]) -> Sequence[Assignment]:
        """Give every assignment to one of the places (section and name), in order, whether it is in effect or not."""
        if len(places) == 1:
            return self._found.get(places[0], ())
        return [found for found in self._all if (found.section, found.name) in places]

    def listed(self, section: str, name: str) -> Sequence[Assignment]:
        """Give what a list holds: the assignments after the last empty one."""
        values = self._found.get((section, name), ())
        return values[max((place for place, found in enumerate(values, 1) if not found.value), default=0) :]
