"""Every call that makes or removes a file or a directory: files of our own names alone, never through a link.

Each takes the descriptor of the directory that it works in. A file is only ever made new (O_EXCL, then linked to its
name, which fails where something is there), so that nothing of a user's is cut or written over.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

DROP_IN = "50-unreclaim.conf"
"""The name of our drop-ins, in whichever directory."""

# systemd reads files that end in .conf; until it is whole a file has this name.
_UNFINISHED = ".50-unreclaim.new"
_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_MOST_BYTES = 1 << 20
_MODE = 0o644


@contextlib.contextmanager
def directory(name: str, within: int | None = None) -> Iterator[int]:
    """Open a directory for as long as the context lasts; its last part is no link.

    Raises:
        OSError: as open(2) says it: ENOTDIR or ELOOP for a link.

    """
    descriptor = os.open(name, _LOOK, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_directory(name: str, within: int | None = None) -> bool:
    """Make a directory that lasts, and tell whether it was not there."""
    try:
        os.mkdir(name, 0o755, dir_fd=within)
    except FileExistsError:
        return False
    with directory(name, within) as made:
        # Whatever the umask, systemd and its users must be able to look.
        os.fchmod(made, 0o755)
    if within is not None:
        os.fsync(within)
    return True


def remove_directory(name: str, within: int) -> None:
    """Remove a directory of drop-ins if nothing is in it."""
    if not name.endswith(".d"):
        raise OSError(errno.EPERM, "no directory of drop-ins", name)
    try:
        os.rmdir(name, dir_fd=within)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST}:
            raise
    os.fsync(within)


def read_file(name: str, within: int) -> bytes | None:
    """Read a file, None where there is none of that name.

    Raises:
        OSError: it is no plain file, or too large to be one of ours.

    """
    try:
        descriptor = os.open(name, _READ, dir_fd=within)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise OSError(errno.EINVAL, "no plain file of ours", name)
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def write_file(name: str, text: bytes, within: int) -> None:
    """Make a file with a text, whole or not at all; fail with EEXIST where something of that name is there."""
    own = _own(name)
    _make_unfinished(text, within)
    os.link(_UNFINISHED, own, src_dir_fd=within, dst_dir_fd=within, follow_symlinks=False)
    os.unlink(_UNFINISHED, dir_fd=within)
    os.fsync(within)


def replace_file(name: str, text: bytes, within: int) -> None:
    """Give a file of the journal another text, whole or not at all; it may be new."""
    if not name.endswith(".json"):
        raise OSError(errno.EPERM, "no file of the journal", name)
    remove_unfinished(within)
    _make_unfinished(text, within)
    os.rename(_UNFINISHED, _own(name), src_dir_fd=within, dst_dir_fd=within)
    os.fsync(within)


def remove_file(name: str, within: int) -> None:
    """Remove a file of ours, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_own(name), dir_fd=within)
    os.fsync(within)


def remove_unfinished(within: int) -> None:
    """Remove what a process that was killed had begun to write."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_UNFINISHED, dir_fd=within)


def _make_unfinished(text: bytes, within: int) -> None:
    descriptor = os.open(_UNFINISHED, _MAKE, _MODE, dir_fd=within)
    try:
        rest = text
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, _MODE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _own(name: str) -> str:
    """Let names of our own pass: the drop-in's, and those of the journal, whose directory is ours."""
    if "/" in name or not (name == DROP_IN or name.endswith(".json")):
        raise OSError(errno.EPERM, "no file of ours", name)
    return name
