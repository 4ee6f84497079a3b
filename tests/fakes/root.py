"""A host in memory, at the seam `Root`: files, directories, links and errors that a test sets and may change."""

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

Content = str | Callable[[], str]
"""A file's text, or what makes it anew at each reading (an uptime that goes with a clock)."""


class FakeRoot:
    """Answers as a host's files would; every question is kept in `asked`.

    errors: what reading, listing or following a path gives instead, as a number of errno(3).
    vanishing: directories that their parent still lists and that are gone when they are looked at.
    symbols: the kernel's functions; None: they are not shown. sizes: of its structures; None: no BTF.
    """

    def __init__(
        self,
        files: Mapping[str, Content] | None = None,
        *,
        directories: Iterable[str] = (),
        links: Mapping[str, str] | None = None,
        errors: Mapping[str, int] | None = None,
        symbols: frozenset[str] | None = frozenset(),
        sizes: Mapping[str, int] | None = None,
        live: bool = True,
    ) -> None:
        """Take the host's content; a file's and a link's parent directories are there without being named."""
        self.label = "a host in memory"
        self.live = live
        self.files = dict(files or {})
        self.links = dict(links or {})
        self.errors = dict(errors or {})
        self.vanishing: set[str] = set()
        self.symbols = symbols
        self.sizes = sizes
        self.asked: list[str] = []
        self._directories = set(directories)

    def make_directory(self, path: str) -> None:
        """Make an empty directory."""
        self._directories.add(path)

    def remove_directory(self, path: str) -> None:
        """Remove a directory with all that is in it."""
        inside = (path, f"{path}/")
        self._directories = {name for name in self._directories if name != path and not name.startswith(inside[1])}
        self.files = {name: text for name, text in self.files.items() if not name.startswith(inside[1])}

    def directories(self) -> set[str]:
        """Give every directory, with all that lie above one."""
        found = {"/"}
        for path in (*self._directories, *map(_parent, self.files), *map(_parent, self.links)):
            while path not in found:
                found.add(path)
                path = _parent(path)  # noqa: PLW2901  walks up from it
        return found

    def read_text(self, path: str) -> str:
        """Read a file."""
        self.asked.append(path)
        self._fail(path)
        if path not in self.files:
            raise _error(errno.EISDIR if path in self.directories() else errno.ENOENT, path)
        content = self.files[path]
        return content if isinstance(content, str) else content()

    def peek_text(self, path: str) -> str:
        """Read a file."""
        return self.read_text(path)

    def read_link(self, path: str) -> str:
        """Follow a link."""
        self.asked.append(path)
        self._fail(path)
        if path not in self.links:
            raise _error(errno.EINVAL if path in self.directories() or path in self.files else errno.ENOENT, path)
        return self.links[path]

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a file that is not larger, by way of a link too."""
        text = self.read_text(self.links.get(path, path))
        if len(text) > most_bytes:
            raise _error(errno.EFBIG, path)
        return text

    def link_target(self, path: str) -> str | None:
        """Follow a link, if it is one."""
        return None if path in self.files or path in self.directories() else self.read_link(path)

    def list_names(self, path: str) -> list[str]:
        """List a directory."""
        self.asked.append(path)
        self._fail(path)
        directories = self.directories()
        if path not in directories:
            raise _error(errno.ENOENT, path)
        entries = (*directories - {"/"}, *self.files, *self.links)
        return sorted({entry.rpartition("/")[2] for entry in entries if _parent(entry) == path})

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk directories."""
        self.asked.append(f"{path}/**")
        self._fail(path)
        if path not in self.directories():
            raise _error(errno.ENOENT, path)
        pending = [path]
        while pending:
            directory = pending.pop()
            if directory not in self.vanishing:
                names = sorted(
                    name.rpartition("/")[2] for name in self.directories() if _parent(name) == directory != name
                )
                yield directory[len(path) + 1 :], names
                pending += [f"{directory}/{name}" for name in names]

    def inode(self, path: str) -> int | None:
        """Give a number that belongs to the path alone."""
        if path not in self.directories():
            raise _error(errno.ENOENT, path)
        return 1000 + sum(map(ord, path))

    def has_symbol(self, name: str) -> bool | None:
        """Tell whether a name is among the symbols."""
        return None if self.symbols is None else name in self.symbols

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Give the sizes that were set, OSError where none were."""
        if self.sizes is None:
            raise _error(errno.ENOENT, "/sys/kernel/btf/vmlinux")
        return {name: self.sizes[name] for name in names if name in self.sizes}

    def _fail(self, path: str) -> None:
        if path in self.errors:
            raise _error(self.errors[path], path)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)
