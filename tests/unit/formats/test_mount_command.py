"""Output of mount -l."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.mount_command import ListedMount, parse_mount_command

FILE = "sos_commands/filesys/mount_-l"


def test_mounts_are_read() -> None:
    """The parser reads mounts with and without label, and places with blanks."""
    text = (
        "cgroup on /sys/fs/cgroup/net_cls,net_prio type cgroup (rw,nosuid,net_cls,net_prio)\n"
        "lxcfs on /proc/meminfo type fuse.lxcfs (rw,user_id=0)\n"
        "/dev/vda1 on / type ext4 (rw,relatime) [cloudimg-rootfs]\n"
        "//nas/my share on /mnt/my share type cifs (ro,username=me too)\n"
    )
    assert parse_mount_command(text) == (
        ListedMount("cgroup", "/sys/fs/cgroup/net_cls,net_prio", "cgroup", ("rw", "nosuid", "net_cls", "net_prio")),
        ListedMount("lxcfs", "/proc/meminfo", "fuse.lxcfs", ("rw", "user_id=0")),
        ListedMount("/dev/vda1", "/", "ext4", ("rw", "relatime")),
        ListedMount("//nas/my share", "/mnt/my share", "cifs", ("ro", "username=me too")),
    )


def test_no_mounts_are_no_error() -> None:
    """The parser reads an empty output."""
    assert parse_mount_command("") == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "mount: failed to read mtab: No such file",
        "cgroup on sys type cgroup (rw)",
        "cgroup on /sys cgroup (rw)",
        "cgroup on /sys type cgroup rw",
        "cgroup on /sys type (rw)",
        "cgroup on /sys type cgroup (rw",
        "x]",
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    """The parser refuses what mount does not print."""
    text = f"sysfs on /sys type sysfs (rw)\n{line}\n"
    assert refusal(parse_mount_command, text) == (FILE, 2, f"expected a line of mount, found {line!r}")
