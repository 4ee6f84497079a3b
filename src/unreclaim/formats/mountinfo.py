"""/proc/self/mountinfo: what is mounted where, as this process sees it.

Source: Documentation/filesystems/proc.rst 3.5; show_mountinfo() in fs/proc_namespace.c
Needs: nothing. Space, tab, newline and backslash in names are written as octal (mangle() in fs/seq_file.c).

Example::

    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/proc/self/mountinfo"
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")


class Mount(Struct, frozen=True):
    """One mount: the device, which part of its filesystem (``root``) is seen at ``mount_point``."""

    mount_id: int
    parent_id: int
    device: str
    root: str
    mount_point: str
    options: frozenset[str]
    filesystem: str
    source: str
    super_options: frozenset[str]


def parse_mountinfo(text: str, *, file: str = FILE) -> tuple[Mount, ...]:
    """Read every mount in the file's order, names unescaped.

    Raises:
        ParseError: a line of another form.

    """
    # Not splitlines(): a mount point may hold any character but newline, form feed too.
    return tuple(_parse_mount(line, file, number) for number, line in enumerate(text.split("\n"), 1) if line)


def _parse_mount(line: str, file: str, number: int) -> Mount:
    words = line.split(" ")
    try:
        dash = words.index("-", 6)
        filesystem, source, super_options = words[dash + 1 : dash + 4]
        device, root, mount_point, options = words[2:6]
    except ValueError:
        raise ParseError(file, number, f"expected a line of mountinfo, found {shown(line)}") from None
    return Mount(
        unsigned(words[0], file, number),
        unsigned(words[1], file, number),
        device,
        unescape(root),
        unescape(mount_point),
        frozenset(options.split(",")),
        unescape(filesystem),
        unescape(source),
        frozenset(super_options.split(",")),
    )


def unescape(name: str) -> str:
    r"""Undo the kernel's octal escapes (``\040`` is a space)."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), name) if "\\" in name else name
