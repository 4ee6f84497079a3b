"""Reads cgroup hierarchies wherever they are mounted: v1, v2 and both at once."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from unreclaim.base.errors import ParseError
from unreclaim.formats.cgroup_events import parse_cgroup_events
from unreclaim.formats.cgroup_stat import parse_cgroup_stat
from unreclaim.formats.memory_stat import parse_memory_stat
from unreclaim.formats.mountinfo import Mount
from unreclaim.formats.proc_cgroups import ControllerRow
from unreclaim.formats.single_value import parse_single_value
from unreclaim.host.probe import VANISHED, Probe
from unreclaim.host.procfs import read_controllers
from unreclaim.model.cgroups import UNIFIED, Charge, Crowd, Hierarchy, Subtree

T = TypeVar("T")

# Cgroups looked at one by one: the top two levels hold the slices, which is where an operator begins.
MAX_SUBTREES = 256
MAX_CHARGES = 1000
CROWD = 100
_CROWDS_KEPT = 10
_NAMES_KEPT = 32
# A walk beside busy cgroup churn is repeated until /proc/cgroups says the same before and after, this many times.
_TRIES = 3


def read_hierarchies(probe: Probe, mounts: tuple[Mount, ...], *, brief: bool = False) -> tuple[Hierarchy, ...]:
    """Read every mounted hierarchy once: its live directories, and what its upper cgroups say.

    brief: only what the count of dying memory cgroups needs; other hierarchies are named but not walked.
    """
    before = _rows(probe)
    found = [_Mounted(probe, mount, before) for mount in find_hierarchies(mounts)]
    if not found:
        probe.note(
            "cgroups",
            "no cgroup hierarchy is mounted",
            "mount one, or run on the host instead of in a sandbox",
        )
    pending = [mounted for mounted in found if mounted.must_be_walked(brief=brief)]
    for _ in range(_TRIES):
        for mounted in pending:
            mounted.walk(probe)
        after = _rows(probe) if pending else before
        for mounted in pending:
            mounted.counted(before, after)
        # Cgroups came or went in the middle of a walk: live and num_cgroups are not of one moment, so try again.
        pending = [mounted for mounted in pending if probe.root.live and mounted.disturbed]
        before = after
        if not pending:
            break
    return tuple(mounted.result(probe, brief=brief) for mounted in found)


def _rows(probe: Probe) -> dict[str, ControllerRow]:
    return {row.name: row for row in read_controllers(probe) or ()}


class _Mounted:
    """One hierarchy while it is being read."""

    def __init__(self, probe: Probe, mount: Mount, rows: dict[str, ControllerRow]) -> None:
        self.mount = mount
        self.top = mount.mount_point
        self.version = 2 if mount.filesystem == "cgroup2" else 1
        if self.version == 2:
            line = probe.read_line(f"{self.top}/cgroup.controllers", "controllers of cgroup v2", optional=True)
            self.controllers = tuple(line.split()) if line else ()
        else:
            # The options hold other words too (rw, xattr, release_agent=...); /proc/cgroups knows the controllers.
            self.controllers = tuple(sorted(mount.super_options & rows.keys()))
        self.directories: int | None = None
        self.vanished = 0
        self.num_cgroups: tuple[int, int] | None = None
        self.crowds: tuple[Crowd, ...] = ()
        self.upper: list[str] = ["/"]

    @property
    def name(self) -> str:
        if self.version == 2:
            return UNIFIED
        named = (option for option in sorted(self.mount.super_options) if option.startswith("name="))
        return ",".join(self.controllers) or next(named, "unnamed")

    @property
    def disturbed(self) -> bool:
        return self.num_cgroups is not None and (self.num_cgroups[0] != self.num_cgroups[1] or self.vanished > 0)

    def must_be_walked(self, *, brief: bool) -> bool:
        if brief:
            return self.version == 1 and "memory" in self.controllers
        return self.version == 2 or bool(self.controllers)

    def walk(self, probe: Probe) -> None:
        """Count live directories, find crowds, and list the top two levels."""
        directories, expected = 0, 1
        crowds = []
        upper = ["/"]
        try:
            for path, names in probe.root.walk(self.top):
                directories += 1
                expected += len(names)
                if len(names) >= CROWD:
                    crowds.append(Crowd(f"/{path}", len(names), tuple(sorted(names)[:_NAMES_KEPT])))
                # v2 counts dying cgroups in every cgroup; v1 has nothing to say below the slices.
                if path == "" or (self.version == 2 and "/" not in path):
                    upper += [f"/{path}/{name}" if path else f"/{name}" for name in names]
        except OSError as error:
            probe.note(f"cgroups of {self.name}", f"{self.top}: {error.strerror or error}")
            return
        self.directories = directories
        self.vanished = expected - directories
        self.crowds = tuple(sorted(crowds, key=lambda crowd: -crowd.children)[:_CROWDS_KEPT])
        self.upper = sorted(upper, key=lambda path: (path != "/", path.count("/"), path))[:MAX_SUBTREES]

    def counted(self, before: dict[str, ControllerRow], after: dict[str, ControllerRow]) -> None:
        """Keep /proc/cgroups' count for this hierarchy before and after the walk; on v2 it means something else."""
        if self.version == 1:
            counts = [rows[self.controllers[0]].num_cgroups for rows in (before, after) if self.controllers[0] in rows]
            self.num_cgroups = (counts[0], counts[1]) if len(counts) == 2 else None

    def result(self, probe: Probe, *, brief: bool) -> Hierarchy:
        detailed = self.version == 2 or "memory" in self.controllers
        paths = self.upper if detailed and not brief else ["/"]
        return Hierarchy(
            self.version,
            self.name,
            self.controllers,
            self.top,
            _is_whole(probe, self.mount, self.version),
            self.directories,
            self.vanished,
            self.num_cgroups,
            tuple(_read_subtree(probe, self, path) for path in paths) if detailed else (),
            self.crowds,
        )


