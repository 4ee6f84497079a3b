r"""A cgroup's path, as systemd and container runtimes name its parts: unit, session, machine, container and pod.

Source: systemd.unit(5), systemd.slice(5), machinectl(1); cg_path_get_unit() in src/basic/cgroup-util.c and
    src/nspawn/nspawn-cgroup.c of systemd. Kubernetes: pkg/kubelet/cm/cgroup_manager_linux.go (the UID's dashes are
    underscores in a slice's name). Containers: names that Docker, containerd, CRI-O, Podman and LXC give, as seen in
    the field; Proxmox is LXC with numbers for names.
Needs: nothing.

Example::

    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f3a.slice/cri-containerd-0123456789ab0123.scope
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "a cgroup's path"
_UNIT = re.compile(r"[^/]+\.(?:service|scope|slice|mount|socket|swap)")
_INSTANCE = re.compile(r"@.*(?=\.)")
_NUMBER = re.compile(r"(?<=[-.])[0-9a-f]++(?=[-.])")
_NUMBERS = re.compile(r"\*(?:-\*)+")
# Names that systemd makes up for what systemd-run starts: run-u23, run-r0a1b..., since 257 run-p23-i45, once run-23.
_MADE_UP = re.compile(r"run-(?:[pu]?[0-9]|r[0-9a-f]{4}).*\.(scope|service)")
_SESSION = re.compile(r"session-(c?[0-9]+)\.scope")
_USER = re.compile(r"user@([0-9]{1,10})\.service")
_MACHINE = re.compile(r"machine-(?P<scope>.+)\.scope|systemd-nspawn@(?P<service>.+)\.service")
_POD = re.compile(
    # With systemd's cgroup driver; kind and others put kubelet's own name before it.
    r"(?:[a-z]+-)?kubepods(?:-(?P<qos>burstable|besteffort))?-pod(?P<slice>[0-9a-f_]+)\.slice(?::.*)?"
    # With the cgroupfs driver.
    r"|pod(?P<directory>[0-9a-f-]+)"
)
_QOS = ("burstable", "besteffort")
_ID = r"[0-9a-f]{12,64}"
_CONTAINER = re.compile(
    rf"(?P<prefix>docker|cri-containerd|nerdctl|crio|libpod)(?P<monitor>-conmon)?-(?P<id>{_ID})(?:\.scope)?"
    # containerd that was not told of systemd's driver takes slice:prefix:id for a directory's name.
    rf"|[^/:]+\.slice:(?P<colon>docker|cri-containerd|crio):(?P<colon_id>{_ID})"
    # With the cgroupfs driver a directory is the id alone.
    r"|(?P<directory>[0-9a-f]{64})"
    r"|lxc\.(?P<lxc>payload|monitor)\.(?P<name>[^/]+)"
)
_RUNTIMES = {"cri-containerd": "containerd", "nerdctl": "containerd", "crio": "cri-o", "libpod": "podman"}
# Older LXC; Proxmox too, whose containers have a directory "ns" of their own below.
_LXC = ("lxc", "lxc.payload", "lxc.monitor")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class CgroupPath(Struct, frozen=True):
    """What a path names; None: it names none.

    unit: the innermost; instances and numbers that systemd or a runtime made up are folded (``getty@*.service``).
    slice: the innermost. container: id, or LXC's name. runtime: ``docker``, ``containerd``, ``cri-o``, ``podman``,
    ``lxc``; None: the path does not say. pod: UID with dashes; qos: ``guaranteed``, ``burstable`` or ``besteffort``.
    session: of logind. machine: as machinectl names it. user: whose systemd runs the unit. within: whether the unit lies
    inside the container or machine, or is one of the user's systemd; else it is what they run as.
    """

    unit: str | None = None
    slice: str | None = None
    container: str | None = None
    runtime: str | None = None
    pod: str | None = None
    qos: str | None = None
    session: str | None = None
    machine: str | None = None
    user: int | None = None
    within: bool = False


def parse_cgroup_path(text: str, *, file: str = FILE) -> CgroupPath:
    """Read a path of a cgroup, from its hierarchy's root.

    Raises:
        ParseError: it does not begin with a slash.

    """
    path = text.removesuffix("\n")
    if not path.startswith("/"):
        raise ParseError(file, 1, f"expected a path, found {shown(path)}")
    names = [name for name in path.split("/") if name]
    units = [(at, name) for at, name in enumerate(names) if _UNIT.fullmatch(name)]
    at, unit = units[-1] if units else (-1, None)
    hosts, machine, user = [-1], None, None
    for place, name in units:
        if found := _MACHINE.fullmatch(name):
            machine = unescape_unit(found["scope"] or found["service"])
            hosts.append(place)
        elif found := _USER.fullmatch(name):
            user = int(found[1])
            hosts.append(place)
    container, runtime, pod, qos = None, None, None, None
    for place in range(len(names)):
        if inner := _container(names, place):
            container, runtime = inner
            hosts.append(place)
        pod, qos = _pod(names, place) or (pod, qos)
    session = _SESSION.fullmatch(unit) if unit else None
    return CgroupPath(
        None if unit is None else _fold(unit),
        next((name for _, name in reversed(units) if name.endswith(".slice")), None),
        container,
        runtime,
        pod,
        qos,
        session[1] if session else None,
        machine,
        user,
        -1 < max(hosts) < at,
    )


def _pod(names: list[str], at: int) -> tuple[str, str] | None:
    """Give UID and QoS class of the pod that is named at a place."""
    found = _POD.fullmatch(names[at])
    above = names[at - 1] if at else ""
    if found is None or (found["directory"] and above not in (*_QOS, "kubepods")):
        return None
    if found["directory"]:
        return found["directory"], above if above in _QOS else "guaranteed"
    return found["slice"].replace("_", "-"), found["qos"] or "guaranteed"


def _container(names: list[str], at: int) -> tuple[str, str | None] | None:
    """Give id or name, and runtime, of the container that is named at a place."""
    above = names[at - 1] if at else ""
    found = _CONTAINER.fullmatch(names[at])
    if found is None:
        return (names[at], "lxc") if above in _LXC and not _UNIT.fullmatch(names[at]) else None
    if found["lxc"]:
        return found["name"], "lxc"
    if found["directory"]:
        return found["directory"], above if above == "docker" else None
    prefix = found["prefix"] or found["colon"]
    return found["id"] or found["colon_id"], _RUNTIMES.get(prefix, prefix)


def unescape_unit(name: str) -> str:
    r"""Undo systemd's escapes in a part of a unit's name, each of which is a byte: ``\x2d`` is a dash."""
    if "\\" not in name:
        return name
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), name.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _fold(unit: str) -> str:
    if made_up := _MADE_UP.fullmatch(unit):
        return f"run-*.{made_up[1]}"
    unit = _INSTANCE.sub("@*", unit)
    if not unit.endswith(".scope") or unit.startswith("machine-"):
        return unit
    return _NUMBERS.sub("*", _NUMBER.sub(lambda found: found[0] if found[0].isalpha() else "*", unit))
