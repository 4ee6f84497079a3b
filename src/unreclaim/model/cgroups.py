"""cgroup hierarchies as a sample finds them: live directories, the kernel's own counts, and charges."""

from msgspec import Struct

from unreclaim.formats.cgroup_stat import CgroupStat
from unreclaim.formats.memory_stat import MemoryStat

UNIFIED = "unified"
"""The name of the version 2 hierarchy, which has no name of its own."""


class Subtree(Struct, frozen=True):
    """One cgroup looked at closely: path below the mount ("/": the top), its identity, and what it says.

    inode is the cgroup's id (a path is reused by the next cgroup of that name, the id is not).
    """

    path: str
    inode: int | None = None
    stat: CgroupStat | None = None
    memory: MemoryStat | None = None
    charge_bytes: int | None = None


class Crowd(Struct, frozen=True):
    """A directory with many child cgroups, and some of their names."""

    path: str
    children: int
    names: tuple[str, ...]


class Hierarchy(Struct, frozen=True):
    """One mounted hierarchy.

    name: ``memory``, ``cpu,cpuacct``, ``name=systemd``; ``unified`` for version 2.
    whole: the mount shows the hierarchy from its root; False: only a part (a container, a bind mount).
    directories: live cgroups seen, the root included; None: not walked.
    num_cgroups: /proc/cgroups' count for this hierarchy (live and dying) before and after the walk.
    """

    version: int
    name: str
    controllers: tuple[str, ...]
    mount_point: str
    whole: bool | None = None
    directories: int | None = None
    vanished: int = 0
    num_cgroups: tuple[int, int] | None = None
    subtrees: tuple[Subtree, ...] = ()
    crowds: tuple[Crowd, ...] = ()

    @property
    def top(self) -> Subtree | None:
        """Give the root cgroup of what is mounted."""
        return self.subtrees[0] if self.subtrees else None


class Charge(Struct, frozen=True):
    """What one live memory cgroup is charged, and which live cgroups are its children (for residual charges).

    usage_bytes and kernel_bytes are v1's page counters, with everything below; None: not there (v2, or nokmem).
    nr_dying: v2's count of dying cgroups, with everything below. populated: processes run in it or below; None: v1, or
    not asked.
    """

    path: str
    children: tuple[str, ...]
    memory: MemoryStat
    usage_bytes: int | None = None
    kernel_bytes: int | None = None
    nr_dying: int | None = None
    populated: bool | None = None


def cgroup_mode(hierarchies: tuple[Hierarchy, ...]) -> str:
    """Name the layout: ``v1``, ``v2``, ``hybrid`` (controllers on v1 beside a mounted v2) or ``none``.

    systemd's own ``name=systemd`` is no controller: alone beside v2 it makes no hybrid.
    """
    unified = any(hierarchy.version == 2 for hierarchy in hierarchies)
    legacy = any(hierarchy.version == 1 and hierarchy.controllers for hierarchy in hierarchies)
    if unified:
        return "hybrid" if legacy else "v2"
    return "v1" if any(hierarchy.version == 1 for hierarchy in hierarchies) else "none"
