"""What pages dying cgroups hold, from a scan of all physical pages.

The kernel shows a page of a dying cgroup under its nearest living ancestor (page_cgroup_ino() in mm/memcontrol.c),
mixed with that ancestor's own pages. v1's memory.stat says how many are its own: where there are none, as in a slice,
every page seen belongs to a dying child and the number is exact. Else what is left after subtraction is a bound, for
the two are not read at one moment. v2 does not say, so there it is always a bound, though few cgroups that have
children keep pages of their own.

Pages of the kernel itself (page tables, stacks) hold a dying cgroup only on kernels before 5.9, which do not move them
to the parent.

Not usable where the kernel reparents page cache: those pages are the parent's then.
"""

from unreclaim.formats.kpageflags import (
    ANONYMOUS,
    COMPOUND_TAIL,
    DIRTY,
    LRU,
    MAPPED,
    MLOCKED,
    SWAP_BACKED,
    UPTODATE,
    WRITEBACK,
)
from unreclaim.model.census import CensusGroup, Pin, PinKind
from unreclaim.model.cgroups import Charge
from unreclaim.model.page_scan import PageTally

EXACT, AT_MOST = "exact", "at most"
_OWN = {PinKind.PAGE_CACHE: "cache", PinKind.TMPFS: "shmem", PinKind.ANONYMOUS: "rss"}


def choose_ancestors(charges: tuple[Charge, ...], slack_bytes: int | None) -> tuple[str, ...]:
    """Name the living cgroups below which dying ones may hold pages.

    On v1 those that are charged for more than they and the living below them own: by statistics, or, as these lag two
    seconds behind, by page counters. The counters may be somewhat too high, which costs a look where a cgroup has no
    pages of its own, and would be taken for dying cgroups' where it has; there they are asked only on kernels where
    they are exact and statistics are not (slack_bytes, see `residue.counter_slack_bytes`). The root has none.
    On v2 those below which the kernel counts dying ones; but the root, which has pages of its own.
    """
    by_path = {charge.path: charge for charge in charges}
    chosen = []
    for charge in charges:
        children = [by_path[path] for path in charge.children if path in by_path]
        if "total_cache" not in charge.memory.values:
            found = bool(charge.nr_dying) and charge.path != "/"
        else:
            found = _by_statistics(charge, children) or _by_counters(charge, children, slack_bytes)
        if found:
            chosen.append(charge.path)
    return tuple(chosen)


def _by_statistics(charge: Charge, children: list[Charge]) -> bool:
    return _subtree(charge) > _own(charge) + sum(map(_subtree, children))


def _by_counters(charge: Charge, children: list[Charge], slack_bytes: int | None) -> bool:
    own = _own(charge)
    counters = [_counter(one) for one in (charge, *children)]
    known = [counter for counter in counters if counter is not None]
    if len(known) < len(counters) or charge.path == "/" or (own and slack_bytes is None):
        return False
    return known[0] > sum(known[1:]) + own + (slack_bytes or 0 if own else 0)


def _own(charge: Charge) -> int:
    return charge.memory.values.get("cache", 0) + charge.memory.values.get("rss", 0)


def _subtree(charge: Charge) -> int:
    return sum(charge.memory.values.get(name, 0) for name in ("total_cache", "total_rss"))


def _counter(charge: Charge) -> int | None:
    if charge.usage_bytes is None or charge.kernel_bytes is None:
        return None
    return charge.usage_bytes - charge.kernel_bytes


def attribute_pages(
    tallies: tuple[PageTally, ...],
    charges: tuple[Charge, ...],
    *,
    page_size_bytes: int,
    slack_bytes: int | None,
    kernel_pages_pin: bool,
) -> tuple[CensusGroup, ...]:
    """Say what pages are held below each living cgroup, the most first.

    kernel_pages_pin: whether pages of the kernel itself hold a dying cgroup here.
    """
    by_path = {charge.path: charge for charge in charges}
    groups = []
    for tally in tallies:
        own = _own_bytes(by_path[tally.path])
        pins = []
        for kind, pages in _by_kind(tally).items():
            seen = sum(pages.values()) * page_size_bytes
            left = _left(seen, own.get(kind, 0) if own else 0, slack_bytes or 0)
            if left and (kind != PinKind.OTHER or kernel_pages_pin):
                pins.append(_pin(kind, pages, left, page_size_bytes))
        if pins:
            # v2 says nothing of own pages, and v1 nothing of the kernel's own.
            exact = slack_bytes is None and own is not None and all(own.get(pin.kind) == 0 for pin in pins)
            pairs = tuple((pin, 0) for pin in sorted(pins, key=lambda pin: -pin.bytes))
            size = sum(pin.bytes for pin in pins)
            groups.append(CensusGroup(tally.path, None, None, size, pairs, relation=EXACT if exact else AT_MOST))
    return tuple(sorted(groups, key=lambda group: (-group.bytes, group.ancestor)))


def _left(seen: int, own: int, slack: int) -> int:
    """Give the most that may be others' of the bytes seen; nothing where what is own explains them."""
    if not own:
        return seen
    return min(seen, seen - own + slack) if seen - own > slack else 0


def _own_bytes(charge: Charge) -> dict[PinKind, int] | None:
    """Give what a cgroup is charged itself, by kind; None on v2. v1's ``cache`` holds tmpfs too."""
    values = charge.memory.values
    if "total_cache" not in values:
        return None
    own = {kind: values.get(name, 0) for kind, name in _OWN.items()}
    return {**own, PinKind.PAGE_CACHE: max(0, own[PinKind.PAGE_CACHE] - own[PinKind.TMPFS])}


def _by_kind(tally: PageTally) -> dict[PinKind, dict[int, int]]:
    kinds: dict[PinKind, dict[int, int]] = {}
    for flags, pages in tally.pages.items():
        kinds.setdefault(_kind(flags), {})[flags] = pages
    return kinds


def _kind(flags: int) -> PinKind:
    if flags & ANONYMOUS:
        return PinKind.ANONYMOUS
    # A page that is on its way to a list, or locked in memory, is on none; all that were read or written are uptodate.
    if not flags & (LRU | UPTODATE):
        return PinKind.OTHER
    return PinKind.TMPFS if flags & SWAP_BACKED else PinKind.PAGE_CACHE


def _pin(kind: PinKind, pages: dict[int, int], left: int, page_size_bytes: int) -> Pin:
    def having(bits: int) -> int:
        return min(left, page_size_bytes * sum(number for flags, number in pages.items() if flags & bits))

    return Pin(
        kind,
        left,
        sum(number for flags, number in pages.items() if not flags & COMPOUND_TAIL),
        # tmpfs pages are dirty from birth, and there is no disk that they wait for.
        dirty_bytes=having(DIRTY | WRITEBACK) if kind == PinKind.PAGE_CACHE else 0,
        mlocked_bytes=having(MLOCKED),
        mapped_bytes=having(MAPPED),
    )
