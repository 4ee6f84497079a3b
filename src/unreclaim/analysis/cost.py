"""What one dying memory cgroup costs on this host: slab and per-CPU memory, from a model of the kernel's objects.

Model. One memory cgroup is a fixed set of slab objects plus some per NUMA node, and per-CPU areas for every *possible*
CPU plus some per CPU and node: slab = A + B x nodes; per-CPU = CPUs x (C + D x nodes). For 6.18 A to D were worked out
from the objects (cgroup, mem_cgroup, memcg_vmstats, psi_group, mem_cgroup_per_node, lruvec_stats, percpu_ref_data,
kernfs node, ...) and agree with 40,000 dying cgroups to 1.5 % (docs/kernel-notes/cost.md). For the other kernels only
the sum on a small machine was measured; its parts per node and per CPU are split as on 6.18, and the bounds say so.

Where slabinfo names the kernel's own caches (mem_cgroup and mem_cgroup_per_node, 6.16 and newer), their real object
size replaces the table's. The kernel's version is used here as knowledge about costs, never to choose how to read.

Where the kernel tells the sizes of its structures (BTF), they are added up instead (analysis/structures.py): that was
within 3 % of the measured on every kernel that was looked at. Only where it does not is the table asked.
"""

import re

from msgspec import Struct

from unreclaim.analysis.structures import add_up, slot_bytes
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.dying import Count
from unreclaim.model.host import Host
from unreclaim.model.sample import Sample

_NODE_SHARE_OF_SLAB = 0.2
_NODE_SHARE_OF_PERCPU = 0.25


class Measured(Struct, frozen=True):
    """Costs measured on one kernel. slab_bytes: with one node. percpu_bytes: per CPU with one node; None: not shown.

    doubt: relative half-width of the bounds on that very kernel.
    """

    kernel: tuple[int, int]
    slab_bytes: int
    percpu_bytes: int | None
    doubt: float
    source: str


TABLE = (
    Measured((4, 15), 6_550, None, 0.4, "4.15, 150 page-cache-pinned cgroups; this kernel has no Percpu line"),
    Measured((5, 4), 10_200, 2_200, 0.4, "5.4, 330 page-cache-pinned cgroups, 1 CPU"),
    Measured((5, 10), 10_240, 3_015, 0.2, "5.10, 4,500 page-cache-pinned cgroups, 2 CPUs"),
    Measured((6, 1), 15_410, 1_983, 0.2, "6.1, 4,500 page-cache-pinned cgroups, 2 CPUs"),
    Measured((6, 12), 14_490, 1_797, 0.2, "6.12, 4,500 page-cache-pinned cgroups, 2 CPUs"),
    Measured((6, 18), 12_864, 2_112, 0.1, "6.18, 40,000 page-cache-pinned cgroups, 2 CPUs"),
)
"""Oldest first; the sources are tables in docs/kernel-notes/cost.md."""

# On 6.18 (docs/kernel-notes/cost.md): a mem_cgroup takes 2340 bytes with its share of the slab, per node 512.
_MEM_CGROUP_6_18 = 2_340
_PER_NODE_6_18 = 512
_OTHER_KERNEL_DOUBT = 0.5
_PAGE = 4096
_STRUCTURES_DOUBT = 0.1
# mem_cgroup_alloc() takes from caches of its own since 6.16.
_OWN_CACHES = (6, 16)


def estimate_cost(host: Host, sample: Sample, count: Count | None) -> DyingCost:
    """Price one dying memory cgroup and all of them; slab alone where the number of possible CPUs is not known."""
    slab_bytes, percpu_bytes, doubt, source = _by_structures(host, sample) or _by_table(host, sample)
    if _frees_percpu_early(host.kernel):
        percpu_bytes, source = 0, f"{source}; this distribution's kernel frees the per-CPU part of dying cgroups"
    slab = _span(slab_bytes, doubt)
    percpu = None if percpu_bytes is None else _span(percpu_bytes, doubt)
    dying = count.dying if count else None
    info = sample.meminfo
    return DyingCost(
        slab,
        percpu,
        None if dying is None else _times(dying, slab, percpu),
        _share(dying, slab, info.get("sunreclaim_bytes") if info else None),
        _share(dying, percpu, info.get("percpu_bytes") if info else None),
        source,
    )


