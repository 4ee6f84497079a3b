"""S1: dying memory cgroups, pinned by page cache or tmpfs.

What it detects
---------------
A memory cgroup that was removed stays in the kernel, dying, as long as one page is charged to it. A short-lived cgroup
(a unit that restarts, a timer, a session, a pod) that is the first to touch a page of a file leaves that page, and with
it itself, behind. Each costs some kilobytes of slab and, on hosts with many CPUs, far more per-CPU memory.

Evidence and thresholds
-----------------------
More than 19 dying memory cgroups (fresh idle hosts have 6 to 19), or at least 5 more within the window. The charges
decide how sure it is: page cache and tmpfs below living cgroups that no living cgroup owns. Each dying cgroup needs a
page to stay, so where both ends of a window were read and cgroups died in between, that residue must have grown by at
least a quarter page for each (high confidence); with one reading it must come to that much in all (medium, for a few
could hold it all). Where it comes to less, something else holds them and this signature is silent. Before 5.3 cached
directory entries and inodes hold them as well, so one reading there gives low confidence only. From 5.3 until 5.12 the
statistics leave out what a cgroup with few pages holds, so too little there excludes nothing: low confidence.

What looks like it
------------------
Dying cgroups held by kernel objects (kernels before 5.3), by a bare reference (net_prio on hybrid hosts), or by an open
socket: no residual page cache. Live cgroups that pile up: S6. A handful that waits for the kernel's work queue.

Confirm
-------
On the nearest living parent: ``echo 0 > PARENT/memory.force_empty`` (v1), ``echo 64M > PARENT/memory.reclaim`` (v2).
The number of dying cgroups falls. Both also drop caches of living cgroups below that parent.

Recover
-------
No reboot is needed. ``unreclaim reclaim`` names what frees them and drops, with ``--yes``, the cache of exactly the
files that hold them. By hand: reclaim at the nearest living parent (the root of v1 refuses it); delete tmpfs files that
are no longer needed; as a last step ``echo 1 > /proc/sys/vm/drop_caches`` (before 5.3 and on v2: 3), which frees
neither tmpfs nor mapped pages. Inside a container only its host can do so, where the cgroup has another path, which
``unreclaim reclaim`` finds there.

Prevent
-------
Fewer cgroups: a restart delay that grows (RestartSteps= with RestartMaxDelaySec=), a start limit, a loop inside the
unit. Or a kernel that gives a removed cgroup's pages to its parent (lru_reparent_memcg; measured on 7.2).

References
----------
- https://blogs.oracle.com/linux/?p=2100 (what pins dying memory cgroups)
- https://lwn.net/Articles/932070/ (the kernel community on the problem)
- kernel commit 053bc5693863 (2019): page cache is not reparented when a memory cgroup goes offline
- kernel commit f1cf8d2f36dc, 7.1: "eliminate the problem of dying memory cgroup for LRU folios"
"""

import shlex

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.impact import (
    BLIP,
    CRITICAL_SHARE_WHEN_SHORT,
    RESIDUE_PER_DYING_BYTES,
    WORTH_MENTION,
    kernel_objects_pin,
    matters,
)
from unreclaim.analysis.residue import counter_slack_bytes
from unreclaim.base.units import format_bytes, format_count
from unreclaim.model.dying import NORMAL_DYING
from unreclaim.model.finding import Confidence, Finding, Severity

_MOSTLY = 0.5

_PREVENT = (
    "make fewer cgroups: let a unit that restarts wait longer each time (RestartSteps= with RestartMaxDelaySec=)",
    "limit how often it starts (StartLimitIntervalSec= with StartLimitBurst=)",
    "lasting: a kernel that hands a removed cgroup's page cache to its parent (commit f1cf8d2f36dc, 7.1; seen on 7.2)",
)
_REFERENCES = (
    "https://blogs.oracle.com/linux/?p=2100",
    "https://lwn.net/Articles/932070/",
    "kernel commit f1cf8d2f36dc (7.1)",
)


def detect(evidence: Evidence) -> Finding | None:
    """Find dying memory cgroups that page cache or tmpfs holds."""
    dying = evidence.dying
    rate = evidence.dying_rate
    growing = rate is not None and rate.rising and rate.change > BLIP
    if dying is None or dying <= 0 or (dying <= NORMAL_DYING and not growing):
        return None
    # There the parent owns the page cache that a removed cgroup left, and it pins nothing.
    if evidence.observation.lru_reparenting:
        return None
    residue = evidence.residue_file_bytes
    confidence = _confidence(evidence, dying, residue, rate.change if growing and rate is not None else 0)
    if confidence is None:
        return None
    shmem = evidence.residue_shmem_bytes or 0
    tmpfs = residue is not None and shmem > _MOSTLY * residue
    what = "tmpfs files" if tmpfs else "page cache" if residue is not None else "page cache or tmpfs"
    return Finding(
        "S1",
        f"dying memory cgroups pinned by {what}",
        _severity(evidence),
        confidence,
        _evidence(evidence, dying, residue, shmem),
        _recover(evidence, tmpfs=tmpfs),
        _PREVENT,
        _REFERENCES,
    )


