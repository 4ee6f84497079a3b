"""Lints units: reads their files and the facts that they are judged by, and lets the rules judge."""

from collections.abc import Iterable, Sequence

from unreclaim.advice.references import awaited_devices, needed_paths, needed_units, slice_of
from unreclaim.advice.unit_view import UnitView
from unreclaim.advice.unitlint import lint_unit
from unreclaim.base.errors import ParseError
from unreclaim.base.progress import Progress
from unreclaim.formats.unit_name import parse_unit_name
from unreclaim.host.root import LiveRoot, Root
from unreclaim.host.systemd.bus import BusError, open_bus
from unreclaim.host.systemd.unit_facts import FactReader
from unreclaim.host.systemd.unit_files import UnitTree, read_unit_at
from unreclaim.model.gap import Gap
from unreclaim.model.lint import HostFacts, LintFinding, LintReport, UnitFacts
from unreclaim.model.unit import Unit
from unreclaim.model.unit_files import UnitFiles

_WITH_CGROUPS = ("service", "socket", "mount", "swap", "slice", "scope")


def lint(
    root: Root,
    names: Sequence[str],
    *,
    everything: bool = False,
    progress: Progress | None = None,
) -> LintReport:
    """Lint units of a root.

    names: of units, or files of this machine where there is a slash in it. everything: all units of the root, too.
    progress: is told of each unit.
    """
    tree, reader = UnitTree(root), FactReader(root)
    units, files, missing = _read(tree, names)
    loaded, version, unasked = _ask(root, [unit.name for unit in units])
    if everything:
        units += _all(tree, {unit.name for unit in units})
    judged = [(unit, loaded.get(unit.name)) for unit in units] + [(unit, None) for unit in files]
    host = reader.host(version)
    findings: list[LintFinding] = []
    for done, (unit, runs) in enumerate(judged, 1):
        if not unit.masked:
            findings += _lint_one(unit, host, reader, tree, runs)
        if progress is not None:
            progress(done, len(judged))
    masked = sum(unit.masked for unit, _ in judged)
    return LintReport(
        len(judged) - masked,
        masked,
        tuple(findings),
        tuple(missing),
        (*tree.gaps, *unasked, *(gap for unit, _ in judged for gap in unit.gaps)),
        host.systemd_version,
    )


def _read(tree: UnitTree, names: Iterable[str]) -> tuple[list[UnitFiles], list[UnitFiles], list[Gap]]:
    """Read the units and the files of this machine that were named; one of which nothing can be read is missing."""
    units: dict[str, UnitFiles] = {}
    files: dict[str, UnitFiles] = {}
    missing = []
    for name in names:
        is_file = "/" in name
        try:
            # Without a type it is a service, as systemctl takes it.
            found = read_unit_at(LiveRoot(), name) if is_file else tree.read(name if "." in name else f"{name}.service")
        except ParseError as error:
            hint = "a file bears the name of its unit, such as x.service" if is_file else None
            missing.append(Gap(name, error.why, hint))
            continue
        if found is None:
            missing.append(Gap(name, "there is no unit file of that name", f"of a file give the path: ./{name}"))
        elif not (found.files or found.masked):
            missing += found.gaps
        elif is_file:
            files[name] = found
        else:
            units[found.name] = found
    return list(units.values()), list(files.values()), missing


def _all(tree: UnitTree, known: set[str]) -> list[UnitFiles]:
    """Read all units but those that are known; an instance that is its template's files alone says nothing new."""
    units = []
    for name in tree.names():
        found = None if name in known else tree.read(name)
        template = parse_unit_name(name).template
        if found is not None and template is not None and found.fragment is not None:
            common = tree.read(template)
            if common is not None and common.files == found.files:
                continue
        if found is not None:
            units.append(found)
    return units


def _ask(root: Root, names: list[str]) -> tuple[dict[str, Unit], int | None, list[Gap]]:
    """Ask the running systemd for its version and for units by name; of another host's nobody can be asked."""
    if not root.live or not names:
        return {}, None, []
    try:
        with open_bus() as bus:
            return {name: bus.read_unit(name) for name in names}, bus.version(), []
    except BusError as error:
        return {}, None, [Gap("what systemd runs", str(error), "judged by files alone")]


def _lint_one(
    unit: UnitFiles, host: HostFacts, reader: FactReader, tree: UnitTree, loaded: Unit | None
) -> tuple[LintFinding, ...]:
    view = UnitView(unit, host)
    paths = [*needed_paths(view), *(path for path, _ in awaited_devices(view).values())]
    found = {path: there for path in paths if (there := reader.exists(path)) is not None}
    view.facts = UnitFacts(
        reader.slice_has_memory(slice_of(view)) if unit.type in _WITH_CGROUPS else None,
        found,
        {name: name in tree for name in needed_units(view)} if reader.is_whole else {},
        loaded if loaded is not None and loaded.load_state == "loaded" else None,
    )
    return lint_unit(view)
