"""A bundle's archive, read in memory: nothing is extracted to disk, so no name in it can lead anywhere."""

import errno
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping

from unreclaim.base.errors import RootError
from unreclaim.host.root import MAX_FILE_BYTES, decode, has_symbol, kept_structures, replay_error

# What a bundle of a host with 65,535 cgroups needs, several times over; more is a decompression bomb.
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
MAX_MEMBERS = 2_000_000
_PATH_MAX = 4096


class Archive:
    """The regular files, directories and link targets of a tar archive, by path without a leading slash."""

    def __init__(self, path: str, is_wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Read the archive at `path`, compressed or not; members whose name is not wanted are passed over.

        Raises:
            RootError: it is not there, is no tar archive, is damaged, or is larger than any bundle.

        """
        self.path = path
        self.files: dict[str, bytes] = {}
        self.links: dict[str, str] = {}
        self.children: dict[str, set[str]] = {"": set()}
        try:
            with tarfile.open(path) as tar:
                self._load(tar, is_wanted)
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:
            raise RootError(path, f"no bundle: {error}", hint="a bundle is made by: unreclaim capture") from None
        except OSError as error:
            raise RootError(path, error.strerror or str(error)) from None

    def _load(self, tar: tarfile.TarFile, is_wanted: Callable[[str], bool]) -> None:
        total = 0
        for count, member in enumerate(tar):
            name = clean(member.name)
            if name is None or count > MAX_MEMBERS or not is_wanted(name):
                continue
            if member.isdir():
                self._add_directory(name)
            elif member.issym():
                self._add_directory(name.rpartition("/")[0])
                self.links[name] = member.linkname
            elif member.isreg():
                total += member.size
                if member.size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
                    raise RootError(self.path, f"holds more than {MAX_TOTAL_BYTES} bytes; no bundle is that large")
                stream = tar.extractfile(member)
                self._add_directory(name.rpartition("/")[0])
                self.files[name] = stream.read() if stream else b""

    def _add_directory(self, name: str) -> None:
        missing = []
        # The top ("") is there from the start, so this ends.
        while name not in self.children:
            self.children[name] = set()
            parent, _, leaf = name.rpartition("/")
            missing.append((parent, leaf))
            name = parent
        for parent, leaf in missing:
            self.children[parent].add(leaf)


def clean(name: str) -> str | None:
    """Normalise a member's name (``./a//b`` is ``a/b``); None where it leaves the archive or is no real path."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in parts or len(name) > _PATH_MAX else "/".join(parts)


class ArchiveRoot:
    """One sample's directory in an archive, read as if it were ``/``."""

    live = False

    def __init__(self, archive: Archive, directory: str, errors: Mapping[str, str] | None = None) -> None:
        """Read below `directory` of `archive` ("": its top); `errors` are those that the capture met."""
        self._errors = errors or {}
        self.label = f"{archive.path}:{directory}" if directory else archive.path
        self._archive = archive
        self._prefix = f"{directory}/" if directory else ""

    def read_text(self, path: str) -> str:
        """Read a regular file of the archive."""
        replay_error(self._errors, path)
        name = self._name(path)
        if name in self._archive.files:
            return decode(self._archive.files[name])
        code = errno.EISDIR if name in self._archive.children else errno.ENOENT
        raise OSError(code, os.strerror(code), path)

    peek_text = read_text

    def read_link(self, path: str) -> str:
        """Read a link, or a file that holds its target."""
        target = self._archive.links.get(self._name(path))
        return self.read_text(path).strip() if target is None else target

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a file of the archive that is not larger; links in it are not followed."""
        text = self.read_text(path)
        if len(text) > most_bytes:
            raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes", path)
        return text

    def link_target(self, path: str) -> str | None:
        """Read a link, if it is one."""
        name = self._name(path)
        if name in self._archive.files or name in self._archive.children:
            return None
        return self.read_link(path)

    def list_names(self, path: str) -> list[str]:
        """List a directory of the archive: directories, files and links."""
        name = self._name(path)
        if name not in self._archive.children:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        prefix = f"{name}/" if name else ""
        names = set(self._archive.children[name])
        for entries in (self._archive.files, self._archive.links):
            names.update(
                entry[len(prefix) :]
                for entry in entries
                if entry.startswith(prefix) and "/" not in entry[len(prefix) :]
            )
        return sorted(names)

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk the directories of the archive."""
        top = self._name(path)
        if top not in self._archive.children:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        pending = [""]
        while pending:
            relative = pending.pop()
            names = sorted(self._archive.children["/".join(part for part in (top, relative) if part)])
            yield relative, names
            pending += [f"{relative}/{name}" if relative else name for name in names]

    def inode(self, path: str) -> int | None:
        """Give None: an archive keeps no inode."""
        if self._name(path) not in self._archive.children:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return None

    def has_symbol(self, name: str) -> bool | None:
        """Look a name up in the symbols that the capture kept."""
        return has_symbol(self, name)

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Look sizes up in those that the capture kept."""
        return kept_structures(self, names)

    def _name(self, path: str) -> str:
        return (self._prefix + path.strip("/")).strip("/")
