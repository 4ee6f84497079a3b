"""Finds where files that pin cgroups are for an operator, who has them open, and who maps them."""

import os
import re
from collections.abc import Iterable, Iterator
from stat import S_ISREG

from unreclaim.base.errors import ParseError
from unreclaim.formats.mountinfo import Mount, parse_mountinfo
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.model.census import Holder

_MINOR_BITS = 20
_MAX_NAMESPACES = 256
_MAX_HOLDERS = 16
_DELETED = " (deleted)"
# Of a line of /proc/PID/maps: major, minor (hexadecimal) and inode; see Documentation/filesystems/proc.rst.
_MAPPING = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) ([1-9][0-9]*)", re.MULTILINE)

Key = tuple[int, int]
"""Device, as the kernel's dev_t, and inode number."""


def device_name(device: int) -> str:
    """Write a kernel dev_t as mountinfo does: major:minor."""
    return f"{device >> _MINOR_BITS}:{device & (1 << _MINOR_BITS) - 1}"


def kernel_device(status_device: int) -> int:
    """Give the kernel's dev_t of what stat(2) says."""
    return os.major(status_device) << _MINOR_BITS | os.minor(status_device)


def shared_memory_device() -> int:
    """Give the device of the tmpfs that is mounted nowhere and holds memfds and System V segments."""
    descriptor = os.memfd_create("unreclaim")
    try:
        return kernel_device(os.fstat(descriptor).st_dev)
    finally:
        os.close(descriptor)


class FilePlaces:
    """Says where a file is that the kernel knows by its filesystem and its path in it.

    A filesystem may be mounted several times, a part of it alone (bind mounts), or only in the mount namespace of some
    container; there the path leads through /proc/PID/root. What lies under another mount cannot be reached.
    """

    def __init__(self, probe: Probe) -> None:
        """Read this process's mounts; those of other namespaces are read when a file is on none of these."""
        self._here = _by_device(read_mounts(probe))
        self._elsewhere: dict[str, list[tuple[int, Mount]]] | None = None

    def find(self, device: int, inode: int, inside: str, *, unlinked: bool) -> str | None:
        """Give a path that leads to the file, or led there if it is unlinked; None: there is none.

        inside: the path from the filesystem's own top, beginning with a slash.
        """
        name = device_name(device)
        candidates = [path for mount in self._here.get(name, ()) if (path := _below(mount, inside)) is not None]
        if (found := _first(candidates, inode, unlinked=unlinked)) is not None:
            return found
        if name in self._here and candidates:
            return None
        if self._elsewhere is None:
            self._elsewhere = _other_namespaces()
        others = [
            f"/proc/{pid}/root{path}"
            for pid, mount in self._elsewhere.get(name, ())
            if (path := _below(mount, inside)) is not None
        ]
        return _first(others, inode, unlinked=unlinked)


def _by_device(mounts: Iterable[Mount]) -> dict[str, list[Mount]]:
    found: dict[str, list[Mount]] = {}
    for mount in sorted(mounts, key=lambda mount: len(mount.root)):
        found.setdefault(mount.device, []).append(mount)
    return found


def _below(mount: Mount, inside: str) -> str | None:
    top = mount.root.rstrip("/")
    if inside != mount.root and not inside.startswith(top + "/"):
        return None
    return (mount.mount_point.rstrip("/") + inside[len(top) :]) or "/"


def _first(paths: list[str], inode: int, *, unlinked: bool) -> str | None:
    if unlinked:
        return paths[0] if paths else None
    for path in paths:
        try:
            # The device is not compared: stat(2) on btrfs gives that of the subvolume.
            if os.lstat(path).st_ino == inode:
                return path
        except OSError:
            continue
    return None


def _other_namespaces() -> dict[str, list[tuple[int, Mount]]]:
    """Read the mounts of every other mount namespace once, by one process of each."""
    seen = {_namespace("self")}
    found: dict[str, list[tuple[int, Mount]]] = {}
    for pid in _processes():
        namespace = _namespace(pid)
        if namespace is None or namespace in seen or len(seen) > _MAX_NAMESPACES:
            continue
        seen.add(namespace)
        try:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                mounts = parse_mountinfo(file.read())
        except (OSError, ParseError):
            continue
        for device, there in _by_device(mounts).items():
            found.setdefault(device, []).extend((pid, mount) for mount in there)
    return found


def _namespace(pid: int | str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def _processes() -> Iterator[int]:
    return (int(name) for name in sorted(os.listdir("/proc"), key=len) if name.isdigit())


def find_descriptors(wanted: dict[Key, str]) -> dict[Key, tuple[Holder, ...]]:
    """Find who has files open by their device and inode; `wanted` gives each file's name.

    stat(2) through an overlay or on btrfs shows another device; there a deleted file of the same name and inode is it.
    """
    inodes = {inode: key for key in wanted for inode in (key[1],)}
    holders: dict[Key, list[Holder]] = {}
    for pid in _processes() if wanted else ():
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            place = f"/proc/{pid}/fd/{descriptor}"
            try:
                status = os.stat(place)
                key = (kernel_device(status.st_dev), status.st_ino)
                if key not in wanted:
                    key = inodes.get(status.st_ino, key)
                    if key not in wanted or not S_ISREG(status.st_mode) or not _is_deleted(place, wanted[key]):
                        continue
            except OSError:
                continue
            if len(holders.setdefault(key, [])) < _MAX_HOLDERS:
                holders[key].append(Holder(pid, process_name(pid), int(descriptor)))
    return {key: tuple(found) for key, found in holders.items()}


def _is_deleted(link: str, name: str) -> bool:
    return os.readlink(link).rpartition("/")[2] == name + _DELETED


def find_mappers(wanted: set[Key]) -> dict[Key, tuple[Holder, ...]]:
    """Find which processes map files, by device and inode."""
    holders: dict[Key, list[Holder]] = {}
    for pid in _processes() if wanted else ():
        try:
            with open(f"/proc/{pid}/maps", "rb") as file:
                text = file.read()
        except OSError:
            continue
        for major, minor, inode in set(_MAPPING.findall(text)):
            key = (int(major, 16) << _MINOR_BITS | int(minor, 16), int(inode))
            if key in wanted and len(holders.setdefault(key, [])) < _MAX_HOLDERS:
                holders[key].append(Holder(pid, process_name(pid)))
    return {key: tuple(found) for key, found in holders.items()}


def process_name(pid: int) -> str:
    """Give the name of a process as the kernel shows it."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="surrogateescape") as file:
            return file.read().rstrip("\n")
    except OSError:
        return "a process that has ended"


def is_process(pid: int, name: str) -> bool:
    """Tell whether a process that was seen in the kernel's memory is really there."""
    return bool(pid) and process_name(pid) == name
