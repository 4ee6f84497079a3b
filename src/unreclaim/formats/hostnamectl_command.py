"""Output of ``hostnamectl status``: what systemd says that a host runs in, and which boot this is.

Source: hostnamectl(1); print_status_info() in src/hostname/hostnamectl.c of systemd
Needs: systemd-hostnamed. Virtualization is missing on hardware, and Chassis where nothing tells it.

Example::

       Static hostname: web-07
             Icon name: computer-container
               Chassis: container
            Machine ID: 028edcb934864221a0abd2d18a86ffa6
               Boot ID: 21f5a805392f419ca32d355f578e3173
        Virtualization: lxc
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "sos_commands/host/hostnamectl_status"
_ID = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
# systemd-detect-virt(1), "container"; the rest of what it knows are virtual machines.
_CONTAINERS = frozenset(
    {
        "container-other",
        "docker",
        "lxc",
        "lxc-libvirt",
        "openvz",
        "podman",
        "pouch",
        "proot",
        "rkt",
        "systemd-nspawn",
        "wsl",
    }
)


class HostStatus(Struct, frozen=True):
    """What systemd says; container: the kind of container, None outside of one. boot_id with dashes, as the kernel's."""

    container: str | None = None
    boot_id: str | None = None


def parse_hostnamectl_command(text: str, *, file: str = FILE) -> HostStatus:
    """Read what is known of the lines; others are passed over.

    Raises:
        ParseError: no line has a name and a value, or the boot id is none.

    """
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines_of(text), 1):
        name, colon, value = line.partition(": ")
        if colon:
            values.setdefault(name.strip(), (number, value.strip()))
    if not values.keys() & {"Static hostname", "Machine ID", "Boot ID", "Operating System", "Kernel"}:
        raise ParseError(file, 0, "expected 'Static hostname: ...' and the like")
    kind = values.get("Virtualization", (0, ""))[1]
    if kind not in _CONTAINERS:
        kind = "container-other" if values.get("Chassis", (0, ""))[1].startswith("container") else ""
    return HostStatus(kind or None, _boot_id(values["Boot ID"], file) if "Boot ID" in values else None)


def _boot_id(entry: tuple[int, str], file: str) -> str:
    number, value = entry
    match = _ID.fullmatch(value)
    if match is None:
        raise ParseError(file, number, f"expected 32 hexadecimal digits, found {shown(value)}")
    return "-".join(match.groups())
