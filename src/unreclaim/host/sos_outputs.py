"""What a sosreport's command outputs tell, in the words of the files that sos does not copy.

Each source of a fact is tried in turn: an output that is missing, empty or cannot be understood (a command that failed
leaves its complaint there) is passed over for the next.
"""

import errno
import os
import re
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from unreclaim.base.errors import ParseError
from unreclaim.base.units import KIB
from unreclaim.formats.date_command import parse_date_command
from unreclaim.formats.hostnamectl_command import HostStatus, parse_hostnamectl_command
from unreclaim.formats.lscpu_command import parse_lscpu_command
from unreclaim.formats.mount_command import ListedMount, parse_mount_command
from unreclaim.formats.mountinfo import parse_mountinfo
from unreclaim.formats.proc_stat import parse_proc_stat
from unreclaim.formats.proc_zoneinfo import parse_proc_zoneinfo
from unreclaim.formats.ps_command import Process, parse_ps_command
from unreclaim.formats.slab_listing import parse_slab_listing
from unreclaim.formats.uname_command import Uname, parse_uname_command
from unreclaim.formats.uptime_command import parse_uptime_command
from unreclaim.host.procfs import DAEMONS
from unreclaim.host.root import Root
from unreclaim.model.gap import Gap

T = TypeVar("T")

# Where each version of sos puts an output, newest first; the plugin "general" was split up in 3.6.
_UPTIME = ("/sos_commands/host/uptime", "/sos_commands/general/uptime")
_DATE = ("/sos_commands/date/date_--utc", "/sos_commands/date/date", "/sos_commands/general/date")
_HOSTNAME = ("/sos_commands/host/hostname", "/sos_commands/general/hostname")
_HOSTNAMECTL = ("/sos_commands/host/hostnamectl_status",)
_UNAME = ("/sos_commands/kernel/uname_-a",)
_MOUNT = ("/sos_commands/filesys/mount_-l",)
_LSCPU = ("/sos_commands/processor/lscpu",)
_SLABS = ("/sos_commands/kernel/ls_-alZ_.sys.kernel.slab", "/sos_commands/kernel/ls_-lt_.sys.kernel.slab")
# "l" first, which shows users as numbers: their names may hold blanks.
_PS = tuple(f"/sos_commands/process/ps_{options}" for options in ("alxwww", "auxwwwm", "auxwww", "auxfwww"))
PLUGINS = frozenset(
    path.split("/")[2] for path in (*_UPTIME, *_DATE, *_HOSTNAMECTL, *_UNAME, *_MOUNT, *_LSCPU, *_SLABS, *_PS)
)
"""The directories of sos_commands that are read here."""

