"""Listing of /sys/kernel/slab."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.slab_listing import parse_slab_listing

FILE = "sos_commands/kernel/ls_-lt_.sys.kernel.slab"


def test_links_are_read() -> None:
    """The parser reads "ls -lt": links by name, directories left out."""
    text = (
        "total 0\n"
        "drwxr-xr-x 3 root root 0 Feb 11 19:23 :0000072\n"
        "drwxr-xr-x 2 root root 0 Feb 11  2021 kmalloc-8k\n"
        "lrwxrwxrwx 1 root root 0 Feb 11 19:23 Acpi-Operand -> :0000072\n"
        "lrwxrwxrwx 1 root root 0 Feb  1  2021 a name with blanks -> :A-0000192\n"
    )
    assert parse_slab_listing(text) == {"Acpi-Operand": ":0000072", "a name with blanks": ":A-0000192"}


def test_security_labels_are_passed_over() -> None:
    """The parser reads "ls -alZ", with and without SELinux."""
    text = (
        "total 0\n"
        "drwxr-xr-x.  2 root root system_u:object_r:sysfs_t:s0 0 Feb 11 19:23 .\n"
        "drwxr-xr-x  17 root root ?                            0 Feb 11 19:23 ..\n"
        "lrwxrwxrwx.  1 root root system_u:object_r:sysfs_t:s0 0 Feb 11 19:23 dentry -> :aA-0000192\n"
        "lrwxrwxrwx   1 root root ?                            0 Feb 11 19:23 task_group -> :0000640\n"
    )
    assert parse_slab_listing(text) == {"dentry": ":aA-0000192", "task_group": ":0000640"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ls: cannot access it", "expected a line of ls, found 'ls: cannot access it'"),
        ("", "expected a line of ls, found ''"),
        ("lrwxrwxrwx 1 a b 0 Feb 11 19:23 x", "expected a link, found 'lrwxrwxrwx 1 a b 0 Feb 11 19:23 x'"),
    ],
)
def test_other_lines_are_refused(line: str, why: str) -> None:
    """The parser refuses what ls does not print."""
    assert refusal(parse_slab_listing, f"total 0\n{line}\n") == (FILE, 2, why)


def test_an_empty_listing_is_no_error() -> None:
    """The parser reads an empty directory."""
    assert parse_slab_listing("total 0\n") == {}
