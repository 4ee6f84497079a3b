"""Output of ``mount -l``: what is mounted where, without the part of a filesystem that is seen there.

Source: mount(8); print_all() in sys-utils/mount.c of util-linux
Needs: nothing. Nothing is escaped, so " on " or " type " in a name is read wrong; /proc/self/mountinfo is better.

Example::

    cgroup on /sys/fs/cgroup/memory type cgroup (rw,nosuid,nodev,noexec,relatime,memory)
    lxcfs on /proc/meminfo type fuse.lxcfs (rw,nosuid,nodev,relatime,user_id=0,group_id=0,allow_other)
    /dev/vda1 on / type ext4 (rw,relatime) [cloudimg-rootfs]
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "sos_commands/filesys/mount_-l"


class ListedMount(Struct, frozen=True):
    """One mount; options are those of the mount and of the filesystem together, in the order shown."""

    source: str
    mount_point: str
    filesystem: str
    options: tuple[str, ...]


def parse_mount_command(text: str, *, file: str = FILE) -> tuple[ListedMount, ...]:
    """Read every mount in the output's order.

    Raises:
        ParseError: a line of another form.

    """
    return tuple(_parse_mount(line, file, number) for number, line in enumerate(lines_of(text), 1))


def _parse_mount(line: str, file: str, number: int) -> ListedMount:
    # A label stands last, in brackets; there is a blank before it, and none in the options of a cgroup.
    body, _, label = line.rpartition(" [") if line.endswith("]") else (line, "", "")
    names, _, rest = (body if label else line).rpartition(" type ")
    source, _, place = names.partition(" on ")
    filesystem, _, options = rest.partition(" (")
    if not place.startswith("/") or not filesystem or not options.endswith(")"):
        raise ParseError(file, number, f"expected a line of mount, found {shown(line)}")
    return ListedMount(source, place, filesystem, tuple(options[:-1].split(",")))
