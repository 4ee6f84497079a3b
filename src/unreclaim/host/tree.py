"""A captured tree on disk, read as if its directory were ``/`` and never beyond it."""

import errno
import os
from collections.abc import Collection, Iterator, Mapping

from unreclaim.host.root import (
    MAX_FILE_BYTES,
    has_symbol,
    kept_structures,
    link_target,
    read_regular,
    replay_error,
    walk_directories,
)

_MAX_LINKS = 40
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeRoot:
    """A directory that holds a host's files under their absolute paths.

    The tree is not trusted: every component is opened without following links, and a link is resolved as chroot(2)
    would, inside the tree. Devices and pipes are refused, so a hostile tree can neither escape nor block the reader.
    """

    live = False

    def __init__(self, directory: str, errors: Mapping[str, str] | None = None) -> None:
        """Read below `directory`, which must exist; `errors` are those that its capture met."""
        self.label = directory
        self._top = directory
        self._errors = errors or {}

    def read_text(self, path: str) -> str:
        """Read a regular file of the tree."""
        replay_error(self._errors, path)
        return read_regular(self._open(path, os.O_RDONLY | os.O_NONBLOCK), path, MAX_FILE_BYTES)

    peek_text = read_text

    def read_link(self, path: str) -> str:
        """Read a link; a capture that could not keep links holds a file with the target instead."""
        target = self.link_target(path)
        return self.read_text(path).strip() if target is None else target

    def read_regular(self, path: str, most_bytes: int) -> str:
        """Read a regular file of the tree that is not larger."""
        replay_error(self._errors, path)
        return read_regular(self._open(path, os.O_RDONLY | os.O_NONBLOCK), path, most_bytes)

    def link_target(self, path: str) -> str | None:
        """Read a link of the tree, if it is one."""
        directory, _, name = path.rpartition("/")
        descriptor = self._open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return link_target(name, descriptor)
        finally:
            os.close(descriptor)

    def list_names(self, path: str) -> list[str]:
        """List a directory of the tree."""
        descriptor = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Walk real directories only; links below `path` are not followed."""
        descriptor = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield from walk_directories(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)

    def inode(self, path: str) -> int | None:
        """Give None: a copy's inode is not the cgroup's id."""
        os.close(self._open(path, os.O_RDONLY | os.O_DIRECTORY))
        return None

    def has_symbol(self, name: str) -> bool | None:
        """Look a name up in the symbols that the capture kept."""
        return has_symbol(self, name)

    def structures(self, names: Collection[str]) -> dict[str, int]:
        """Look sizes up in those that the capture kept."""
        return kept_structures(self, names)

    def _open(self, path: str, flags: int) -> int:
        """Open `path` component by component, resolving links as if the tree were the root directory."""
        pending = _components(path)
        trail = [os.open(self._top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        links = 0
        try:
            while pending:
                name = pending.pop()
                if name == "..":
                    if len(trail) > 1:
                        os.close(trail.pop())
                    continue
                mode = flags if not pending else _DIRECTORY
                try:
                    trail.append(os.open(name, mode | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=trail[-1]))
                    continue
                except OSError as error:
                    # ENOTDIR: O_DIRECTORY on a link; ELOOP: O_NOFOLLOW on one. Anything else is the answer.
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                    target = _link_target(name, trail[-1], error)
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if target.startswith("/"):
                    while len(trail) > 1:
                        os.close(trail.pop())
                pending += _components(target)
            return os.dup(trail[-1])
        finally:
            for descriptor in trail:
                os.close(descriptor)


def _link_target(name: str, directory: int, error: OSError) -> str:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        raise error from None


def _components(path: str) -> list[str]:
    """Split a path into the names to open, the last first."""
    if "\0" in path:
        # A hostile mountinfo can spell such a mount point; no file has it.
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
