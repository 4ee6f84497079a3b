"""Reads what this host offers to a recovery: files that reclaim memory, and swap."""

import os

from unreclaim.formats.meminfo import MemInfo
from unreclaim.host.probe import Probe
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.recovery import DROP_CACHES, Support

_RECLAIM_FILES = {1: "memory.force_empty", 2: "memory.reclaim"}


def read_support(probe: Probe, hierarchy: Hierarchy, meminfo: MemInfo | None) -> Support:
    """Find out what can be done here; nothing is written, so a file that may be written may still refuse.

    hierarchy: the one with the memory controller.
    """
    top = hierarchy.mount_point
    wanted = _RECLAIM_FILES[hierarchy.version]
    at_top = wanted in _names(probe, top)
    return Support(
        hierarchy.version,
        top,
        wanted if at_top or _below_has(probe, top, wanted) else None,
        # The top of v1 has the file and refuses it: mem_cgroup_force_empty_write() in mm/memcontrol-v1.c.
        at_top and hierarchy.version == 2,
        meminfo.get("swap_total_bytes") if meminfo else None,
        os.access(DROP_CACHES, os.W_OK),
    )


def _below_has(probe: Probe, top: str, wanted: str) -> bool:
    # The children of one cgroup have the same files, so the first that can be listed tells.
    children = (_names(probe, f"{top}/{name}") for name in _names(probe, top))
    return wanted in next((names for names in children if "cgroup.procs" in names), ())


def _names(probe: Probe, path: str) -> list[str]:
    try:
        return probe.root.list_names(path)
    except OSError:
        return []
