"""The seam to a host's files: the running host, a captured tree and a bundle all answer these questions."""

import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

# The largest real file here is a slabinfo of some 100 kB; a hostile capture must not fill our memory.
MAX_FILE_BYTES = 256 * 1024 * 1024
_CHUNK = 64 * 1024
_SYMBOLS = "/proc/kallsyms"
# A symbol of a module is followed by a tab and the module's name.
_SYMBOL_ENDS = ("\n", "\t")
_READ = os.O_RDONLY | os.O_CLOEXEC


class Root(Protocol):
    """Where files are read from. Paths are absolute, as on the host; errors are those of the system call.

    A text is UTF-8 with undecodable bytes kept as surrogates, so that a path can be opened again.
    """

    @property
    def label(self) -> str:
        """Say in a few words what is read, for messages."""

    @property
    def live(self) -> bool:
        """Tell whether this is the running host: its figures change between two readings."""

    def read_text(self, path: str) -> str:
        """Give a file's whole text. Raises OSError."""

    def peek_text(self, path: str) -> str:
        """Give a file's whole text as `read_text` does, for a look that no capture need repeat. Raises OSError."""

    def read_link(self, path: str) -> str:
        """Give a symbolic link's target. Raises OSError."""

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Give the text of a regular file, which a user may have put there: nothing blocks or has a side effect.

        Raises OSError: also EINVAL for what is no regular file (a pipe, a device), and EFBIG for a larger one.
        """

    def link_target(self, path: str) -> str | None:
        """Give a symbolic link's target, None for what is there and is no link. Raises OSError."""

    def list_names(self, path: str) -> list[str]:
        """Give the names in a directory, sorted. Raises OSError."""

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Give every directory below and at `path`, as its path relative to it and its child directories' names.

        The first is ``("", …)``. A directory that vanishes meanwhile is left out; OSError only for `path` itself.
        """

    def inode(self, path: str) -> int | None:
        """Give the inode number of a directory, None where a capture did not keep it. Raises OSError."""

    def has_symbol(self, name: str) -> bool | None:
        """Tell whether the kernel has a function of that name; None where its symbols cannot be read."""

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Give the bytes of kernel structures and their members, as far as it has them. Raises OSError, ParseError."""


class LiveRoot:
    """The running host."""

    label = "this host"
    live = True

    def read_text(self, path: str) -> str:
        """Read a file of the running host; pseudo-files state no size, so read until the end."""
        return decode(read_all(os.open(path, _READ), path))

    peek_text = read_text

    def read_link(self, path: str) -> str:
        """Read a symbolic link."""
        return os.readlink(path)

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a regular file; anything else is not even opened, because opening a device may do something."""
        refuse_irregular(os.stat(path), path, most_bytes)
        descriptor = os.open(path, _READ | os.O_NONBLOCK)
        return read_regular(descriptor, path, most_bytes)

    def link_target(self, path: str) -> str | None:
        """Read a link, if it is one."""
        return link_target(path)

    def list_names(self, path: str) -> list[str]:
        """List a directory."""
        return sorted(os.listdir(path))

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk directories without following links or leaving the filesystem's own tree."""
        return walk_directories(path)

    def inode(self, path: str) -> int | None:
        """Give a directory's inode number."""
        return os.stat(path).st_ino

    def has_symbol(self, name: str) -> bool | None:
        """Look a name up in /proc/kallsyms, which shows names (not addresses) to everybody.

        Its ten megabytes are read piece by piece: as one text they would be the most memory that a census takes.
        """
        wanted = [f" {name}{end}".encode() for end in _SYMBOL_ENDS]
        tail = b""
        try:
            with open(_SYMBOLS, "rb") as file:
                while chunk := file.read(_CHUNK):
                    piece = tail + chunk
                    if any(word in piece for word in wanted):
                        return True
                    tail = piece[-len(wanted[0]) :]
        except OSError:
            return None
        return False

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Look sizes up in the kernel's type information: some megabytes, a few tens of milliseconds."""
        # Only where many cgroups are dying.
        from unreclaim.formats.btf import FILE, parse_btf  # noqa: PLC0415

        return parse_btf(read_all(os.open(FILE, _READ), FILE), names, file=FILE)


