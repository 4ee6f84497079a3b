"""Reads what unit files are judged by: a host's systemd, kernel and cgroups, and whether what they name is there."""

import errno
import re

from unreclaim.formats.kernel_cmdline import FILE as CMDLINE
from unreclaim.formats.kernel_cmdline import parse_kernel_cmdline
from unreclaim.formats.mountinfo import Mount
from unreclaim.formats.unit_file import UnitFile, parse_unit_file
from unreclaim.formats.unit_name import slice_path
from unreclaim.host.cgroupfs import find_hierarchies
from unreclaim.host.collect import reparents_page_cache
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.host.root import Root
from unreclaim.host.systemd.unit_files import MOST_BYTES
from unreclaim.model.lint import HostFacts

_LIBRARY = re.compile(r"libsystemd-(?:shared|core)-([0-9]{3})[^0-9].*")
# Where distributions put it; Debian below a directory named after the machine's architecture.
_LIBRARIES = ("/usr/lib/systemd", "/usr/lib64/systemd")
_MULTIARCH = ("/usr/lib", "/lib")
_TRIPLET = re.compile(r"[a-z0-9_]+-linux-gnu[a-z0-9_]*")
_MANAGER = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class FactReader:
    """Looks facts up in a root; those that need the mounts of cgroups read them once."""

    def __init__(self, root: Root) -> None:
        """Read from `root`."""
        self._root = root
        self._probe = Probe(root)
        self._memory = self._find_memory()
        self._slices: dict[str, bool | None] = {}
        # A sosreport, or a bundle, holds but a few files of its host: what it lacks may be there.
        self.is_whole = root.live or self._exists("/usr/bin") is True

    def host(self, systemd_version: int | None = None) -> HostFacts:
        """Give what holds for all units."""
        cmdline = self._probe.read(CMDLINE, parse_kernel_cmdline, "kernel's command line", optional=True)
        values = [each.value or "" for each in cmdline or () if each.name == "cgroup.memory"]
        return HostFacts(
            self.systemd_version() if systemd_version is None else systemd_version,
            None if self._memory is None else 2 if self._memory.filesystem == "cgroup2" else 1,
            reparents_page_cache(self._root),
            None if cmdline is None else "nokmem" in ",".join(values).split(","),
            tuple(self._manager_files()),
        )

    def systemd_version(self) -> int | None:
        """Tell which systemd is installed by the name of its own library, which bears it since 231; None: not told."""
        places = [*_LIBRARIES]
        for top in _MULTIARCH:
            places += [f"{top}/{name}/systemd" for name in self._list(top) if _TRIPLET.fullmatch(name)]
        found = [match for place in places for name in self._list(place) if (match := _LIBRARY.fullmatch(name))]
        return int(found[0][1]) if found else None

    def slice_has_memory(self, name: str) -> bool | None:
        """Tell whether what is in a slice has memory cgroups; None: it does not exist now, or nothing tells."""
        if name not in self._slices:
            self._slices[name] = self._slice_has_memory(name)
        return self._slices[name]

    def exists(self, path: str) -> bool | None:
        """Tell whether there is something at a path; None: this root cannot tell."""
        virtual = path.startswith(("/sys/", "/dev/", "/run/", "/proc/", "/tmp/"))  # noqa: S108  what is made anew at boot
        return self._exists(path) if self._root.live or (self.is_whole and not virtual) else None

    def _slice_has_memory(self, name: str) -> bool | None:
        if self._memory is None:
            return None
        place = f"{self._memory.mount_point}/{slice_path(name)}".rstrip("/")
        if self._memory.filesystem != "cgroup2":
            return self._exists(place)
        try:
            return "memory" in self._root.read_text(f"{place}/cgroup.subtree_control").split()
        except OSError:
            return None

    def _find_memory(self) -> Mount | None:
        mounts = find_hierarchies(read_mounts(self._probe))
        legacy = [mount for mount in mounts if mount.filesystem == "cgroup" and "memory" in mount.super_options]
        unified = [mount for mount in mounts if mount.filesystem == "cgroup2"]
        return next(iter((*legacy, *unified)), None)

    def _manager_files(self) -> list[UnitFile]:
        """Read system.conf and its drop-ins: the strongest file of each name, those of drop-ins by name."""
        drop_ins: dict[str, str] = {}
        for directory in _MANAGER:
            for name in self._list(f"{directory}/system.conf.d"):
                if name.endswith(".conf"):
                    drop_ins.setdefault(name, f"{directory}/system.conf.d/{name}")
        read = [self._parse(f"{directory}/system.conf") for directory in _MANAGER]
        main = [file for file in read if file is not None][:1]
        return main + [file for name in sorted(drop_ins) if (file := self._parse(drop_ins[name])) is not None]

    def _parse(self, path: str) -> UnitFile | None:
        try:
            return parse_unit_file(self._root.read_regular(path, MOST_BYTES), file=path)
        except OSError:
            return None

    def _list(self, directory: str) -> list[str]:
        try:
            return self._root.list_names(directory)
        except OSError:
            return []

    def _exists(self, path: str) -> bool | None:
        try:
            self._root.link_target(path)
        except OSError as error:
            return False if error.errno in _ABSENT else None
        return True
