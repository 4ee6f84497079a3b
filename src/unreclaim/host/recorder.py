"""A root that remembers what was read through it, so that a capture holds exactly what a diagnosis reads."""

import errno
from collections.abc import Collection, Iterator

from unreclaim.formats.structure_sizes import FILE as BTF
from unreclaim.host.root import Root

# A kernel's whole symbol table is megabytes and shows addresses; a diagnosis asks only whether a few names are there.
KALLSYMS = "/proc/kallsyms"


class RecordingRoot:
    """Passes every question on to another root and keeps the answers, errors too."""

    live = False

    def __init__(self, root: Root) -> None:
        """Record what is read from `root`."""
        self._root = root
        self.label = root.label
        self.live = root.live
        self.files: dict[str, str] = {}
        self.directories: dict[str, None] = {}
        self.errors: dict[str, str] = {}

    def read_text(self, path: str) -> str:
        """Read a file and keep its text, or the error's name."""
        try:
            text = self._root.read_text(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.errors[path] = errno.errorcode.get(error.errno or 0, "EIO")
            raise
        self.files[path] = text
        return text

    def peek_text(self, path: str) -> str:
        """Read a file without keeping it."""
        return self._root.peek_text(path)

    def has_symbol(self, name: str) -> bool | None:
        """Look for a kernel symbol and keep only the answer."""
        found = self._root.has_symbol(name)
        if found is not None:
            line = f"0000000000000000 T {name}\n" if found else ""
            self.files[KALLSYMS] = self.files.get(KALLSYMS, "") + line
        return found

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Look sizes of structures up and keep only those: the kernel's type information is megabytes."""
        sizes = self._root.structures(names)
        self.files[BTF] = "".join(f"{name} {size}\n" for name, size in sizes.items())
        return sizes

    def read_link(self, path: str) -> str:
        """Read a link and keep its target as a file's text."""
        target = self._root.read_link(path)
        self.files[path] = target + "\n"
        return target

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a regular file without keeping it: no diagnosis reads one."""
        return self._root.read_regular(path, most_bytes)

    def link_target(self, path: str) -> str | None:
        """Read a link, if it is one, without keeping it."""
        return self._root.link_target(path)

    def list_names(self, path: str) -> list[str]:
        """List a directory; its files are kept when they are read."""
        names = self._root.list_names(path)
        self.directories[path] = None
        return names

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk directories and keep them, empty ones too: a cgroup is its directory."""
        for relative, names in self._root.walk(path):
            self.directories[f"{path}/{relative}" if relative else path] = None
            yield relative, names

    def inode(self, path: str) -> int | None:
        """Give an inode number."""
        return self._root.inode(path)
