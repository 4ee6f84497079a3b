"""Finds out what ``--root`` names: the running host, a bundle, a captured tree, or an unpacked sosreport."""

import errno
import os
import re

from msgspec import Struct

from unreclaim.base.errors import ParseError, RootError
from unreclaim.formats.bundle_manifest import FILE as MANIFEST
from unreclaim.formats.bundle_manifest import BundleManifest, parse_bundle_manifest
from unreclaim.formats.unreadable import FILE as UNREADABLE
from unreclaim.formats.unreadable import parse_unreadable
from unreclaim.host.root import LiveRoot, Root

_HINT = "give a bundle made by 'unreclaim capture', a directory that holds proc/meminfo, or an unpacked sosreport"
_SOS_COMMANDS = "sos_commands"
_SNAPSHOT = re.compile(r"[A-Za-z]*0*([0-9]+)")


class Source(Struct, frozen=True):
    """Where samples come from: one root that is sampled over time, or one root per sample that was captured."""

    kind: str
    roots: tuple[Root, ...]
    page_size_bytes: int | None = None
    architecture: str | None = None

    @property
    def live(self) -> bool:
        """Tell whether this is the running host."""
        return self.kind == "live"


def open_source(path: str | None) -> Source:
    """Open what `path` names; None or "/" is the running host.

    Raises:
        RootError: it does not exist, cannot be read, or is none of the things that can be diagnosed.

    """
    if path is None or os.path.abspath(path) == "/":
        return _open_live()
    if os.path.isfile(path):
        return _open_archive(path)
    if os.path.isdir(path):
        return _open_directory(path)
    raise RootError(path, os.strerror(errno.ENOENT), hint=_HINT)


def open_units(path: str | None) -> Root:
    """Open what holds unit files: the running host, or a directory with a tree, be it that of an image.

    Raises:
        RootError: it does not exist, is no directory, or is none of the things that can be opened.

    """
    if path is None or os.path.abspath(path) == "/":
        return _open_live().roots[0]
    if not os.path.isdir(path):
        why = "unit files are read from a directory" if os.path.exists(path) else os.strerror(errno.ENOENT)
        raise RootError(path, why, hint="give a directory that holds etc/systemd, or an unpacked sosreport")
    if not any(os.path.isdir(os.path.join(path, place)) for place in ("etc/systemd", "usr/lib/systemd", "lib/systemd")):
        return _open_directory(path).roots[-1]
    from unreclaim.host.tree import TreeRoot  # noqa: PLC0415

    return TreeRoot(path)


def _open_live() -> Source:
    if not os.path.exists("/proc/self/stat"):
        uname = os.uname().sysname
        why = "not Linux" if uname != "Linux" else "/proc is not mounted"
        raise RootError("this host", why, hint="unreclaim reads Linux hosts; elsewhere use --root with a bundle")
    return Source("live", (LiveRoot(),), os.sysconf("SC_PAGE_SIZE"), os.uname().machine)


def _open_archive(path: str) -> Source:
    # tarfile is heavy and only bundles need it.
    from unreclaim.host.archive import Archive, ArchiveRoot  # noqa: PLC0415
    from unreclaim.host.sosreport import SosRoot, is_wanted  # noqa: PLC0415

    archive = Archive(path, is_wanted)
    manifests = [name for name in archive.files if name == MANIFEST or name.endswith(f"/{MANIFEST}")]
    if manifests:
        name = min(manifests, key=len)
        top = name.removesuffix(MANIFEST)
        manifest = _manifest(archive.files[name].decode("utf-8", "replace"), f"{path}:{name}")
        roots = tuple(
            ArchiveRoot(archive, top + sample, _errors(ArchiveRoot(archive, top + sample)))
            for sample in manifest.samples
        )
        return Source("bundle", roots, manifest.page_size_bytes, manifest.architecture)
    reports = [parent for parent, names in archive.children.items() if _SOS_COMMANDS in names]
    if reports:
        return Source("sosreport", (SosRoot(ArchiveRoot(archive, min(reports, key=len))),))
    tops = sorted(name.removesuffix("proc/meminfo") for name in archive.files if name.endswith("proc/meminfo"))
    if not tops:
        raise RootError(path, "the archive holds no proc/meminfo", hint=_HINT)
    shallow = min(top.count("/") for top in tops)
    chosen = sorted((top for top in tops if top.count("/") == shallow), key=_snapshot_number)
    return Source("tree", tuple(ArchiveRoot(archive, top.rstrip("/")) for top in chosen))


def _open_directory(path: str) -> Source:
    from unreclaim.host.tree import TreeRoot  # noqa: PLC0415

    if os.path.isfile(os.path.join(path, MANIFEST)):
        manifest = _manifest(TreeRoot(path).read_text(MANIFEST), os.path.join(path, MANIFEST))
        places = [os.path.join(path, sample) for sample in manifest.samples]
        roots = tuple(TreeRoot(place, _errors(TreeRoot(place))) for place in places)
        return Source("bundle", roots, manifest.page_size_bytes, manifest.architecture)
    if os.path.isdir(os.path.join(path, _SOS_COMMANDS)):
        return _open_sosreport(path)
    if os.path.exists(os.path.join(path, "proc", "meminfo")):
        return Source("tree", (TreeRoot(path),))
    try:
        names = sorted(os.listdir(path), key=_snapshot_number)
    except OSError as error:
        raise RootError(path, error.strerror or str(error)) from None
    # As tar unpacks it: in a directory of its own. A link there might lead anywhere.
    reports = [name for name in names if os.path.isdir(os.path.join(path, name, _SOS_COMMANDS))]
    reports = [name for name in reports if not os.path.islink(os.path.join(path, name))]
    if len(reports) > 1:
        raise RootError(path, f"holds {len(reports)} sosreports", hint=f"choose one, such as {reports[0]}")
    if reports:
        return _open_sosreport(os.path.join(path, reports[0]))
    places = [os.path.join(path, name) for name in names]
    # A link could make the running host a snapshot of a captured one.
    snapshots = [
        place
        for place in places
        if not os.path.islink(place) and os.path.exists(os.path.join(place, "proc", "meminfo"))
    ]
    if not snapshots:
        raise RootError(path, "holds neither proc/meminfo nor a bundle", hint=_HINT)
    return Source("tree", tuple(TreeRoot(place) for place in snapshots))


def _open_sosreport(path: str) -> Source:
    from unreclaim.host.sosreport import SosRoot  # noqa: PLC0415
    from unreclaim.host.tree import TreeRoot  # noqa: PLC0415

    return Source("sosreport", (SosRoot(TreeRoot(path)),))


def _manifest(text: str, file: str) -> BundleManifest:
    try:
        return parse_bundle_manifest(text, file=file)
    except ParseError as error:
        raise RootError(error.what, error.why, hint="the bundle is damaged, or was made by a later version") from None


def _errors(root: Root) -> dict[str, str]:
    """Read which files a sample's capture could not read."""
    try:
        return parse_unreadable(root.read_text(f"/{UNREADABLE}"))
    except OSError:
        return {}
    except ParseError as error:
        raise RootError(root.label, str(error), hint="the bundle is damaged") from None


def _snapshot_number(name: str) -> tuple[int, str]:
    """Sort snap2 before snap10."""
    match = _SNAPSHOT.fullmatch(name.strip("/").rpartition("/")[2])
    return (int(match[1]) if match else 0, name)
