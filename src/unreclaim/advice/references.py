"""What a unit names that may not be there: paths that it needs, and other units."""

import functools
import re
from collections.abc import Iterator

from unreclaim.advice.unit_view import UnitView
from unreclaim.base.errors import ParseError
from unreclaim.formats.unit_file import Assignment
from unreclaim.formats.unit_name import is_unit_name, parse_unit_name

_RUNS = ("ExecCondition", "ExecStartPre", "ExecStart")
_CHECKS = tuple(
    f"{kind}{what}"
    for kind in ("Condition", "Assert")
    for what in ("PathExists", "PathIsDirectory", "FileNotEmpty", "FileIsExecutable", "DirectoryNotEmpty")
)
# What systemd takes in front of a command: systemd.service(5), "Command lines".
_PREFIX = re.compile(r"[@:+!|]*")
_CONFIGURATION = re.compile(r"""(?:^|[\s='"])(/etc/[^\s'":;|&()<>*?$]+)""")
_INTERFACES = "/sys/subsystem/net/devices/"
_ESCAPED_DASH = "\\x2d"
_NEEDS = ("Requires", "Requisite", "BindsTo")
# Other kinds come to be without a file.
_FILED = ("service", "socket", "target", "timer", "path")


@functools.lru_cache(maxsize=1)
def needed_paths(view: UnitView) -> dict[str, Assignment]:
    """Give the files without which a start fails, or that a command is given as configuration, and where it says so.

    Not those that the unit asks for first (ConditionPathExists= and its like), nor those that may be missing (-).
    """
    asked = {
        found.value.lstrip("|!") for name in _CHECKS for found in view.settings.listed("Unit", name) if found.value
    }
    paths: dict[str, Assignment] = {}
    for text, found in _paths(view):
        path = view.expand(text)
        if path is not None and path.startswith("/") and path not in asked:
            paths.setdefault(path, found)
    return paths


def _paths(view: UnitView) -> Iterator[tuple[str, Assignment]]:
    for found in view.settings.listed("Service", "EnvironmentFile"):
        # A pattern may match nothing as well.
        if not set("*?[") & set(found.value):
            yield found.value, found
    for found in view.settings.listed("Service", "LoadCredential"):
        yield found.value.partition(":")[2], found
    for found in view.settings.listed("Service", "WorkingDirectory")[-1:]:
        yield found.value, found
    for name in _RUNS:
        for found in view.settings.listed("Service", name):
            command = found.value[_PREFIX.match(found.value).end() :]  # type: ignore[union-attr]
            if not command.startswith("-"):
                yield command.split()[0].strip("'\"") if command.split() else "", found
                for match in _CONFIGURATION.finditer(command):
                    yield match[1], found


@functools.lru_cache(maxsize=1)
def needed_units(view: UnitView) -> dict[str, Assignment]:
    """Give the units without which a start fails, and that have to have a file; and where it says so."""
    units: dict[str, Assignment] = {}
    for name in _NEEDS:
        for found in view.settings.every(("Unit", name)):
            for word in found.value.split():
                unit = view.expand(word)
                if unit is not None and is_unit_name(unit) and parse_unit_name(unit).type in _FILED:
                    units.setdefault(unit, found)
    return units


@functools.lru_cache(maxsize=1)
def awaited_devices(view: UnitView) -> dict[str, tuple[str, Assignment]]:
    """Give the devices after which a unit is ordered, and to which it is not bound: where they are, and who says so."""
    bound = {word for name in _NEEDS for found in view.settings.every(("Unit", name)) for word in found.value.split()}
    devices: dict[str, tuple[str, Assignment]] = {}
    for found in view.settings.every(("Unit", "After")):
        for word in found.value.split():
            unit = view.expand(word)
            if unit is None or word in bound or not unit.endswith(".device"):
                continue
            try:
                path = parse_unit_name(unit).path
            except ParseError:
                continue
            # A name that udev gives; the kernel has the interface elsewhere.
            path = path.replace(_INTERFACES, "/sys/class/net/", 1) if path.startswith(_INTERFACES) else path
            devices.setdefault(unit, (path, found))
    return devices


def slice_of(view: UnitView) -> str:
    """Give the slice in which a unit's cgroup is made, or that of which a slice is part."""
    name = parse_unit_name(view.name)
    if name.type == "slice":
        parent = name.prefix.rpartition("-")[0]
        return f"{parent or '-'}.slice"
    told, _ = view.last(lambda value: view.expand(value) if value else None, (name.type.capitalize(), "Slice"))
    if told is not None:
        return told
    # Each template has a slice of its own, in whose name a dash would mean a level more.
    return "system.slice" if name.instance is None else f"system-{name.prefix.replace('-', _ESCAPED_DASH)}.slice"