def _by_structures(host: Host, sample: Sample) -> tuple[int, int | None, float, str] | None:
    nodes = host.numa_nodes or 1
    cost = add_up(
        host.structures,
        nodes,
        sample.slabs or (),
        own_caches=(kernel_version(host.kernel) or _OWN_CACHES) >= _OWN_CACHES,
        # Where pressure is off (psi=0) a kernel shows none and keeps none for cgroups.
        pressure=bool(sample.pressure),
        page_bytes=host.page_size_bytes or _PAGE,
    )
    if cost is None:
        return None
    cpus = host.cpus_possible
    source = "sizes of this kernel's structures (BTF) x possible CPUs x NUMA nodes"
    return cost.slab_bytes, None if cpus is None else cpus * cost.percpu_bytes, _STRUCTURES_DOUBT, source


def _by_table(host: Host, sample: Sample) -> tuple[int, int | None, float, str]:
    nodes = host.numa_nodes or 1
    row, doubt = _choose(host.kernel)
    slab_bytes, source = _slab_bytes(row, nodes, sample.slabs or (), host.page_size_bytes or _PAGE)
    percpu_bytes = None
    if row.percpu_bytes is not None and host.cpus_possible is not None:
        percpu_bytes = round(host.cpus_possible * row.percpu_bytes * (1 + _NODE_SHARE_OF_PERCPU * (nodes - 1)))
    return slab_bytes, percpu_bytes, doubt, source


def _span(middle: int, doubt: float) -> Span:
    return Span(middle, round(middle * (1 - doubt)), round(middle * (1 + doubt)))


def _times(number: int, slab: Span, percpu: Span | None) -> Span:
    other = percpu or Span(0, 0, 0)
    return Span(
        number * (slab.middle + other.middle), number * (slab.low + other.low), number * (slab.high + other.high)
    )


def _share(dying: int | None, each: Span | None, whole: int | None) -> float | None:
    return None if dying is None or each is None or not whole else dying * each.middle / whole


def kernel_version(release: str | None) -> tuple[int, int] | None:
    """Give the two leading numbers of a kernel release; None where it has none."""
    match = re.match(r"(\d{1,4})\.(\d{1,4})", release or "")
    return (int(match[1]), int(match[2])) if match else None


def _choose(release: str | None) -> tuple[Measured, float]:
    version = kernel_version(release)
    if version is None:
        return TABLE[-1], _OTHER_KERNEL_DOUBT
    older = [row for row in TABLE if row.kernel <= version] or [TABLE[0]]
    row = older[-1]
    return row, row.doubt if row.kernel == version else max(row.doubt, _OTHER_KERNEL_DOUBT)


def _slab_bytes(row: Measured, nodes: int, slabs: tuple[SlabCache, ...], page: int) -> tuple[int, str]:
    sizes = {cache.name: cache for cache in slabs}
    own = sizes.get("mem_cgroup")
    if own is None or row.kernel != TABLE[-1].kernel:
        return round(row.slab_bytes * (1 + _NODE_SHARE_OF_SLAB * (nodes - 1))), f"measured on {row.source}"
    base = 10_264 - _MEM_CGROUP_6_18 + slot_bytes(own, page)
    per_node = sizes.get("mem_cgroup_per_node")
    each_node = 2_600 - _PER_NODE_6_18 + (slot_bytes(per_node, page) if per_node else _PER_NODE_6_18)
    return (
        base + nodes * each_node,
        f"object sizes of this kernel's slabinfo, the rest measured on {row.source}",
    )


def _frees_percpu_early(release: str | None) -> bool:
    """RHEL 9 and 10 free a dying cgroup's per-CPU statistics at once.

    Source: "Free percpu stats memory of dying memcg's", centos-stream-9 merge request 2580, RHEL-67445; not measured.
    """
    return bool(re.search(r"\.el(9|10)(_|\.|$)", release or ""))
