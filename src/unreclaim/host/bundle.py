"""Writes a bundle: a compressed tar of pseudo-files with a manifest, complete or not there at all."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from unreclaim import __version__
from unreclaim.base.errors import OutputError
from unreclaim.formats.bundle_manifest import FILE as MANIFEST
from unreclaim.formats.bundle_manifest import SCHEMA
from unreclaim.formats.unreadable import FILE as UNREADABLE

TOP = "unreclaim-bundle"


class BundleWriter:
    """One bundle while it is written."""

    def __init__(self, tar: tarfile.TarFile, created_unix: float) -> None:
        """Write to an open archive; `created_unix` dates everything in it."""
        self._tar = tar
        self._created = int(created_unix)
        self.samples = 0
        self.files = 0
        self.size_bytes = 0

    def add_sample(self, files: Mapping[str, str], directories: Iterable[str], errors: Mapping[str, str]) -> None:
        """Add one sample: texts by absolute path, directories (empty ones too), and errors by path."""
        self.samples += 1
        top = f"{TOP}/{self.samples:04d}"
        for path in sorted({top, *(top + path.rstrip("/") for path in directories)}):
            self._add_directory(path)
        for path, text in sorted(files.items()):
            self._add_file(top + path, text)
        if errors:
            self._add_file(f"{top}/{UNREADABLE}", "".join(f"{name} {path}\n" for path, name in sorted(errors.items())))

    def finish(self, *, page_size_bytes: int | None, architecture: str | None) -> None:
        """Add the manifest, last: an archive that was cut off has none and is refused."""
        lines = [
            f'schema = "{SCHEMA}"',
            f"created_unix = {self._created}",
            f'creator = "unreclaim {__version__}"',
        ]
        if page_size_bytes is not None:
            lines.append(f"page_size_bytes = {page_size_bytes}")
        if architecture is not None:
            lines.append(f'architecture = "{architecture}"')
        names = ", ".join(f'"{number:04d}"' for number in range(1, self.samples + 1))
        self._add_file(f"{TOP}/{MANIFEST}", "\n".join([*lines, f"samples = [{names}]", ""]))

    def _add_directory(self, path: str) -> None:
        member = tarfile.TarInfo(path)
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, self._created
        self._tar.addfile(member)

    def _add_file(self, path: str, text: str) -> None:
        raw = text.encode("utf-8", "surrogateescape")
        member = tarfile.TarInfo(path)
        member.size, member.mode, member.mtime = len(raw), 0o644, self._created
        self._tar.addfile(member, io.BytesIO(raw))
        self.files += 1
        self.size_bytes += len(raw)


def _open_tar(stream: IO[bytes], path: str) -> tarfile.TarFile:
    """Open an archive compressed as its name asks: .tar.xz, .tar, otherwise gzip."""
    if path.endswith(".xz"):
        return tarfile.open(fileobj=stream, mode="w:xz")
    if path.endswith(".tar"):
        return tarfile.open(fileobj=stream, mode="w")
    return tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6)


@contextmanager
def open_bundle(path: str, created_unix: float) -> Iterator[BundleWriter]:
    """Open a bundle for writing; it appears under `path` (mode 0600) when the block ends without an error.

    Raises:
        OutputError: the directory cannot be written, the disk is full, or what is there is no regular file.

    """
    if os.path.lexists(path) and not os.path.isfile(path):
        # Root could replace /dev/null, which the whole host would feel.
        raise OutputError(path, "exists and is no regular file", hint="choose another place with: -o FILE")
    directory = os.path.dirname(os.path.abspath(path))
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".unreclaim-", dir=directory)
        with (
            os.fdopen(descriptor, "wb") as stream,
            _open_tar(stream, path) as tar,
        ):
            yield BundleWriter(tar, created_unix)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise OutputError(path, error.strerror or str(error), hint="choose another place with: -o FILE") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)
