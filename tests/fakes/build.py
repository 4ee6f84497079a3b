"""Makes hosts, samples and observations of values alone; a test names only what it is about.

Unless told otherwise: a quiet host with 16 GiB, 2 CPUs, one NUMA node and kernel 6.18, seen once, an hour after boot.
"""

from unreclaim.formats.cgroup_stat import CgroupStat
from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.memory_stat import MemoryStat
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.formats.vmstat import VmStat
from unreclaim.model.cgroups import Charge, Crowd, Hierarchy, Subtree
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container, Host
from unreclaim.model.sample import Observation, Sample

GIB = 2**30
MEM_TOTAL = 16 * GIB
HOUR = 3600.0

_MEMINFO = {
    "mem_total_bytes": MEM_TOTAL,
    "mem_free_bytes": 8 * GIB,
    "mem_available_bytes": 12 * GIB,
    "buffers_bytes": 100_000_000,
    "cached_bytes": 4 * GIB,
    "anon_pages_bytes": 2 * GIB,
    "shmem_bytes": 50_000_000,
    "kreclaimable_bytes": 210_000_000,
    "sreclaimable_bytes": 200_000_000,
    "sunreclaim_bytes": 100_000_000,
    "kernel_stack_bytes": 10_000_000,
    "page_tables_bytes": 40_000_000,
    "vmalloc_used_bytes": 30_000_000,
    "percpu_bytes": 20_000_000,
}


def meminfo(**sizes: int | None) -> MemInfo:
    """Make /proc/meminfo of 6.18 on a quiet host; a size of None takes the line away."""
    values = {name: size for name, size in {**_MEMINFO, **sizes}.items() if size is not None}
    return MemInfo(values["mem_total_bytes"], values)


def host(
    *,
    kernel: str | None = "6.18.44",
    cpus: int | None = 2,
    online: int | None = None,
    nodes: int | None = 1,
    page_size_bytes: int | None = 4096,
    container: Container | None = None,
    slab_aliases: dict[str, tuple[str, ...]] | None = None,
    hostname: str | None = "web-07",
) -> Host:
    """Make a host; all possible CPUs are online unless told otherwise."""
    return Host(
        hostname=hostname,
        kernel=kernel,
        container=container,
        cpus_possible=cpus,
        cpus_online=cpus if online is None else online,
        numa_nodes=nodes,
        page_size_bytes=page_size_bytes,
        slab_aliases=slab_aliases or {},
    )


def v1(
    dying: int | None = 11,
    *,
    live: int | None = 40,
    then: int | None = None,
    vanished: int = 0,
    whole: bool | None = True,
    crowds: tuple[Crowd, ...] = (),
    controllers: tuple[str, ...] = ("memory",),
) -> Hierarchy:
    """Make the v1 memory hierarchy; `then` are the dying ones as counted after the walk, None: as before it."""
    counts = None
    if dying is not None:
        counts = ((live or 0) + dying, (live or 0) + (dying if then is None else then))
    return Hierarchy(
        1, ",".join(controllers), controllers, "/sys/fs/cgroup/memory", whole, live, vanished, counts, (), crowds
    )


def v2(
    dying: int | None = 11,
    *,
    live: int = 40,
    of_memory: int | None = None,
    whole: bool | None = True,
    controllers: tuple[str, ...] = ("cpu", "memory"),
    crowds: tuple[Crowd, ...] = (),
    mount_point: str = "/sys/fs/cgroup",
) -> Hierarchy:
    """Make the v2 hierarchy; `of_memory` are dying by nr_dying_subsys_memory (6.12), None: not printed.

    dying None: cgroup.stat could not be read.
    """
    stat = None
    if dying is not None:
        subsys = {} if of_memory is None else {"memory": of_memory}
        stat = CgroupStat(live - 1, dying, {"memory": live} if subsys else {}, subsys)
    return Hierarchy(2, "unified", controllers, mount_point, whole, live, 0, None, (Subtree("/", 1, stat),), crowds)


def beside(dying: int | None, *, live: int = 30, whole: bool | None = True) -> Hierarchy:
    """Make the v2 hierarchy of a hybrid host: mounted beside v1, without controllers."""
    return v2(dying, live=live, whole=whole, controllers=(), mount_point="/sys/fs/cgroup/unified")


def sample(
    *hierarchies: Hierarchy,
    uptime: float | None = HOUR,
    memory: MemInfo | None = None,
    slabs: tuple[SlabCache, ...] | None = None,
    charges: tuple[Charge, ...] | None = None,
    processes: tuple[ProcessStatus, ...] = (),
    gaps: tuple[Gap, ...] = (),
) -> Sample:
    """Make a whole sample; without a hierarchy it has a quiet v1 one."""
    return Sample(
        uptime_seconds=uptime,
        meminfo=memory or meminfo(),
        slabs=slabs,
        hierarchies=hierarchies or (v1(),),
        processes=processes,
        charges=charges,
        gaps=gaps,
    )


def light(uptime: float, memory: MemInfo) -> Sample:
    """Make a light sample: memory figures only."""
    return Sample(uptime_seconds=uptime, meminfo=memory)


def observation(*samples: Sample, of: Host | None = None, lru_reparenting: bool | None = False) -> Observation:
    """Make an observation of the usual host."""
    return Observation(of or host(), samples or (sample(),), lru_reparenting)


def v1_charge(
    path: str,
    *children: str,
    own: int = 0,
    total: int = 0,
    own_shmem: int = 0,
    total_shmem: int = 0,
    rss: int = 0,
    usage: int | None = None,
    kernel: int | None = None,
) -> Charge:
    """Make what a v1 memory cgroup is charged."""
    values = {
        "cache": own,
        "rss": rss,
        "shmem": own_shmem,
        "total_cache": total,
        "total_rss": rss,
        "total_shmem": total_shmem,
    }
    return Charge(path, children, MemoryStat(values), usage, kernel)


def v2_charge(
    path: str,
    *children: str,
    file: int = 0,
    shmem: int = 0,
    nr_dying: int | None = None,
    populated: bool | None = None,
) -> Charge:
    """Make what a v2 memory cgroup and all below it are charged."""
    memory = MemoryStat({"anon": 0, "file": file, "shmem": shmem})
    return Charge(path, children, memory, nr_dying=nr_dying, populated=populated)


def held(amount: int, *, shmem: int = 0) -> tuple[Charge, ...]:
    """Make charges of a v1 host whose dying cgroups, below /flappy.slice, hold so many bytes of page cache."""
    return (
        v1_charge("/", "/flappy.slice", total=amount, total_shmem=shmem),
        v1_charge("/flappy.slice", total=amount, total_shmem=shmem),
    )


def slab(name: str, objects: int, size: int, per_slab: int, pages: int, *, active: int | None = None) -> SlabCache:
    """Make a cache with as many full slabs as its objects need."""
    slabs = -(-objects // per_slab)
    return SlabCache(name, objects if active is None else active, objects, size, per_slab, pages, slabs, slabs)


def vmstat(**counters: int) -> VmStat:
    """Make /proc/vmstat of the counters named."""
    return VmStat(counters)


def names(shape: str, number: int) -> tuple[str, ...]:
    """Make names of one shape: a star stands for a number of five hexadecimal digits."""
    return tuple(shape.replace("*", f"{0x10000 + index:x}") for index in range(number))


def crowd(shape: str, children: int, *, path: str = "/system.slice") -> Crowd:
    """Make a directory with so many children, all named alike; 32 names are kept of a real one."""
    return Crowd(path, children, names(shape, min(children, 32)))
