"""Churn: how many cgroups were made, removed and released while we watched, and who made them."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.model.gap import Gap


class SourceKind(StrEnum):
    """What made a cgroup; CGROUP: none of the others."""

    UNIT = "unit"
    SLICE = "slice"
    SESSION = "session"
    CONTAINER = "container"
    POD = "pod"
    CGROUP = "cgroup"


class SourceChurn(Struct, frozen=True):
    """What one source did, counted in one hierarchy, so that one start of a unit is one cgroup.

    That is the hierarchy with the memory controller where the source is in it, else the one where it made most.
    released: the kernel has let go of the cgroup, also of one that was removed before we watched. unreleased: removed
    while we watched, and not yet released. rate_per_second: created, per second.
    """

    source: str
    kind: SourceKind
    created: int
    removed: int
    released: int
    unreleased: int
    rate_per_second: float


class HierarchyChurn(Struct, frozen=True):
    """All that happened in one hierarchy. hierarchy: its number (0: v2); controllers: or ``name=...``; empty: unknown.

    longest_unreleased_seconds: since the oldest of the unreleased was removed; None: there are none.
    """

    hierarchy: int
    controllers: tuple[str, ...]
    created: int
    removed: int
    released: int
    unreleased: int
    longest_unreleased_seconds: float | None


class MemcgCounts(Struct, frozen=True):
    """Calls of the kernel's own functions: memory cgroups allocated, set offline (removed) and freed."""

    allocated: int
    offline: int
    freed: int


class Churn(Struct, frozen=True):
    """A watch, or a part of it. lost_events: those that the kernel's buffers had no room for; counts lack them.

    memcgs None: the kernel's functions could not be probed.
    """

    seconds: float
    lost_events: int
    hierarchies: tuple[HierarchyChurn, ...]
    sources: tuple[SourceChurn, ...]
    memcgs: MemcgCounts | None
    gaps: tuple[Gap, ...] = ()
