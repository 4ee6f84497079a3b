"""Drops the cache of one file: the very one that the census saw, opened for reading alone."""

import errno
import os
import stat

from unreclaim.model.census import Pin

_LOOK = os.O_PATH | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# Some filesystems know no fsync, and a read-only one has nothing to write.
_NOTHING_TO_WRITE = (errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP)


def drop_file_cache(pin: Pin) -> None:
    """Write what is dirty of a file to its disk, then drop its clean pages that nobody has mapped or locked.

    Raises:
        OSError: it cannot be opened, is another file now, or its filesystem says so.

    """
    descriptor = open_pinning_file(pin)
    try:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NOTHING_TO_WRITE:
                raise
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def open_pinning_file(pin: Pin) -> int:
    """Open the file of a pin for reading, by its path or through who holds it; never another one.

    Raises:
        OSError: what open(2) says of the last way that was tried, or that another file is there.

    """
    failed = OSError(errno.ENOENT, "no way to the file is known")
    if pin.reachable_path is not None:
        try:
            return _open_same(pin.reachable_path, pin, os.O_NOFOLLOW)
        except OSError as error:
            failed = error
    for holder in pin.held_by:
        if holder.descriptor is not None:
            try:
                return _open_same(f"/proc/{holder.pid}/fd/{holder.descriptor}", pin, 0)
            except OSError as error:
                failed = error
    raise failed


def _open_same(place: str, pin: Pin, flags: int) -> int:
    """Look at what is there without opening it, for opening a device or a pipe does things; then open that."""
    there = os.open(place, _LOOK | flags)
    try:
        status = os.fstat(there)
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        if (device, status.st_ino) != (pin.device, pin.inode) or not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ESTALE, "another file is there than the census saw; it was left alone")
        again = f"/proc/self/fd/{there}"
        try:
            return os.open(again, _READ | os.O_NOATIME)
        except PermissionError:
            # Only a file's owner and root may leave its time of access alone.
            return os.open(again, _READ)
    finally:
        os.close(there)
