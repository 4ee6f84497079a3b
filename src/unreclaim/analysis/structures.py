"""What one dying memory cgroup costs, from the sizes of this kernel's structures.

Model. The structures are those that the kernel allocates for a cgroup, its memory part and each NUMA node, each rounded
up to the slab that it comes from; per-CPU areas count for every possible CPU. What a kernel does not have counts
nothing, so that one list serves all: whether something is apart or inside another structure is told by the room that
its member has there. Checked against measurement on 5.10, 6.1, 6.12 and 6.18 (docs/kernel-notes/cost.md).

Not in the sizes: bookkeeping of some hundred bytes, as measured (half a radix tree node, the node and the entry of the
directory), and how many shrinkers there are; one unit of 64 is taken, of which a host with hundreds of mounts has
several.
"""

from collections.abc import Mapping

from msgspec import Struct

from unreclaim.formats.slabinfo import SlabCache

_KMALLOC = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)
_CACHE_LINE, _POINTER = 64, 8
# A cgroup knows its ancestors: the root, a slice or two, itself.
_LEVELS = 4
_SHRINKERS = 64
# Measured on all four kernels: parts of idr trees, and the addresses of the per-CPU areas, which lie in chunks.
_RADIX_NODES = 0.55
_ADDRESSES = 75
# SLUB takes the smallest slab of at most 8 pages that wastes no more than this (calculate_order() in mm/slub.c).
_WASTE = 1 / 16


class Cost(Struct, frozen=True):
    """Bytes of one memory cgroup: of slab, and per-CPU for each possible CPU."""

    slab_bytes: int
    percpu_bytes: int


def slot_bytes(cache: SlabCache, page_bytes: int) -> int:
    """Give what one object takes of its slab, the unused end of the slab shared out."""
    if not cache.objects_per_slab:
        return cache.object_size_bytes
    return cache.pages_per_slab * page_bytes // cache.objects_per_slab


def add_up(
    sizes: Mapping[str, int],
    nodes: int,
    slabs: tuple[SlabCache, ...],
    *,
    own_caches: bool,
    pressure: bool,
    page_bytes: int,
) -> Cost | None:
    """Add the structures up; None where the sizes lack those that every kernel has.

    nodes: possible NUMA nodes. slabs: /proc/slabinfo, which knows the slots of caches of their own. own_caches: this
    kernel has such for mem_cgroup and mem_cgroup_per_node, whether slabinfo shows them or not. pressure: the kernel
    keeps pressure (PSI) for each cgroup.
    """
    if not all(sizes.get(name) for name in ("cgroup", "mem_cgroup", "mem_cgroup_per_node", "memcg_vmstats_percpu")):
        return None
    pieces = _Pieces(sizes, nodes, pressure=pressure)
    own = {cache.name: slot_bytes(cache, page_bytes) for cache in slabs if own_caches}
    slab = sum(number * _kmalloc(size, page_bytes) for size, number in pieces.slab())
    for name, size, number in (
        ("mem_cgroup", sizes["mem_cgroup"] + _POINTER * nodes, 1),
        ("mem_cgroup_per_node", sizes["mem_cgroup_per_node"], nodes),
    ):
        slab += number * (own.get(name) or (_own_slot(size, page_bytes) if own_caches else _kmalloc(size, page_bytes)))
    rest = sizes.get("kernfs_node", 0) + sizes.get("dentry", 0) + _RADIX_NODES * sizes.get("xa_node", 0) + _ADDRESSES
    return Cost(slab + round(rest), pieces.percpu())


class _Pieces:
    """The parts of a memory cgroup on this kernel."""

    def __init__(self, sizes: Mapping[str, int], nodes: int, *, pressure: bool) -> None:
        self._sizes = sizes
        self._nodes = nodes
        self._pressure = pressure
        # One for each node since 7.0, before that one, none before 5.9.
        self._objcgs = 0
        if self._has("obj_cgroup"):
            self._objcgs = nodes if self._has("mem_cgroup_per_node.objcg") else 1

    def slab(self) -> list[tuple[int, int]]:
        """Give sizes and numbers of what comes from kmalloc; the two that may have caches of their own are left out."""
        references = 2 + self._objcgs
        return [
            (self._size("cgroup") + _POINTER * _LEVELS, 1),
            (self._apart("memcg_vmstats", "mem_cgroup.vmstats"), 1),
            (self._apart("psi_group", "cgroup.psi") if self._pressure else 0, 1),
            (self._apart("lruvec_stats", "mem_cgroup_per_node.lruvec_stats"), self._nodes),
            (self._size("percpu_ref_data"), references),
            (self._size("obj_cgroup"), self._objcgs),
            *((size, self._nodes) for size in self._shrinkers()),
        ]

    def _shrinkers(self) -> tuple[int, ...]:
        """Give the sizes of what each node knows about shrinkers: a unit and its place (6.7), or all in one before."""
        bits = _SHRINKERS // 8
        if self._has("shrinker_info_unit"):
            return self._size("shrinker_info_unit"), self._size("shrinker_info") + _POINTER
        if self._has("shrinker_info"):
            return (self._size("shrinker_info") + bits + 8 * _SHRINKERS,)
        return (self._size("memcg_shrinker_map") + bits,) if self._has("memcg_shrinker_map") else ()

    def percpu(self) -> int:
        """Give the bytes for each CPU."""
        both = self._has("mem_cgroup.vmstats_local")
        both_of_node = self._has("mem_cgroup_per_node.lruvec_stat_local")
        of_node = self._size("lruvec_stats_percpu") or self._size("lruvec_stat") * (1 + both_of_node)
        return (
            self._size("memcg_vmstats_percpu") * (1 + both)
            + self._size("memcg1_events_percpu")
            + self._nodes * of_node
            + _POINTER * (2 + self._objcgs)
            # One for the cgroup and one for its memory part since 6.16, before that one with more in it.
            + 2 * self._size("css_rstat_cpu")
            + self._size("cgroup_rstat_base_cpu")
            + self._size("cgroup_rstat_cpu")
            + (self._size("psi_group_cpu") if self._pressure else 0)
        )

    def _has(self, name: str) -> bool:
        return name in self._sizes

    def _size(self, name: str) -> int:
        return self._sizes.get(name, 0)

    def _apart(self, name: str, member: str) -> int:
        """Give the size of a structure that a member points to; 0 where it is inside or is not there."""
        size = self._size(name)
        return size if self._sizes.get(member, size) < size else 0


def _kmalloc(size: int, page_bytes: int) -> int:
    """Round up to a cache of kmalloc; 0 stays 0, and what is larger than all takes whole pages."""
    if not size:
        return 0
    return next((bucket for bucket in _KMALLOC if size <= bucket), -(-size // page_bytes) * page_bytes)


def _own_slot(size: int, page_bytes: int) -> int:
    """Give what an object takes of a slab of its own cache, aligned to cache lines, where slabinfo does not say."""
    aligned = -(-size // _CACHE_LINE) * _CACHE_LINE
    for order in range(4):
        slab = page_bytes << order
        if slab >= aligned and slab % aligned <= slab * _WASTE:
            return slab // (slab // aligned)
    return aligned