def _confidence(evidence: Evidence, dying: int, residue: int | None, more: float) -> Confidence | None:
    """Say how sure the charges make it, None where they exclude it."""
    change = evidence.residue_change_bytes
    host = evidence.observation.host
    old = kernel_objects_pin(evidence.observation.host)
    # Until 5.12 pages of a cgroup that holds few are not in the statistics: too few seen excludes nothing.
    excluded = None if old or counter_slack_bytes(host) is None else Confidence.LOW
    if more > BLIP and change is not None:
        return Confidence.HIGH if change >= more * RESIDUE_PER_DYING_BYTES else excluded
    if residue is not None and residue < dying * RESIDUE_PER_DYING_BYTES:
        return excluded
    return Confidence.LOW if old else Confidence.MEDIUM


def _severity(evidence: Evidence) -> Severity:
    cost, ledger, rate = evidence.cost, evidence.ledger, evidence.dying_rate
    if cost.total is None or ledger is None:
        return Severity.WARNING
    if cost.total.middle >= CRITICAL_SHARE_WHEN_SHORT * ledger.mem_total_bytes:
        return Severity.CRITICAL
    growing = rate is not None and rate.change > BLIP and matters(rate.low * cost.bytes_each, ledger.mem_total_bytes)
    if growing or cost.total.middle >= WORTH_MENTION * ledger.mem_total_bytes:
        return Severity.WARNING
    return Severity.INFO


def _evidence(evidence: Evidence, dying: int, residue: int | None, shmem: int) -> tuple[str, ...]:
    normal = f"(a fresh boot has up to {NORMAL_DYING})"
    lines = [f"{format_count(dying)} memory cgroups are dying: removed, but not yet freed by the kernel {normal}"]
    rate = evidence.dying_rate
    if rate is not None and rate.change:
        more = "more" if rate.change > 0 else "fewer"
        lines.append(f"{format_count(abs(rate.change))} {more} within {evidence.growth.window_seconds:.0f} seconds")
    if residue is not None and residue < dying * RESIDUE_PER_DYING_BYTES:
        lines.append("page cache of single pages is not in this kernel's statistics, so what holds them was not seen")
    elif residue is None:
        lines.append(
            "what they hold could not be told from the charges, so page cache is the likely cause, not a seen one"
        )
    else:
        held = f"they hold {format_bytes(residue)} of page cache"
        lines.append(f"{held}, of it {format_bytes(shmem)} in tmpfs" if shmem else held)
        places = (evidence.residues or ())[:3]
        lines += [f"  {format_bytes(place.file_bytes)} of it below {place.path}" for place in places]
    return tuple(lines)


def _recover(evidence: Evidence, *, tmpfs: bool) -> tuple[str, ...]:
    files = "delete tmpfs files that are no longer needed (/dev/shm, /run): each frees the cgroups it pins"
    commands = [
        "unreclaim reclaim    names what would free them; with --yes drops the cache of the files that hold them"
    ]
    commands += [*_reclaim_parent(evidence), f"{_drop_caches(evidence)}; frees neither tmpfs nor mapped pages)"]
    if evidence.observation.host.container is not None:
        commands = [f"on the container's host: {command}" for command in commands]
    return (commands[0], *([files] if tmpfs else []), *commands[1:])


def _reclaim_parent(evidence: Evidence) -> tuple[str, ...]:
    """Give the command that takes memory back at the cgroup below which most of it is; none where that cannot be."""
    memory = evidence.observation.last.memory_hierarchy()
    if evidence.observation.host.container is not None and (memory is None or memory.whole is not True):
        # What is mounted here begins at the container's own cgroup: its host knows it by another path.
        return ()
    place = evidence.residues[0].path if evidence.residues else "/"
    # Anybody may have named it; what is printed here is pasted into a root shell.
    parent = shlex.quote((memory.mount_point if memory else "/sys/fs/cgroup") + place.rstrip("/"))
    if memory is not None and memory.version == 2:
        return (f"echo 64M > {parent}/memory.reclaim    (kernel 5.19; also drops caches of live cgroups below it)",)
    # The root of v1 refuses it (EINVAL: mem_cgroup_force_empty_write() in mm/memcontrol-v1.c).
    if place == "/":
        return ()
    return (f"echo 0 > {parent}/memory.force_empty    (also drops caches of live cgroups below it)",)


def _drop_caches(evidence: Evidence) -> str:
    """Give the beginning of the last step."""
    memory = evidence.observation.last.memory_hierarchy()
    if memory is not None and memory.version == 2:
        # The inode that a cgroup was the first to write to holds it too, by its writeback structure.
        return "echo 3 > /proc/sys/vm/drop_caches    (last step"
    if kernel_objects_pin(evidence.observation.host):
        return "echo 3 > /proc/sys/vm/drop_caches    (last step; repeat it"
    return "echo 1 > /proc/sys/vm/drop_caches    (last step"