MOUNTINFO = "/proc/self/mountinfo"
# PID 1 sees the host's mounts; "self" is sos, which may be in a namespace of its own.
_COPIED_MOUNTINFO = ("/proc/1/mountinfo", MOUNTINFO)
_STATUS = re.compile(r"/proc/([0-9]{1,7})/status")
# What distinguishes two mounts of one hierarchy, but not two hierarchies.
_MOUNT_FLAGS = frozenset({"rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "nodiratime"})
_SHOWN_FILESYSTEMS = ("cgroup", "cgroup2", "fuse.lxcfs")


class SosOutputs:
    """The command outputs of one report; `gaps` keeps what was damaged and had no file to answer for."""

    def __init__(self, files: Root) -> None:
        """Read outputs below the ``/sos_commands`` of `files`."""
        self._files = files
        self.gaps: list[Gap] = []
        self._sources: dict[str, tuple[Callable[[], str | None], ...]] = {
            "/proc/uptime": (self._uptime, self._uptime_from_boot),
            MOUNTINFO: (lambda: self.first(_COPIED_MOUNTINFO, _checked_mountinfo), self._listed_mounts),
            "/proc/sys/kernel/hostname": (self._hostname, lambda: self._uname.hostname),
            "/proc/sys/kernel/osrelease": (lambda: self._uname.release,),
            "/proc/sys/kernel/arch": (lambda: self._uname.machine,),
            "/proc/sys/kernel/random/boot_id": (lambda: self._host_status.boot_id,),
            "/run/systemd/container": (lambda: self._host_status.container,),
            "/sys/devices/system/node/possible": (self._nodes_from_zones, self._nodes_from_lscpu),
        }

    def sources(self, path: str) -> tuple[Callable[[], str | None], ...]:
        """Give what can write the text of a file that was not copied, best first.

        Each gives None where it has nothing to say, and raises OSError where its output is missing and ParseError
        where that is damaged.
        """
        return self._sources.get(path) or ((lambda: self._status(path)),)

    def first(self, paths: tuple[str, ...], parse: Callable[..., T]) -> T:
        """Parse the first of `paths` that is there and makes sense.

        Raises:
            OSError: none is there.
            ParseError: none makes sense; that of the first.

        """
        broken = None
        for path in paths:
            try:
                text = self._files.read_text(path)
                if text:
                    return parse(text, file=path.lstrip("/"))
            except ParseError as error:
                broken = broken or error
            except OSError:
                continue
        raise broken or OSError(errno.ENOENT, os.strerror(errno.ENOENT), paths[0])

    def first_or(self, otherwise: T, what: str, paths: tuple[str, ...], parse: Callable[..., T]) -> T:
        """Parse as `first` does; where that fails give `otherwise`, with a gap named `what` if it was damaged."""
        try:
            return self.first(paths, parse)
        except ParseError as error:
            self.gaps.append(Gap(what, str(error)))
        except OSError:
            pass
        return otherwise

    @property
    def container(self) -> str | None:
        """Give the kind of container that systemd says the report is from; None: of none, or it does not say."""
        try:
            return self._host_status.container
        except (OSError, ParseError):
            return None

    @cached_property
    def processes(self) -> dict[int, Process]:
        """Give PID 1 and the daemons that are looked at, by pid, as ps shows them."""
        found: tuple[Process, ...] = self.first_or((), "memory of daemons", _PS, parse_ps_command)
        return {process.pid: process for process in found if process.pid == 1 or process.name in DAEMONS}

    @cached_property
    def slab_links(self) -> dict[str, str]:
        """Give the links in /sys/kernel/slab."""
        return self.first_or({}, "merged slab caches", _SLABS, parse_slab_listing)

    @cached_property
    def _uname(self) -> Uname:
        return self.first(_UNAME, parse_uname_command)

    @cached_property
    def _host_status(self) -> HostStatus:
        return self.first(_HOSTNAMECTL, parse_hostnamectl_command)

    def _uptime(self) -> str:
        return _uptime_text(self.first(_UPTIME, parse_uptime_command))

    def _uptime_from_boot(self) -> str | None:
        seconds = self.first(_DATE, parse_date_command) - self.first(("/proc/stat",), parse_proc_stat)
        return _uptime_text(seconds) if seconds >= 0 else None

    def _hostname(self) -> str:
        return self.first(_HOSTNAME, _parse_hostname)

    def _nodes_from_zones(self) -> str:
        return ",".join(map(str, sorted(self.first(("/proc/zoneinfo",), parse_proc_zoneinfo))))

    def _nodes_from_lscpu(self) -> str:
        return f"0-{self.first(_LSCPU, parse_lscpu_command) - 1}"

    def _status(self, path: str) -> str | None:
        match = _STATUS.fullmatch(path)
        process = self.processes.get(int(match[1])) if match else None
        if process is None:
            return None
        return f"Name:\t{process.name}\nPid:\t{process.pid}\nVmRSS:\t{process.rss_bytes // KIB} kB\n"

    def _listed_mounts(self) -> str:
        return _checked_mountinfo(_mountinfo_text(self.first(_MOUNT, parse_mount_command)), file=_MOUNT[0])


def _uptime_text(seconds: int) -> str:
    # The second number, idle time, is not known; whoever reads the file here passes over it.
    return f"{seconds}.00 {seconds}.00\n"


def _parse_hostname(text: str, *, file: str) -> str:
    words = text.split()
    if len(words) != 1:
        raise ParseError(file, 1, "expected one word")
    return words[0]


def _checked_mountinfo(text: str, *, file: str) -> str:
    if any("\0" in mount.mount_point for mount in parse_mountinfo(text, file=file)):
        raise ParseError(file, 0, "a mount point holds a NUL byte, which no path can")
    return text


def _mountinfo_text(mounts: tuple[ListedMount, ...]) -> str:
    """Write the mounts that matter here as mountinfo; mount(8) does not show which part of a hierarchy is seen."""
    devices: dict[tuple[str, frozenset[str]], int] = {}
    lines: list[str] = []
    for mount in mounts:
        if mount.filesystem in _SHOWN_FILESYSTEMS:
            kind = frozenset() if mount.filesystem == "cgroup2" else frozenset(mount.options) - _MOUNT_FLAGS
            device = devices.setdefault((mount.filesystem, kind), len(devices) + 1)
            place, source, options = map(_escaped, (mount.mount_point, mount.source, ",".join(mount.options)))
            lines.append(f"{len(lines) + 1} 0 0:{device} / {place} {options} - {mount.filesystem} {source} {options}\n")
    return "".join(lines)


def _escaped(name: str) -> str:
    return re.sub(r"[\\ \t]", lambda match: f"\\{ord(match[0]):03o}", name)
