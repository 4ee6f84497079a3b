"""Which controllers the hierarchies have that trace events name by a number alone."""

from unreclaim.formats.proc_pid_cgroup import parse_proc_pid_cgroup
from unreclaim.host.cgroupfs import find_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe

_OWN = "/proc/self/cgroup"
_UNIFIED = 0


def read_controllers_by_number(probe: Probe) -> dict[int, tuple[str, ...]]:
    """Give the controllers, or ``name=...``, of each hierarchy; 0 is v2."""
    memberships = probe.read(_OWN, parse_proc_pid_cgroup, "controllers of cgroup hierarchies") or ()
    found = {membership.hierarchy: membership.controllers for membership in memberships}
    for mount in find_hierarchies(read_mounts(probe)):
        if mount.filesystem == "cgroup2":
            line = probe.read_line(f"{mount.mount_point}/cgroup.controllers", "controllers of cgroup v2", optional=True)
            found[_UNIFIED] = tuple(line.split()) if line else ()
    return found
