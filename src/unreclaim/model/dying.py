"""How many cgroups live and how many are dying, from what each kernel offers, with each source's weakness.

A cgroup is dying (the kernel's CSS_DYING) from rmdir(2) until its last reference is gone. Three sources, best first:

1. ``cgroup.stat: nr_dying_subsys_<controller>`` (v2, 6.12): exactly this controller.
2. ``cgroup.stat: nr_dying_descendants`` (v2, 4.14): cgroups, whichever controller still holds them.
3. ``/proc/cgroups`` num_cgroups minus live directories (v1): exact on a quiet host; the walk takes time, so on a
   busy one the count before and after it bound the answer.

On v2 the third does not work: num_cgroups is there the whole hierarchy in every row (measured, 5.10 to 6.12).
"""

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.model.cgroups import UNIFIED, Hierarchy
from unreclaim.model.sample import Sample

NORMAL_DYING = 19
"""The most dying memory cgroups seen on a freshly booted, idle host: 6 to 19 on 4.15, 5.4, 5.10, 6.1, 6.12 and 7.2.

They are left by units that ran once at boot (docs/kernel-notes/dying.md)."""


class Count(Struct, frozen=True):
    """Live and dying cgroups of one controller; None: cannot be told here.

    low and high bound ``dying`` where cgroups came and went during the count; weakness says what the source cannot do.
    """

    name: str
    live: int | None
    dying: int | None
    source: str
    weakness: str | None = None
    low: int | None = None
    high: int | None = None


def count_controllers(sample: Sample) -> tuple[Count, ...]:
    """Count every controller that some hierarchy has, memory first, and ``unified`` for the v2 hierarchy itself."""
    counts = {}
    for hierarchy in sample.hierarchies:
        if hierarchy.version == 2:
            counts[UNIFIED] = _count_unified(hierarchy)
        for controller in hierarchy.controllers:
            counts[controller] = count_one(hierarchy, controller)
    return tuple(sorted(counts.values(), key=lambda count: (count.name != "memory", count.name)))


def count_memory(sample: Sample) -> Count | None:
    """Count memory cgroups; None: no hierarchy has the memory controller."""
    hierarchy = sample.memory_hierarchy()
    return None if hierarchy is None else count_one(hierarchy, "memory")


def count_unified(sample: Sample) -> Count | None:
    """Count cgroups of the v2 hierarchy; None: it is not mounted."""
    hierarchy = sample.unified_hierarchy()
    return None if hierarchy is None else _count_unified(hierarchy)


def count_one(hierarchy: Hierarchy, controller: str) -> Count:
    """Count one controller's cgroups on its hierarchy."""
    return _count_v2(hierarchy, controller) if hierarchy.version == 2 else _count_v1(hierarchy, controller)


_PART_ONLY = "only a part of the hierarchy is visible here (container or bind mount)"


def _count_v2(hierarchy: Hierarchy, controller: str) -> Count:
    stat = hierarchy.top.stat if hierarchy.top else None
    if stat is None or controller not in stat.nr_dying_subsys:
        count = _count_unified(hierarchy)
        what = _join("counts cgroups that any controller still holds, not only this one", count.weakness)
        return replace(count, name=controller, weakness=what)
    dying = stat.nr_dying_subsys[controller]
    weakness = _PART_ONLY if hierarchy.whole is False else None
    live = stat.nr_subsys.get(controller)
    return Count(controller, live, dying, f"cgroup.stat: nr_dying_subsys_{controller}", weakness, dying, dying)


def _count_unified(hierarchy: Hierarchy) -> Count:
    stat = hierarchy.top.stat if hierarchy.top else None
    weakness = _PART_ONLY if hierarchy.whole is False else None
    if stat is None:
        reason = "cgroup.stat could not be read"
        return Count(UNIFIED, hierarchy.directories, None, "none", _join(reason, weakness))
    dying = stat.nr_dying_descendants
    return Count(UNIFIED, stat.nr_descendants + 1, dying, "cgroup.stat: nr_dying_descendants", weakness, dying, dying)


def _count_v1(hierarchy: Hierarchy, controller: str) -> Count:
    live = hierarchy.directories
    if hierarchy.num_cgroups is None:
        return Count(controller, live, None, "none", "/proc/cgroups has no count for this hierarchy")
    if live is None:
        return Count(controller, None, None, "none", "the live directories were not counted")
    if hierarchy.whole is False:
        why = "num_cgroups is the whole host's, but " + _PART_ONLY
        return Count(controller, live, None, "none", why)
    before, after = hierarchy.num_cgroups
    # A cgroup made during the walk is in `after` and perhaps not in `live`; one removed is the other way about.
    low = max(0, min(before, after) - live)
    high = max(0, max(before, after) - live) + hierarchy.vanished
    # Fewer than the directories: some were made after the count and removed before it was taken again.
    steady = low == high and max(before, after) >= live
    weakness = None if steady else "cgroups came and went while they were counted"
    if hierarchy.whole is None:
        weakness = _join(weakness, "the capture does not show whether this is the whole hierarchy")
    source = "/proc/cgroups num_cgroups minus live directories"
    return Count(controller, live, max(0, after - live), source, weakness, low, high)


def _join(*reasons: str | None) -> str:
    return "; ".join(reason for reason in reasons if reason)