def has_symbol(root: Root, name: str) -> bool | None:
    """Look a name up in a root's /proc/kallsyms."""
    try:
        symbols = root.peek_text(_SYMBOLS)
    except OSError:
        return None
    return any(f" {name}{end}" in symbols for end in _SYMBOL_ENDS)


def kept_structures(root: Root, names: Collection[str]) -> dict[str, int]:
    """Look sizes up in what a capture keeps under the name of the type information: a line for each that it has."""
    from unreclaim.formats.structure_sizes import FILE, parse_structure_sizes  # noqa: PLC0415  as in LiveRoot

    sizes = parse_structure_sizes(root.read_text(FILE), file=FILE)
    return {name: sizes[name] for name in names if name in sizes}


def replay_error(errors: Mapping[str, str], path: str) -> None:
    """Raise the error that reading `path` gave when a capture was made, if it gave one.

    errors: names as in errno(3), by absolute path.
    """
    if path in errors:
        code = getattr(errno, errors[path], errno.EIO)
        raise OSError(code, os.strerror(code), path)


def read_all(descriptor: int, path: str) -> bytes:
    """Read a descriptor to its end and close it.

    Raises:
        OSError: what read(2) says, and EFBIG above `MAX_FILE_BYTES`.

    """
    try:
        first = os.read(descriptor, _CHUNK)
        chunk = os.read(descriptor, _CHUNK) if first else b""
        if not chunk:
            return first
        chunks = [first]
        total = len(first)
        while chunk:
            chunks.append(chunk)
            total += len(chunk)
            if total > MAX_FILE_BYTES:
                raise OSError(errno.EFBIG, f"larger than {MAX_FILE_BYTES} bytes", path)
            chunk = os.read(descriptor, _CHUNK)
    finally:
        os.close(descriptor)
    return b"".join(chunks)


def refuse_irregular(status: os.stat_result, path: str, most_bytes: int) -> None:
    """Raise OSError for what is no regular file (EINVAL) or is larger (EFBIG)."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if status.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes", path)


def read_regular(descriptor: int, path: str, most_bytes: int) -> str:
    """Read what was opened with O_NONBLOCK and close it, if it is a regular file still; see `Root.read_regular`."""
    try:
        refuse_irregular(os.fstat(descriptor), path, most_bytes)
    except OSError:
        os.close(descriptor)
        raise
    return decode(read_all(descriptor, path))


def link_target(name: str, directory: int | None = None) -> str | None:
    """Read a link, relative to a directory that is open; None for what is there and is none. Raises OSError."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return None


def decode(raw: bytes) -> str:
    """Decode a kernel text; any bytes give a text."""
    return raw.decode("utf-8", "surrogateescape")


def walk_directories(top: str) -> Iterator[tuple[str, list[str]]]:
    """Walk directories below `top`; see `Root.walk`.

    kernfs gives a directory 2 + its child directories as link count (kernfs_refresh_inode() in fs/kernfs/inode.c), as
    ext4 does, so a count of 2 is a leaf that need not be listed. Some filesystems always say 1; those are listed.
    """
    pending = [("", _child_directories(top))]
    while pending:
        path, children = pending.pop()
        yield path, [name for name, _ in children]
        for name, leaf in children:
            child = f"{path}/{name}" if path else name
            try:
                pending.append((child, [] if leaf else _child_directories(f"{top}/{child}")))
            except OSError:
                # Removed since its parent was listed: ENOENT, or ENODEV from kernfs.
                continue


def _child_directories(path: str) -> list[tuple[str, bool]]:
    children = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                try:
                    children.append((entry.name, entry.stat(follow_symlinks=False).st_nlink == 2))
                except OSError:
                    continue
    return children
