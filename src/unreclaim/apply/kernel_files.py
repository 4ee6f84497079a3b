"""Writes to the three files of the kernel that reclaim memory, and to no other file; nothing else is ever written."""

import errno
import os
from collections.abc import Callable

from unreclaim.base.units import format_bytes
from unreclaim.model.recovery import DROP_CACHES

RECLAIM_FILES = ("memory.force_empty", "memory.reclaim")


def write_texts(file: str, texts: tuple[str, ...], alive: Callable[[], None]) -> str | None:
    """Write texts one after the other to a file that reclaims; give a remark where less was reclaimed than asked.

    alive: called after each that was taken.

    Raises:
        OSError: EPERM for any other file, and what open(2) and write(2) say.

    """
    if file != DROP_CACHES and file.rpartition("/")[2] not in RECLAIM_FILES:
        raise OSError(errno.EPERM, "no file that reclaims memory", file)
    # Without O_CREAT and O_TRUNC: what is not there is not made.
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        for number, text in enumerate(texts):
            try:
                os.write(descriptor, text.encode("ascii"))
            except BlockingIOError:
                # memory_reclaim() in mm/memcontrol.c: less was found than asked for.
                return f"less than {format_bytes((number + 1) * int(text))} could be reclaimed"
            alive()
    finally:
        os.close(descriptor)
    return None