def find_hierarchies(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Choose one mount per hierarchy: a hierarchy (device) may be mounted often, and the widest view is the best."""
    best: dict[str, Mount] = {}
    for mount in mounts:
        if mount.filesystem in ("cgroup", "cgroup2"):
            known = best.get(mount.device)
            if known is None or len(mount.root) < len(known.root):
                best[mount.device] = mount
    return tuple(best.values())


def _is_whole(probe: Probe, mount: Mount, version: int) -> bool | None:
    """Tell whether the mount shows the hierarchy's own root; None: a capture did not keep what tells.

    A cgroup namespace shows its part as "/" too, so the root is told by what only it has or lacks: v1's
    cgroup.sane_behavior exists in the root alone, v2's cgroup.events everywhere but there (cgroup1_base_files in
    kernel/cgroup/cgroup-v1.c, CFTYPE_ONLY_ON_ROOT; cgroup_base_files in kernel/cgroup/cgroup.c, CFTYPE_NOT_ON_ROOT).
    """
    if mount.root != "/":
        return False
    try:
        probe.root.read_text(f"{mount.mount_point}/{'cgroup.events' if version == 2 else 'cgroup.sane_behavior'}")
    except OSError as error:
        if error.errno not in VANISHED:
            return None
        if version == 1 and not probe.root.live:
            return None
        return version == 2
    return version == 1


def _read_subtree(probe: Probe, mounted: _Mounted, path: str) -> Subtree:
    directory = mounted.top + path.rstrip("/")
    stat = _quiet(probe, f"{directory}/cgroup.stat", parse_cgroup_stat) if mounted.version == 2 else None
    has_memory = "memory" in mounted.controllers and path.count("/") == 1
    usage = "memory.current" if mounted.version == 2 else "memory.usage_in_bytes"
    try:
        inode = probe.root.inode(directory)
    except OSError:
        inode = None
    return Subtree(
        path,
        inode,
        stat,
        _quiet(probe, f"{directory}/memory.stat", parse_memory_stat) if has_memory else None,
        _quiet(probe, f"{directory}/{usage}", parse_single_value) if has_memory else None,
    )


def read_charges(probe: Probe, hierarchy: Hierarchy, *, most: int = MAX_CHARGES) -> tuple[Charge, ...] | None:
    """Read what every live memory cgroup is charged; None with a gap where there are more than `most`."""
    what = "what dying cgroups hold"
    charges: list[Charge] = []
    try:
        for number, (path, names) in enumerate(probe.root.walk(hierarchy.mount_point)):
            # Directories count, not what was read of them: a capture may hold charges of only some.
            if number >= most:
                why = f"more than {most} live memory cgroups; reading each one's charges would take too long"
                probe.note(what, why)
                return None
            prefix = f"/{path}" if path else ""
            directory = hierarchy.mount_point + prefix
            memory = _quiet(probe, f"{directory}/memory.stat", parse_memory_stat)
            if memory is not None:
                children = tuple(f"{prefix}/{name}" for name in names)
                charge = Charge(prefix or "/", children, memory)
                charges.append(_with_counters(probe, directory, charge, version=hierarchy.version))
    except OSError as error:
        probe.note(what, f"{hierarchy.mount_point}: {error.strerror or error}")
        return None
    return tuple(charges)


def _with_counters(probe: Probe, directory: str, charge: Charge, *, version: int) -> Charge:
    if version == 1:
        usage = _quiet(probe, f"{directory}/memory.usage_in_bytes", parse_single_value)
        kernel = _quiet(probe, f"{directory}/memory.kmem.usage_in_bytes", parse_single_value)
        return replace(charge, usage_bytes=usage, kernel_bytes=kernel)
    stat = _quiet(probe, f"{directory}/cgroup.stat", parse_cgroup_stat)
    dying = stat.nr_dying_descendants if stat else None
    # Pages of a cgroup without children may be those of its own processes, or of dying children: is anybody there?
    events = _quiet(probe, f"{directory}/cgroup.events", parse_cgroup_events) if dying and not charge.children else None
    return replace(charge, nr_dying=dying, populated=events.populated if events else None)


def _quiet(probe: Probe, path: str, parse: Callable[..., T]) -> T | None:
    """Read a file of a cgroup that may vanish (ENOENT, ENODEV) or lack it; only what is damaged leaves a gap."""
    try:
        return parse(probe.root.read_text(path), file=path)
    except ParseError as error:
        probe.note(f"a file of {path.rpartition('/')[0]}", str(error))
    except OSError as error:
        if error.errno not in VANISHED:
            probe.note(f"a file of {path.rpartition('/')[0]}", f"{path}: {error.strerror or error}")
    return None
