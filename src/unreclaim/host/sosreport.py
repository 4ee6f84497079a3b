"""An unpacked sosreport, read as if it were the host's ``/``.

sos (https://github.com/sosreport/sos) copies most of what is read here under its own path; the rest is told from its
command outputs (`sos_outputs`). A report is not trusted: it is read through another root only, which lets no link lead
out of it.

A copied file that is empty could not be read on the host: sos makes the file and swallows the error. So it is an error
here too, never a value. A cgroup tree of which sos copied only a part is not walked: each directory that is missing
would be counted as a dying cgroup.
"""

import errno
import os
import re
from collections.abc import Collection, Iterator
from functools import cached_property

from unreclaim.base.errors import ParseError
from unreclaim.formats.proc_cgroups import parse_proc_cgroups
from unreclaim.formats.sos_manifest import SosManifest, parse_sos_manifest
from unreclaim.formats.sos_ui_log import parse_sos_ui_log
from unreclaim.formats.sos_version import SosVersion, parse_sos_version
from unreclaim.host.root import Root, has_symbol, kept_structures
from unreclaim.host.sos_outputs import MOUNTINFO, PLUGINS, SosOutputs
from unreclaim.model.gap import Gap

_CGROUPS = "/sys/fs/cgroup"
_SLAB = "/sys/kernel/slab"
_OF_PROCESS = re.compile(r"/proc/[0-9]+/.*")
_CAPTURE = "collect it with: unreclaim capture"
_MAKING = "how the sosreport was made"

# What is never read need not be unpacked: logs make most of a report.
_KEPT = re.compile(
    r"proc/(?![0-9]).*|proc/1/.*|proc/[0-9]+/status|run/.*|sys/(fs/cgroup|devices/system|kernel/slab|block)/.*|version\.txt"
    r"|(usr/lib|etc)/os-release|sos_logs/ui\.log|sos_reports/manifest\.json"
    rf"|sos_commands/({'|'.join(sorted(PLUGINS))})/.*"
)


def is_wanted(member: str) -> bool:
    """Tell whether a member of an archive is ever read: of a sosreport a small part, of anything else all."""
    top, _, path = member.partition("/")
    return not top.startswith("sosreport-") or _KEPT.fullmatch(path) is not None


