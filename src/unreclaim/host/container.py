"""Tells whether the reader is inside a container, and which files of /proc lxcfs has rewritten there."""

from unreclaim.base.errors import ParseError
from unreclaim.formats.mountinfo import Mount, parse_mountinfo
from unreclaim.formats.namespace_link import parse_namespace_link
from unreclaim.formats.proc_pid_cgroup import parse_proc_pid_cgroup
from unreclaim.host.probe import Probe
from unreclaim.model.host import Container

# systemd's container interface (https://systemd.io/CONTAINER_INTERFACE), then marks of runtimes that do not keep it.
_MANAGER = "/run/systemd/container"
_MARKS = (("/.dockerenv", "docker"), ("/run/.containerenv", "podman"))
_PATHS = (
    ("kubepods", "kubernetes"),
    ("/docker", "docker"),
    ("libpod", "podman"),
    ("lxc.payload", "lxc"),
    ("/lxc/", "lxc"),
    ("machine.slice", "systemd-nspawn"),
)


def read_mounts(probe: Probe) -> tuple[Mount, ...]:
    """Read this process's mounts; empty with a gap where they cannot be read."""
    return probe.read("/proc/self/mountinfo", parse_mountinfo, "mounts") or ()


def detect_container(probe: Probe) -> Container | None:
    """Gather the signs of a container, or None where there is none.

    The namespaces that the kernel booted with bear fixed numbers (include/linux/proc_ns.h), so being outside them is
    certain; the runtime's name comes from marks and may stay unknown. A mark alone proves nothing where the namespaces
    are the initial ones: a virtual machine made from a container image has /.dockerenv too.
    """
    kind = None
    evidence = []
    namespaces = {name: _in_initial(probe, name) for name in ("pid", "cgroup")}
    manager = probe.read_line(_MANAGER, "container manager", optional=True)
    if manager:
        kind = manager
        evidence.append(f"the container manager is {manager}")
    if not all(namespaces.values()):
        for mark, name in _MARKS:
            if _exists(probe, mark):
                kind = kind or name
                evidence.append(f"{mark} exists")
    evidence += [f"not in the host's {name} namespace" for name, initial in namespaces.items() if initial is False]
    faked = tuple(
        sorted(mount.mount_point for mount in read_mounts(probe) if mount.filesystem == "fuse.lxcfs" and _faked(mount))
    )
    if faked:
        kind = kind or "lxc"
        evidence.append(f"lxcfs is mounted over {', '.join(faked)}")
    if evidence and kind is None:
        kind = _kind_from_paths(probe)
    return Container(kind or "unknown", tuple(evidence), faked) if evidence else None


def _faked(mount: Mount) -> bool:
    # lxcfs is also mounted at /var/lib/lxcfs on the *host*; only what lies over /proc and /sys fakes anything.
    return mount.mount_point.startswith(("/proc/", "/sys/"))


def _exists(probe: Probe, path: str) -> bool:
    try:
        probe.root.read_text(path)
    except OSError:
        return False
    return True


def _in_initial(probe: Probe, kind: str) -> bool | None:
    path = f"/proc/self/ns/{kind}"
    try:
        return parse_namespace_link(probe.root.read_link(path), file=path).initial
    except (OSError, ParseError):
        return None


def _kind_from_paths(probe: Probe) -> str | None:
    memberships = probe.read("/proc/1/cgroup", parse_proc_pid_cgroup, "cgroup of PID 1", optional=True) or ()
    for membership in memberships:
        for part, name in _PATHS:
            if part in membership.path:
                return name
    return None
