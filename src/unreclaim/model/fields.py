"""THE catalogue: every figure that is followed over time, once, for screens, JSON, metrics and history.

To add a field, add a line here; growth, the documentation and (later) metrics and history follow from it. Ids are API.
"""

from collections.abc import Callable

from msgspec import Struct

from unreclaim.model.dying import count_memory, count_unified
from unreclaim.model.ledger import build_ledger
from unreclaim.model.sample import Sample


class Field(Struct, frozen=True):
    """One figure of a sample: ``unit`` is ``bytes`` or ``cgroups``; ``read`` gives it, None where not known."""

    id: str
    title: str
    unit: str
    kind: str
    help: str
    source: str
    metric: str
    read: Callable[[Sample], int | None]


def _meminfo(name: str, title: str, kernel_name: str, text: str) -> Field:
    def read(sample: Sample) -> int | None:
        return None if sample.meminfo is None else sample.meminfo.get(name)

    return Field(
        f"meminfo.{name}",
        title,
        "bytes",
        "gauge",
        text,
        f"/proc/meminfo: {kernel_name}",
        f"unreclaim_{name}",
        read,
    )


def _unaccounted(sample: Sample) -> int | None:
    ledger = build_ledger(sample)
    return None if ledger is None else ledger.unaccounted_bytes


def _memory_live(sample: Sample) -> int | None:
    count = count_memory(sample)
    return None if count is None else count.live


def _memory_dying(sample: Sample) -> int | None:
    count = count_memory(sample)
    return None if count is None else count.dying


def _unified_dying(sample: Sample) -> int | None:
    count = count_unified(sample)
    return None if count is None else count.dying


FIELDS: tuple[Field, ...] = (
    _meminfo(
        "sunreclaim_bytes",
        "unreclaimable slab",
        "SUnreclaim",
        "Kernel objects that memory pressure cannot free. A dying cgroup's own structures are here.",
    ),
    _meminfo(
        "sreclaimable_bytes",
        "reclaimable slab",
        "SReclaimable",
        "Kernel caches that memory pressure frees: directory entries and inodes above all.",
    ),
    _meminfo(
        "percpu_bytes",
        "per-CPU memory",
        "Percpu",
        "The per-CPU allocator. On hosts with many CPUs most of a dying cgroup's cost is here, not in slab.",
    ),
    _meminfo(
        "kernel_stack_bytes",
        "kernel stacks",
        "KernelStack",
        "One stack per thread; grows with threads, not with cgroups.",
    ),
    _meminfo(
        "page_tables_bytes",
        "page tables",
        "PageTables",
        "Page tables of processes; grows with mapped memory.",
    ),
    _meminfo(
        "vmalloc_used_bytes",
        "vmalloc",
        "VmallocUsed",
        "Memory mapped page by page into the kernel: modules, BPF programs, and on most builds kernel stacks.",
    ),
    _meminfo(
        "shmem_bytes",
        "tmpfs and shared memory",
        "Shmem",
        "Files in tmpfs and shared memory; without swap they stay until they are deleted.",
    ),
    _meminfo(
        "mem_available_bytes",
        "available memory",
        "MemAvailable",
        "The kernel's own estimate of what can still be allocated without swapping.",
    ),
    Field(
        "ledger.unaccounted_bytes",
        "memory that no line accounts for",
        "bytes",
        "gauge",
        "MemTotal minus every use that /proc/meminfo names: pages that drivers took, and lines this kernel lacks.",
        "/proc/meminfo (docs/kernel-notes/ledger.md)",
        "unreclaim_unaccounted_bytes",
        _unaccounted,
    ),
    Field(
        "cgroups.memory.live",
        "live memory cgroups",
        "cgroups",
        "gauge",
        "Memory cgroups that exist as directories, the root included.",
        "directories of the memory hierarchy, or cgroup.stat",
        "unreclaim_memory_cgroups_live",
        _memory_live,
    ),
    Field(
        "cgroups.memory.dying",
        "dying memory cgroups",
        "cgroups",
        "gauge",
        "Memory cgroups that were removed and that the kernel has not freed yet.",
        "cgroup.stat: nr_dying_subsys_memory, else nr_dying_descendants, else /proc/cgroups minus directories",
        "unreclaim_memory_cgroups_dying",
        _memory_dying,
    ),
    Field(
        "cgroups.unified.dying",
        "dying cgroups of the v2 hierarchy",
        "cgroups",
        "gauge",
        "On a hybrid host a reference leak (net_prio) shows here and not in the count of memory cgroups.",
        "cgroup.stat: nr_dying_descendants of the cgroup2 mount",
        "unreclaim_unified_cgroups_dying",
        _unified_dying,
    ),
)
"""Every field, in the order in which tables show them."""
