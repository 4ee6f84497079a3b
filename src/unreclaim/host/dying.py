"""Looks at every dying memory cgroup until what it says fits together."""

import ctypes
import mmap
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from unreclaim.base.errors import UnreclaimError
from unreclaim.base.progress import Progress
from unreclaim.host import raw_census
from unreclaim.host.raw_census import CensusSource, RawDying, RawHolder, RawPin, RawTarget
from unreclaim.model.gap import Gap

T = TypeVar("T")

# A reference may be one of a moment: a page on its way to a list, a reader in a walk. One that stays is a pin.
_SECOND_LOOKS, _PAUSE_SECONDS = 3, 0.1

LOCKED, HOLDERS = "which files are locked", "what holds some cgroups"
"""Names of gaps."""


class Look(NamedTuple):
    """One dying css as it was looked at last.

    css: as the walk found it. target: what it said when its lists were read. pins: the folios on them.
    known: references that dying children and writeback structures hold. locked: its folios that are on no list; None:
    memory was not searched for them.
    """

    css: RawDying
    target: RawTarget
    pins: list[RawPin]
    known: int
    locked: list[RawPin] | None = None

    @property
    def whole(self) -> bool:
        """Tell whether all of its lists were walked to their end."""
        return self.target.status == raw_census.FINISHED

    @property
    def unexplained(self) -> int | None:
        """Give the references that nothing is known to hold; None: they are not exact.

        Measured on 6.18: the count of a killed css is exactly that of folios, of dying children and, for all swapped
        pages together, one (mem_cgroup_id_get_many() in mm/memcontrol.c). How many folios the pages on no list are is
        only known when memory was searched for them; they are no more than pages.
        """
        target = self.target
        if target.references < 0 or not self.whole:
            return None
        folios = sum(pin.folios for pin in self.pins)
        unlisted = target.unevictable_pages if self.locked is None else sum(pin.folios for pin in self.locked)
        return max(0, target.references - folios - unlisted - (target.swap_references > 0) - self.known)


class Looks(NamedTuple):
    """Every dying css, what holds one otherwise than by memory, and what could not be looked for."""

    dying: list[Look]
    holders: tuple[RawHolder, ...]
    gaps: tuple[Gap, ...] = ()


def look_at_dying(
    source: CensusSource, nodes: int, memory: list[range] | None = None, progress: Progress | None = None
) -> Looks:
    """List every dying css with what pins it.

    Once they are listed, a further look that fails leaves a gap: the list is worth having without it.

    nodes: possible NUMA nodes. memory: ranges of page frames to search for pages that are on no list, None: no search.
    progress: called with seconds gone and expected.

    Raises:
        UnreclaimError: the source cannot list them on this host.

    """
    drain_batches()
    dying = source.list_dying()
    children, writebacks = Counter(css.parent_id for css in dying), Counter[int]()

    def known(css: RawDying) -> int:
        return children[css.id] + writebacks[css.serial]

    looks: dict[int, Look] = {}
    _look(source, dying, nodes, known, looks)
    holders: tuple[RawHolder, ...] = ()
    gaps: list[Gap] = []
    if unsettled := _unsettled(looks, looks):
        backings = _backings(looks.values())
        what = "writeback structures that hold some cgroups"
        holders = _try(gaps, what, lambda: source.list_writebacks(backings)) or ()
        for holder in holders:
            if (look := looks.get(holder.serial)) is not None:
                writebacks[holder.serial] += 1
                looks[holder.serial] = look._replace(known=known(look.css))
        unsettled = _unsettled(looks, unsettled)
    for _ in range(_SECOND_LOOKS):
        if not unsettled:
            break
        time.sleep(_PAUSE_SECONDS)
        _look(source, tuple(looks[serial].css for serial in unsettled), nodes, known, looks)
        unsettled = _unsettled(looks, unsettled)
    if memory is not None and any(look.target.unevictable_pages for look in looks.values()):
        frames = _try(gaps, LOCKED, lambda: source.list_frames(memory, progress))
        if frames is not None:
            looks = {serial: look._replace(locked=frames.get(serial, [])) for serial, look in looks.items()}
            unsettled = _unsettled(looks, looks)
    if unsettled:
        holders += _try(gaps, HOLDERS, source.list_holders) or ()
    return Looks(list(looks.values()), holders, tuple(gaps))


def _try(gaps: list[Gap], what: str, look: Callable[[], T]) -> T | None:
    try:
        return look()
    except UnreclaimError as error:
        gaps.append(Gap(what, error.why, error.hint))
        return None


def _unsettled(looks: Mapping[int, Look], serials: Iterable[int]) -> list[int]:
    """Give those of some css whose lists were on the move, or that hold a reference that nothing explains yet."""
    return [
        serial
        for serial in serials
        if (look := looks.get(serial)) and (look.target.status & raw_census.MOVED or look.unexplained)
    ]


def _look(
    source: CensusSource,
    dying: tuple[RawDying, ...],
    nodes: int,
    known: Callable[[RawDying], int],
    looks: dict[int, Look],
) -> None:
    """Look at some css, and put what was seen into `looks` by their serials; what was freed meanwhile is taken out."""
    for index, target, pins in source.list_pins(dying, nodes):
        css = dying[index]
        if target.status & raw_census.GONE:
            looks.pop(css.serial, None)
        else:
            looks[css.serial] = Look(css, target, pins, known(css))


def _backings(looks: Iterable[Look]) -> tuple[int, ...]:
    """Give the devices of all files that were seen."""
    return tuple(dict.fromkeys(pin.backing for look in looks for pin in look.pins if pin.backing))


def drain_batches() -> None:
    """Let each CPU put the pages that it has gathered on the lists, or the last files written would be on none.

    A CPU gathers up to 31 new folios before it adds them (folio_batch_add_and_move() in mm/swap.c); locking and
    unlocking a page of our own there drains them (mlock_vma_pages_range() in mm/mlock.c calls lru_add_drain()). CPUs
    that this process may not run on are left alone.
    """
    library = ctypes.CDLL(None)
    allowed = os.sched_getaffinity(0)
    page = ctypes.create_string_buffer(mmap.PAGESIZE)
    try:
        for cpu in sorted(allowed):
            os.sched_setaffinity(0, {cpu})
            library.mlock(page, ctypes.c_size_t(1))
            library.munlock(page, ctypes.c_size_t(1))
    finally:
        os.sched_setaffinity(0, allowed)