class SosRoot:
    """A host's files as a sosreport shows them."""

    live = False

    def __init__(self, files: Root) -> None:
        """Read the report whose top directory is the ``/`` of `files`."""
        self.label = files.label
        self._files = files
        self._outputs = SosOutputs(files)

    def read_text(self, path: str) -> str:
        """Read a copied file, or write what it would say from something else in the report.

        Raises:
            OSError: also EIO for a file that is copied but empty, and EBADMSG for one whose substitute is damaged.

        """
        problem = OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        for source in (lambda: self._copied(path), *self._outputs.sources(path)):
            try:
                text = source()
            except ParseError as error:
                found = OSError(errno.EBADMSG, str(error), path)
            except OSError as error:
                found = error
            else:
                if text is not None:
                    return text
                continue
            if problem.errno == errno.ENOENT:
                problem = found
        raise problem

    peek_text = read_text

    def read_link(self, path: str) -> str:
        """Read a link; those of slab caches are in a listing."""
        directory, _, name = path.rpartition("/")
        target = self._outputs.slab_links.get(name) if directory == _SLAB else None
        return self._files.read_link(path) if target is None else target

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a copied file as it is, an empty one too: an empty unit file is one that is masked."""
        return self._files.read_regular(path, most_bytes)

    def link_target(self, path: str) -> str | None:
        """Read a copied link, if it is one."""
        return self._files.link_target(path)

    def list_names(self, path: str) -> list[str]:
        """List a directory; processes are also those that ps shows, and slab caches those of a listing."""
        more: set[str] = set()
        if path == "/proc":
            more.update(map(str, self._outputs.processes))
        elif path == _SLAB:
            more.update(self._outputs.slab_links)
        try:
            return sorted(more.union(self._files.list_names(path)))
        except OSError:
            if more:
                return sorted(more)
            raise

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk copied directories.

        Raises:
            OSError: also ETIMEDOUT where sos did not copy all of them.

        """
        if self._cut_short:
            raise OSError(errno.ETIMEDOUT, self._cut_short, path)
        yield from self._files.walk(path)

    def inode(self, path: str) -> int | None:
        """Give None for a directory of the report: a copy's inode is not the cgroup's id."""
        return self._files.inode(path)

    def has_symbol(self, name: str) -> bool | None:
        """Give None: sos does not copy the kernel's symbols."""
        return has_symbol(self, name)

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Raise OSError: sos does not copy the kernel's type information."""
        return kept_structures(self, names)

    def remarks(self) -> tuple[Gap, ...]:
        """Say what limits a diagnosis of this report and belongs to no single file; to be asked when all is read."""
        return (*self._remarks_on_cgroups(), *self._outputs.gaps)

    def _copied(self, path: str) -> str:
        if path == MOUNTINFO:
            # Chosen among several copies.
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        text = self._files.read_text(path)
        # cgroup.controllers is the one file read here that is empty on a host in order.
        if text or path.endswith("/cgroup.controllers"):
            return text
        if _OF_PROCESS.fullmatch(path):
            raise OSError(errno.ESRCH, "the process ended while sos copied it", path)
        raise OSError(errno.EIO, "copied, but empty: sos could not read it", path)

    @cached_property
    def _manifest(self) -> SosManifest | None:
        return self._outputs.first_or(None, _MAKING, ("/sos_reports/manifest.json",), parse_sos_manifest)

    @cached_property
    def _cut_short(self) -> str | None:
        """Say why the cgroup tree is only a part; None: nothing says that it is."""
        timed_out = self._outputs.first_or(frozenset[str](), _MAKING, ("/sos_logs/ui.log",), parse_sos_ui_log)
        if self._manifest is not None:
            timed_out |= self._manifest.timed_out
        return "only a part was copied: sos's plugin cgroups ran out of time" if "cgroups" in timed_out else None

    def _remarks_on_cgroups(self) -> Iterator[Gap]:
        if self._cut_short:
            yield Gap("cgroups", self._cut_short, f"give it more time (sos report --plugin-timeout), or {_CAPTURE}")
        elif not self._has(_CGROUPS):
            yield Gap("cgroups", self._why_left_out(), _CAPTURE)
        elif self._counts_on_v1() and self._outputs.container is None:
            why = "sos copies the cgroup tree over seconds, while cgroups come and go: counts on v1 may be off by a few"
            yield Gap("exact counts of dying cgroups", why, "run unreclaim on the host")

    def _why_left_out(self) -> str:
        if self._has(f"{_CGROUPS}.tar"):
            return "the cgroup tree is in sys/fs/cgroup.tar (sos report --pack-dir); unpack that in its place"
        if self._manifest is not None:
            plugins, preset = self._manifest.plugins, self._manifest.preset
        else:
            version = self._outputs.first_or(SosVersion(""), _MAKING, ("/version.txt",), parse_sos_version)
            plugins, preset = version.plugins or frozenset({"cgroups"}), None
        if "cgroups" in plugins:
            return "the sosreport holds no cgroup tree"
        by = f" (preset {preset})" if preset else ""
        return f"the sosreport holds no cgroup tree: sos was run without its plugin cgroups{by}"

    def _counts_on_v1(self) -> bool:
        try:
            rows = parse_proc_cgroups(self._files.read_text("/proc/cgroups"))
        except (OSError, ParseError):
            return False
        return any(row.name == "memory" and row.hierarchy for row in rows)

    def _has(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        try:
            return name in self._files.list_names(directory)
        except OSError:
            return False
