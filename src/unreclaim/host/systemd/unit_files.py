"""Finds the files of a unit as systemd does, on a running host or in a captured tree, and never outside of it.

Which file of a name counts, what a link means and in which order drop-ins are read: unit_file_build_name_map() and
unit_file_find_dropin_paths() in src/shared/unit-file.c and src/shared/dropin.c (systemd 252); held against systemd's
own answers in a test with a real systemd.
"""

import posixpath
from collections.abc import Iterator, Sequence

from msgspec import Struct

from unreclaim.formats.unit_file import UnitFile, parse_unit_file
from unreclaim.formats.unit_name import UnitName, is_unit_name, parse_unit_name
from unreclaim.host.root import Root
from unreclaim.model.gap import Gap
from unreclaim.model.unit_files import UnitFiles

DIRECTORIES = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""Where systemd looks for the units of a system, the strongest first ("systemd-analyze unit-paths", Debian 12)."""

MOST_BYTES = 1024 * 1024
"""Of a unit file; the longest that Debian 12 ships have a few kilobytes."""

_INSIDE = tuple(f"{directory}/" for directory in DIRECTORIES)
_WANTING = (".wants", ".requires", ".upholds")
_MASK = "/dev/null"
# FOLLOW_MAX in src/shared/unit-file.c.
_MOST_LINKS = 8
# Drop-ins alone make no such unit: where unit_load_fragment_and_dropin() is called with fragment_required.
_NEED_A_FILE = ("service", "socket", "target", "timer", "path", "automount")
# unit_type_may_alias() in src/shared/unit-file.c.
_MAY_ALIAS = ("service", "socket", "target", "device", "timer", "path")


class _Read(Struct, frozen=True):
    """What became of reading a file; empty: it has not a single byte, which is how a unit is masked."""

    file: UnitFile | None
    gap: Gap | None = None
    empty: bool = False


class UnitTree:
    """The unit files of a root: their names are listed once, and a unit's files are read when it is asked for.

    gaps: directories that could not be listed, and links that could not be followed.
    """

    def __init__(self, root: Root) -> None:
        """List the directories of units of `root`."""
        self.gaps: list[Gap] = []
        self._root = root
        self._entries: dict[str, frozenset[str]] = {}
        # A name leads to the path of a file or, where it is an alias, to another name.
        self._targets: dict[str, str] = {}
        self._linked: set[str] = set()
        self._wanted: set[str] = set()
        self._parsed: dict[str, _Read] = {}
        for directory in DIRECTORIES:
            self._entries[directory] = frozenset()
            if not (directory.startswith("/lib/") and self._is_merged()):
                self._index(directory)
        self._names_of: dict[str, set[str]] = {}
        for name in self._targets:
            found = self._find(name)
            # An instance that is linked to its template is one of it, but no other name for it.
            if found is not None and (found[0] == name or not parse_unit_name(name).instance):
                self._names_of.setdefault(found[0], set()).add(name)

    def __contains__(self, name: str) -> bool:
        """Tell whether a unit has a file, be it that of its template."""
        return is_unit_name(name) and self._find(name) is not None

    def names(self) -> tuple[str, ...]:
        """Give every unit that has a file, and every instance that another unit wants, sorted; no aliases."""
        return tuple(sorted(self._names_of.keys() | {found[0] for name in self._wanted if (found := self._find(name))}))

    def read(self, name: str) -> UnitFiles | None:
        """Read a unit's files; None: there are none that systemd would read.

        Raises:
            ParseError: systemd takes no unit of that name.

        """
        parse_unit_name(name)
        own, path = self._find(name) or (name, None)
        aliases = tuple(sorted((self._aliases_of(own, path) | {name}) - {own}))
        paths = self._drop_ins(own, aliases)
        if path is None and (not paths or parse_unit_name(own).type in _NEED_A_FILE):
            return None
        fragment = None if path is None else self._read(path)
        lost = fragment is not None and fragment.file is None
        drop_ins = [self._read(each) for each in (() if lost else paths)]
        return _unit_files(own, fragment, drop_ins, aliases=aliases, linked=own in self._linked)

    def _is_merged(self) -> bool:
        """Tell whether /lib is /usr/lib: each unit would be there twice."""
        try:
            return self._root.link_target("/lib") in ("usr/lib", "/usr/lib")
        except OSError:
            return False

    def _index(self, directory: str) -> None:
        entries = self._list(directory)
        self._entries[directory] = frozenset(entries)
        for name in entries:
            if name.endswith(_WANTING):
                self._wanted.update(filter(is_unit_name, self._list(f"{directory}/{name}")))
            elif name not in self._targets and is_unit_name(name):
                self._place(directory, name)

    def _place(self, directory: str, name: str) -> None:
        path = f"{directory}/{name}"
        try:
            target = self._root.link_target(path)
        except OSError as error:
            self.gaps.append(_gap(path, error))
            return
        place = path if target is None else posixpath.normpath(posixpath.join(directory, target))
        other = posixpath.basename(place)
        if target is None or not place.startswith(_INSIDE):
            self._targets[name] = path
            if place not in (path, _MASK):
                self._linked.add(name)
        elif other != name and _may_be_alias(name, other):
            self._targets[name] = other

    def _follow(self, name: str) -> tuple[str, str | None]:
        """Give the name at the end of a chain of aliases and the path of its file; None: it leads to no file."""
        for step in range(_MOST_LINKS):
            target = self._targets.get(name)
            template = parse_unit_name(name).template if target is None and step else None
            if template is not None:
                target = self._targets.get(template)
            if target is None or target.startswith("/"):
                return name, target
            name = target
        return name, None

    def _find(self, name: str) -> tuple[str, str] | None:
        """Give a unit's own name and the path of its file, that of its template where it has none itself."""
        parts = parse_unit_name(name)
        own, path = self._follow(name)
        if path is None and parts.template is not None:
            own, path = self._follow(parts.template)
        if path is None:
            return None
        other = parse_unit_name(own)
        return (other.of_instance(parts.instance) if other.is_template and parts.instance else own), path

    def _aliases_of(self, own: str, path: str | None) -> set[str]:
        found = set(self._names_of.get(own, ()))
        parts = parse_unit_name(own)
        if path is not None and parts.template is not None and parts.instance and own not in self._targets:
            templates = [parse_unit_name(name) for name in self._names_of.get(parts.template, ())]
            instances = {name.of_instance(parts.instance) for name in templates if name.is_template}
            found |= {name for name in instances if name not in self._targets}
        return found

    def _drop_ins(self, own: str, aliases: tuple[str, ...]) -> list[str]:
        """Give the paths of all drop-ins in the order in which they are read: by file name, whatever the directory.

        Of two that are named alike the first that is found counts: those of the unit before those of its type.
        """
        found: dict[str, str] = {}
        for name in (own, *aliases):
            wanted = [f"{each}.d" for each in _drop_in_names(parse_unit_name(name))]
            for directory in DIRECTORIES:
                for each in wanted:
                    self._add_drop_ins(directory, each, found)
        for directory in DIRECTORIES:
            self._add_drop_ins(directory, f"{parse_unit_name(own).type}.d", found)
        return [found[name] for name in sorted(found, key=lambda name: name.encode("utf-8", "surrogateescape"))]

    def _add_drop_ins(self, directory: str, name: str, found: dict[str, str]) -> None:
        if name in self._entries[directory]:
            for file in self._list(f"{directory}/{name}"):
                if file.endswith(".conf") and not file.startswith("."):
                    found.setdefault(file, f"{directory}/{name}/{file}")

    def _list(self, directory: str) -> list[str]:
        try:
            return self._root.list_names(directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.gaps.append(_gap(directory, error))
            return []

    def _read(self, path: str) -> _Read:
        # A drop-in of a type is that of hundreds of units.
        if path not in self._parsed:
            self._parsed[path] = _read(self._root, path)
        return self._parsed[path]


def read_unit_files(root: Root, name: str) -> UnitFiles | None:
    """Read the files of one unit of a root; see `UnitTree.read`."""
    return UnitTree(root).read(name)


def read_unit_at(root: Root, path: str) -> UnitFiles:
    """Read a unit file wherever it lies, with the drop-ins beside it (``PATH.d/*.conf``), or a drop-in alone.

    Raises:
        ParseError: its name is not that of a unit, nor that of a drop-in in the directory of one.

    """
    directory, _, name = path.rpartition("/")
    parent = posixpath.basename(directory)
    if name.endswith(".conf") and parent.endswith(".d"):
        unit = str(parse_unit_name(parent.removesuffix(".d"), file=path))
        return _unit_files(unit, None, (_read(root, path),))
    unit = str(parse_unit_name(name, file=path))
    fragment = _read(root, path)
    try:
        names = [file for file in root.list_names(f"{path}.d") if file.endswith(".conf") and not file.startswith(".")]
    except OSError:
        names = []
    return _unit_files(unit, fragment, [_read(root, f"{path}.d/{file}") for file in names])


def _unit_files(
    unit: str,
    fragment: _Read | None,
    drop_ins: Sequence[_Read],
    *,
    aliases: tuple[str, ...] = (),
    linked: bool = False,
) -> UnitFiles:
    """Put together what was read; an empty fragment masks the unit."""
    return UnitFiles(
        unit,
        None if fragment is None or fragment.empty else fragment.file,
        tuple(read.file for read in drop_ins if read.file is not None),
        aliases,
        masked=fragment is not None and fragment.empty,
        linked=linked,
        gaps=tuple(read.gap for read in (fragment, *drop_ins) if read is not None and read.gap is not None),
    )


def _read(root: Root, path: str) -> _Read:
    try:
        if _MASK in (path, root.link_target(path)):
            # A captured tree need not have that device. As a drop-in it is read as well, and sets nothing.
            return _Read(UnitFile(path, ()), empty=True)
        text = root.read_regular(path, MOST_BYTES)
    except OSError as error:
        return _Read(None, _gap(path, error))
    return _Read(parse_unit_file(text, file=path), empty=not text)


def _may_be_alias(name: str, other: str) -> bool:
    """Tell whether systemd takes a link of that name to a unit of the other for an alias."""
    if not is_unit_name(other):
        return False
    link, unit = parse_unit_name(name), parse_unit_name(other)
    if link.type != unit.type or link.type not in _MAY_ALIAS:
        return False
    if unit.instance:
        return link.instance == unit.instance
    return bool(link.instance) if unit.is_template and link.instance else link.instance == unit.instance


def _drop_in_names(name: UnitName) -> Iterator[str]:
    """Give the names of which ``.d`` directories count for a unit: its own, its template's, and those of its prefixes.

    For ``foo-bar@a.service``: itself, ``foo-bar@.service``, ``foo-.service``, ``foo-@a.service``, ``foo-@.service``.
    """
    yield str(name)
    if name.template is not None:
        yield from _drop_in_names(parse_unit_name(name.template))
    prefix = name.prefix
    whole = prefix.removesuffix("-")
    head, dash, _ = whole.rpartition("-")
    if head and dash:
        yield from _drop_in_names(UnitName(f"{head}-", name.instance or None, name.type))


def _gap(path: str, error: OSError) -> Gap:
    return Gap(path, error.strerror or str(error))
