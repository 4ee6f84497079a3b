"""Counts what the kernel's functions of memory cgroups do, by probes of our own, where a kernel takes probes.

A probe is no instance's own: its name carries the instance's, so that the next run removes what a killed one left.
"""

import contextlib
import os
from collections.abc import Iterator

from unreclaim.host.control_file import write_file
from unreclaim.host.ownership import is_orphan
from unreclaim.host.root import LiveRoot
from unreclaim.host.tracing.tracefs import PURPOSES, TRACEFS
from unreclaim.model.gap import Gap

PROBES = {
    "memcg_alloc": "mem_cgroup_css_alloc",
    "memcg_offline": "mem_cgroup_css_offline",
    "memcg_free": "mem_cgroup_css_free",
}
"""Event and function: the callbacks of memory_cgrp_subsys (mm/memcontrol.c), each called once for a memory cgroup."""

_DEFINITIONS = f"{TRACEFS}/kprobe_events"
_WHAT = "memory cgroups allocated, offline and freed"


@contextlib.contextmanager
def probe_memcgs(instance: str) -> Iterator[Gap | None]:
    """Let an instance see the calls for as long as the context lasts; give a gap where it cannot.

    The probes are removed at the end, though the instance may still be there.
    """
    group = os.path.basename(instance).replace("-", "_")
    with contextlib.ExitStack() as stack:
        gap = None
        try:
            _remove_leftovers()
            for event, function in PROBES.items():
                write_file(_DEFINITIONS, f"p:{group}/{event} {function}")
                stack.callback(_remove, instance, group, event)
            for event in PROBES:
                write_file(f"{instance}/events/{group}/{event}/enable", "1")
        except FileNotFoundError:
            # Of the file of definitions, or said by it of a function.
            here = os.path.exists(_DEFINITIONS)
            why = "has not all of their functions" if here else "takes no probes (CONFIG_KPROBE_EVENTS)"
            gap = Gap(_WHAT, f"this kernel {why}")
        except OSError as error:
            gap = Gap(_WHAT, f"{error.filename or _DEFINITIONS}: {error.strerror}")
        yield gap


def _remove(instance: str, group: str, event: str) -> None:
    # One that is on cannot be removed.
    with contextlib.suppress(FileNotFoundError):
        write_file(f"{instance}/events/{group}/{event}/enable", "0")
    with contextlib.suppress(OSError):
        write_file(_DEFINITIONS, f"-:{group}/{event}")


def _remove_leftovers() -> None:
    """Remove the probes whose owners are dead; their instances are gone, or another run removes them now."""
    for line in LiveRoot().read_text(_DEFINITIONS).splitlines():
        group, _, event = line.partition(" ")[0].partition(":")[2].partition("/")
        if is_orphan(group.replace("_", "-"), *PURPOSES):
            with contextlib.suppress(OSError):
                write_file(_DEFINITIONS, f"-:{group}/{event}")
