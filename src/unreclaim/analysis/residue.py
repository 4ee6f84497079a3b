"""What dying cgroups hold, by subtraction: a charge below a live cgroup that no live cgroup owns is a dead one's.

Two ways. memory.stat of v1 prints each cgroup's own page cache (``cache``) and that of its subtree with the dying
(``total_cache``); v2 prints only the subtree, which serves for cgroups that have children, and so no processes of their
own, or where nobody runs. Since the statistics are kept in a tree (rstat, 5.12) this is exact to two seconds.

Before that they were passed up only 32 pages at a time and per CPU (MEMCG_CHARGE_BATCH), so cgroups that left a page or
two behind show nothing at all (measured: 300 of them on 5.4, residue 0). There v1's page counters help: usage minus
kernel memory, below a cgroup that has no pages of its own (a slice), less what the kernel may have charged in advance.
On 6.18 they are not asked: they read 31 to 91 pages where nothing was dying (docs/kernel-notes/residue.md).

Not usable where the kernel reparents page cache: the parent then owns what the child left.
"""

from unreclaim.analysis.cost import kernel_version
from unreclaim.model.cgroups import Charge
from unreclaim.model.diagnosis import Residue
from unreclaim.model.host import Host

_RSTAT = (5, 12)
_BATCH_PAGES = 32


def counter_slack_bytes(host: Host) -> int | None:
    """Give how far page counters may be too high; None where the statistics are exact and counters are not needed.

    Each CPU may hold one batch of pages that were charged in advance (refill_stock() in mm/memcontrol.c). The version
    serves as knowledge of how exact the figures are: 2d146aa3aa84 ("mm: memcontrol: switch to rstat"), 5.12.
    """
    version = kernel_version(host.kernel)
    if version is None or version >= _RSTAT:
        return None
    return (host.cpus_possible or 1) * _BATCH_PAGES * (host.page_size_bytes or 4096)


def find_residues(charges: tuple[Charge, ...], slack_bytes: int | None = None) -> tuple[Residue, ...]:
    """Give, for each live cgroup, the page cache and tmpfs bytes of its dying children, largest first.

    A dying cgroup's residue appears at its nearest living ancestor. slack_bytes: see `counter_slack_bytes`.
    """
    by_path = {charge.path: charge for charge in charges}
    residues = []
    for charge in charges:
        children = [by_path[path] for path in charge.children if path in by_path]
        if len(children) != len(charge.children):
            continue
        file_bytes = _by_statistics(charge, children, shmem=False)
        if slack_bytes is not None and not file_bytes:
            file_bytes = max(0, _by_counters(charge, children) - slack_bytes)
        shmem_bytes = _by_statistics(charge, children, shmem=True)
        if file_bytes:
            residues.append(Residue(charge.path, file_bytes, min(file_bytes, shmem_bytes)))
    return tuple(sorted(residues, key=lambda residue: (-residue.file_bytes, residue.path)))


def count_untold(charges: tuple[Charge, ...]) -> int:
    """Count the dying cgroups of which the charges cannot say what they hold: v2, beside processes.

    v2 counts dying cgroups with all below, so those right below a cgroup are its own count less its children's.
    """
    by_path = {charge.path: charge for charge in charges}
    untold = 0
    for charge in charges:
        if charge.nr_dying and _is_mixed(charge):
            below = (by_path[path].nr_dying or 0 for path in charge.children if path in by_path)
            untold += max(0, charge.nr_dying - sum(below))
    return untold


def _is_mixed(charge: Charge) -> bool:
    """Tell whether v2's figures mix a cgroup's own processes with its dying children; the root always has its own."""
    if charge.memory.own_file_bytes is not None:
        return False
    return charge.path == "/" or (not charge.children and charge.populated is not False)


def _by_statistics(charge: Charge, children: list[Charge], *, shmem: bool) -> int:
    total = _subtree(charge, shmem=shmem)
    own = charge.memory.own_shmem_bytes if shmem else charge.memory.own_file_bytes
    if own is None:
        if _is_mixed(charge):
            return 0
        own = 0
    parts = [_subtree(child, shmem=shmem) for child in children]
    if total is None or None in parts:
        return 0
    return max(0, total - own - sum(part for part in parts if part is not None))


def _by_counters(charge: Charge, children: list[Charge]) -> int:
    pages = _user_pages(charge)
    # The root is not counted by its page counter (mem_cgroup_usage() in mm/memcontrol.c adds its statistics up).
    if pages is None or charge.path == "/" or charge.memory.values.get("cache") or charge.memory.values.get("rss"):
        return 0
    parts = [_user_pages(child) for child in children]
    if None in parts:
        return 0
    return max(0, pages - sum(part for part in parts if part is not None))


def _user_pages(charge: Charge) -> int | None:
    usage, kernel = charge.usage_bytes, charge.kernel_bytes
    return None if usage is None or kernel is None else usage - kernel


def _subtree(charge: Charge, *, shmem: bool) -> int | None:
    return charge.memory.subtree_shmem_bytes if shmem else charge.memory.subtree_file_bytes
