"""When growth matters: the thresholds that the verdict and the signatures share, each with its reason."""

from unreclaim.analysis.cost import kernel_version
from unreclaim.model.host import Host

# A leak is worth waking somebody when it would eat half of memory within two years: hosts live about that long. On
# simulated fleets this gate removes most false alarms and no leak that would ever be noticed (fleet benchmark).
_HORIZON_DAYS = 730
_EATEN_SHARE = 0.5

WORTH_MENTION = 0.001
"""Share of memory from which what dying cgroups hold matters: 16 MB on a 16 GB host."""

HIGH_SHARE, HIGH_BYTES = 0.10, 2**30
"""Kernel memory that cannot be reclaimed is high above a tenth of memory, the level of the one alert rule in use for
this fault (Deckhouse's NodeSUnreclaimBytesUsageHigh), and above 1 GiB: a small machine's kernel takes its share."""

CRITICAL_SHARE = 0.5
CRITICAL_SHARE_WHEN_SHORT, SHORT_OF_MEMORY = 0.25, 0.10
"""Critical: half of memory is gone, or a quarter while less than a tenth of memory is still available."""

BLIP = 4
"""Cgroups that are dying for a moment only: between rmdir and the kernel's work queue. Fewer new ones say nothing."""

RESIDUE_PER_DYING_BYTES = 1024
"""A quarter page: each dying cgroup that page cache holds has a page of it at least."""

# fb2f2b0adb98 ("mm: memcg/slab: reparent memcg kmem_caches on cgroup removal"); measured on 4.15 and 5.4.
_KMEM_PINS_BEFORE = (5, 3)

LONG_WINDOW_SECONDS = 600
"""Below ten minutes byte figures swing too much to be called growth: 20-fold bulges within minutes were measured."""


def kernel_objects_pin(host: Host) -> bool:
    """Tell whether cached directory entries and inodes hold removed cgroups on this kernel."""
    version = kernel_version(host.kernel)
    return version is not None and version < _KMEM_PINS_BEFORE


def matters(bytes_per_day: float, mem_total_bytes: int) -> bool:
    """Tell whether growth at this rate would eat half of memory within two years."""
    return bytes_per_day * _HORIZON_DAYS > _EATEN_SHARE * mem_total_bytes
