"""Output of hostnamectl status."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.hostnamectl_command import HostStatus, parse_hostnamectl_command

FILE = "sos_commands/host/hostnamectl_status"
BOOT = "           Boot ID: 6cb10e2d1dad492aa2d0100238ac880f\n"
BOOT_ID = "6cb10e2d-1dad-492a-a2d0-100238ac880f"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (
            "   Static hostname: web-07\n         Icon name: computer-vm\n           Chassis: vm\n"
            + BOOT
            + "    Virtualization: kvm\n  Operating System: Ubuntu 20.04.3 LTS\n",
            HostStatus(None, BOOT_ID),
        ),
        ("   Static hostname: web-07\n           Chassis: server\n" + BOOT, HostStatus(None, BOOT_ID)),
        (BOOT + "           Chassis: container\n    Virtualization: lxc\n", HostStatus("lxc", BOOT_ID)),
        (BOOT + "    Virtualization: systemd-nspawn\n", HostStatus("systemd-nspawn", BOOT_ID)),
        # Newer versions draw the chassis beside its name.
        (BOOT + "           Chassis: container \u2610\n", HostStatus("container-other", BOOT_ID)),
        (
            BOOT + "           Chassis: container\n    Virtualization: brand-new\n",
            HostStatus("container-other", BOOT_ID),
        ),
        ("a line of something else\nKernel: Linux 5.4.0\n", HostStatus()),
    ],
)
def test_virtualization_is_read(text: str, status: HostStatus) -> None:
    """The parser tells containers from virtual machines and from hardware."""
    assert parse_hostnamectl_command(text) == status


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "expected 'Static hostname: ...' and the like"),
        ("Failed to connect to bus: No such file or directory\n", 0, "expected 'Static hostname: ...' and the like"),
        ("Kernel: Linux\nBoot ID: none\n", 2, "expected 32 hexadecimal digits, found 'none'"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses a complaint, and a boot id of another form."""
    assert refusal(parse_hostnamectl_command, text) == (FILE, line, why)
