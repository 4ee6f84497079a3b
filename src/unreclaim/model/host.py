"""What does not change while a host runs: its name, kernel, processors, and whether we are inside a container."""

from msgspec import Struct

from unreclaim.formats.kernel_cmdline import Parameter
from unreclaim.formats.os_release import OsRelease

STRUCTURES = (
    "cgroup",
    "cgroup.psi",
    "cgroup_rstat_base_cpu",
    "cgroup_rstat_cpu",
    "css_rstat_cpu",
    "dentry",
    "kernfs_node",
    "lruvec_stat",
    "lruvec_stats",
    "lruvec_stats_percpu",
    "mem_cgroup",
    "mem_cgroup.vmstats",
    "mem_cgroup.vmstats_local",
    "mem_cgroup_per_node",
    "mem_cgroup_per_node.lruvec_stat_local",
    "mem_cgroup_per_node.lruvec_stats",
    "mem_cgroup_per_node.objcg",
    "memcg1_events_percpu",
    "memcg_shrinker_map",
    "memcg_vmstats",
    "memcg_vmstats_percpu",
    "obj_cgroup",
    "percpu_ref_data",
    "psi_group",
    "psi_group_cpu",
    "shrinker_info",
    "shrinker_info_unit",
    "xa_node",
)
"""What a memory cgroup is made of on one kernel or another, by the names of its type information (BTF)."""


class Container(Struct, frozen=True):
    """Signs that the reader is inside a container.

    kind: ``lxc``, ``docker``, ``kubernetes``, ``podman``, ``systemd-nspawn`` … or ``unknown``.
    faked: files of /proc and /sys that lxcfs rewrites with the container's own figures.
    """

    kind: str
    evidence: tuple[str, ...]
    faked: tuple[str, ...] = ()


class Host(Struct, frozen=True):
    """A host's standing facts; None: could not be read.

    slab_aliases: for each name in /proc/slabinfo that stands for several merged caches, all of their names.
    structures: sizes in bytes of those kernel structures of `STRUCTURES` that this kernel has, and the room of their
    members; empty: not looked at, or the kernel does not tell.
    """

    hostname: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    os: OsRelease | None = None
    boot_id: str | None = None
    cmdline: tuple[Parameter, ...] | None = None
    container: Container | None = None
    cpus_possible: int | None = None
    cpus_online: int | None = None
    numa_nodes: int | None = None
    page_size_bytes: int | None = None
    slab_aliases: dict[str, tuple[str, ...]] = {}
    structures: dict[str, int] = {}
