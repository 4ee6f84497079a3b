"""Makes the census of this host: every dying memory cgroup with its path, what pins it, and who holds that."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from unreclaim.base.progress import Progress
from unreclaim.formats.iomem import parse_iomem
from unreclaim.host import raw_census
from unreclaim.host.dying import HOLDERS, LOCKED, Look, Looks, look_at_dying
from unreclaim.host.pinned_files import (
    FilePlaces,
    Key,
    device_name,
    find_descriptors,
    find_mappers,
    is_process,
    process_name,
    shared_memory_device,
)
from unreclaim.host.probe import Probe
from unreclaim.host.raw_census import CensusSource, RawDying, RawHolder, RawPin, RawTarget
from unreclaim.model.census import Census, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.gap import Gap

# include/uapi/linux/magic.h
_TMPFS_MAGIC, _BDEV_MAGIC = 0x01021994, 0x62646576
_ANONYMOUS = 1
_NAMED = (("memfd:", PinKind.MEMFD), ("SYSV", PinKind.SYSV), ("dev/zero", PinKind.SHARED_ANONYMOUS))
_HOLDERS = {raw_census.PROCESS: PinKind.PROCESS, raw_census.SOCKET: PinKind.SOCKET, raw_census.WATCH: PinKind.WATCH}
_NANOSECONDS = 1e9
# Files that many cgroups share are few; of files with a cgroup each none is asked for again.
_MOST_FILES = 1000


def read_census(
    probe: Probe,
    hierarchy: Hierarchy,
    open_source: Callable[[], AbstractContextManager[CensusSource]],
    nodes: int,
    *,
    locked: bool = False,
    progress: Progress | None = None,
) -> Census:
    """List the dying memory cgroups of the running host.

    hierarchy: the one with the memory controller, to find where living ancestors are. open_source: opens the way to
    look into the kernel. nodes: possible NUMA nodes. locked: search all of memory for pages that are on no list because
    they are locked (a second and more).

    Raises:
        UnreclaimError: the source cannot be opened or read on this host.

    """
    memory = probe.read("/proc/iomem", parse_iomem, "ranges of memory") if locked else None
    ranges = [span.frames(os.sysconf("SC_PAGE_SIZE")) for span in memory] if memory is not None else None
    # A cgroup may be made, or go, while the kernel is looked into: what lived before or after it is a living ancestor.
    before = _live_paths(probe, hierarchy)
    with open_source() as source:
        looks, backend = look_at_dying(source, nodes, ranges, progress), source.backend
    probe.gaps += looks.gaps
    live = _live_paths(probe, hierarchy)
    writer = _Writer(probe, looks, before, live, version=hierarchy.version)
    _note_what_is_missing(probe, looks.dying, searched=ranges is not None)
    dying = writer.write(looks.dying)
    if unnamed := sum(cgroup.has_unknown_holder for cgroup in dying):
        why = f"{unnamed} dying cgroups are held by a reference that is no page and that nobody was seen to have"
        probe.note(HOLDERS, why)
    if writer.nr_adrift:
        why = f"{writer.nr_adrift} dying cgroups lay below one that was not seen, and are told as if below /"
        probe.note("where some cgroups were", why, "run census again; from a container, on the host itself")
    return Census(backend, len(live) or None, dying, tuple(probe.gaps))


def _live_paths(probe: Probe, hierarchy: Hierarchy) -> dict[int, str]:
    """Give the path of every live cgroup by its id, which is its directory's inode number; empty: none can be seen."""
    paths = {}
    try:
        found = [path for path, _ in probe.root.walk(hierarchy.mount_point)]
    except OSError as error:
        gap = Gap("living cgroups", f"{hierarchy.mount_point}: {error.strerror or error}")
        if gap not in probe.gaps:
            probe.gaps.append(gap)
        return {}
    for path in found:
        place = f"{hierarchy.mount_point}/{path}" if path else hierarchy.mount_point
        try:
            inode = probe.root.inode(place)
        except OSError:
            continue
        if inode is not None:
            paths[inode] = f"/{path}"
    return paths


class _Writer:
    """Turns looks into what is said about them; a file that many hold is looked up once."""

    def __init__(
        self, probe: Probe, looks: Looks, before: dict[int, str], live: dict[int, str], *, version: int
    ) -> None:
        self.nr_adrift = 0
        self._version = version
        self._before = before
        self._live = live
        parents = {look.css.parent_id for look in looks.dying}
        self._by_id = {look.css.id: look.css for look in looks.dying if look.css.id in parents}
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._now = time.clock_gettime(time.CLOCK_MONOTONIC)
        self._places = FilePlaces(probe)
        self._nowhere = shared_memory_device()
        unlinked: dict[Key, str] = {}
        mapped: set[Key] = set()
        for pin in (pin for look in looks.dying for pin in _all_pins(look) if pin.magic):
            if not pin.links:
                unlinked[pin.device, pin.inode] = "".join(pin.path[:1])
            if pin.mapped:
                mapped.add((pin.device, pin.inode))
        self._descriptors = find_descriptors(unlinked)
        self._mappers = find_mappers(mapped)
        self._files: dict[Key, tuple[PinKind, str | None, bool]] = {}
        self._said: tuple[RawPin, Pin] | None = None
        self._holders: dict[int, list[RawHolder]] = {}
        for holder in looks.holders:
            self._holders.setdefault(holder.serial, []).append(holder)

    def write(self, looks: list[Look]) -> tuple[DyingCgroup, ...]:
        """Say all there is to say about every dying cgroup. The looks are used up: both take as much room again."""
        looks.reverse()
        return tuple(self._cgroup(looks.pop()) for _ in range(len(looks)))

    def _cgroup(self, look: Look) -> DyingCgroup:
        css, target, page = look.css, look.target, self._page
        path, ancestor = self._path(css)
        return DyingCgroup(
            id=css.id,
            name=css.name,
            path=path,
            ancestor=ancestor,
            serial=css.serial,
            memory_bytes=max(0, target.memory_pages) * page,
            kernel_bytes=None if self._version == 2 or target.kernel_pages < 0 else target.kernel_pages * page,
            swap_bytes=self._swap_bytes(target),
            references=None if target.references < 0 else target.references,
            unexplained_references=look.unexplained,
            pins=self._pins_of(look),
            complete=look.whole and (look.locked is not None or not target.unevictable_pages),
            invocation_id=css.invocation.decode("ascii", "replace") if css.invocation else None,
            stirred_seconds=max(0.0, self._now - css.stirred_ns / _NANOSECONDS) if css.stirred_ns else None,
        )

    def _swap_bytes(self, target: RawTarget) -> int:
        """Give the bytes in swap: v2 counts them apart, v1 together with memory."""
        pages = target.memsw_pages if self._version == 2 else target.memsw_pages - target.memory_pages
        return max(0, pages) * self._page

    def _path(self, css: RawDying) -> tuple[str, str]:
        """Give the path that a cgroup had and its nearest living ancestor."""
        names = [css.name]
        parent = css.parent_id
        while parent not in self._live and parent in self._by_id and len(names) < raw_census.MAX_LEVELS:
            names.append(self._by_id[parent].name)
            parent = self._by_id[parent].parent_id
        # One that lived before the look and is not among the dying was removed after it.
        ancestor = self._live.get(parent) or self._before.get(parent)
        if ancestor is None:
            self.nr_adrift += 1
            ancestor = "/"
        return ancestor.rstrip("/") + "/" + "/".join(reversed(names)), ancestor

    def _pins_of(self, look: Look) -> tuple[Pin, ...]:
        pins = [self._say(raw) for raw in _merge(_all_pins(look))]
        target = look.target
        if look.locked is None and target.unevictable_pages:
            size = target.unevictable_pages * self._page
            pins.append(Pin(PinKind.OTHER, size, target.unevictable_pages, mlocked_bytes=size))
        if target.swap_references:
            pins.append(Pin(PinKind.SWAP, self._swap_bytes(target), 1))
        pins += self._bare_references(look.css.serial)
        return tuple(pins)

    def _say(self, raw: RawPin) -> Pin:
        """Say what a pin is; of many cgroups that are pinned alike it is kept once."""
        if self._said is None or self._said[0] is not raw:
            self._said = (raw, self._pin(raw))
        return self._said[1]

    def _bare_references(self, serial: int) -> list[Pin]:
        pins = []
        for holder in self._holders.get(serial, ()):
            if holder.kind == raw_census.WRITEBACK:
                pins.append(Pin(PinKind.WRITEBACK, 0, 1, _device_path(holder.comm), holder.comm))
                continue
            if not is_process(holder.pid, holder.comm):
                continue
            descriptor = None if holder.kind == raw_census.PROCESS else holder.descriptor
            who = (Holder(holder.pid, holder.comm, descriptor),)
            parent: tuple[Holder, ...] = ()
            if holder.kind == raw_census.PROCESS:
                parent = (Holder(holder.parent, process_name(holder.parent)),)
            pins.append(Pin(_HOLDERS[holder.kind], 0, 1, held_by=(*who, *parent)))
        return pins

    def _pin(self, raw: RawPin) -> Pin:
        size, dirty, locked = (pages * self._page for pages in (raw.pages, raw.dirty_pages, raw.locked_pages))
        if raw.mapping & 3 == _ANONYMOUS:
            return Pin(PinKind.ANONYMOUS, size, raw.folios, mapped_by=self._owner(raw), mlocked_bytes=locked)
        if raw.magic == _BDEV_MAGIC:
            device = device_name(raw.special_device)
            return Pin(PinKind.METADATA, size, raw.folios, _device_path(device), device, dirty_bytes=dirty)
        if not raw.magic:
            return Pin(PinKind.OTHER, size, raw.folios, mlocked_bytes=locked)
        key = (raw.device, raw.inode)
        if key not in self._files:
            if len(self._files) == _MOST_FILES:
                self._files.clear()
            self._files[key] = self._file(raw)
        kind, path, unlinked = self._files[key]
        if kind != PinKind.PAGE_CACHE:
            dirty = 0  # memory is never clean, and there is no disk to write it to
        mappers = self._mappers.get(key, ()) or (self._owner(raw) if raw.mapped else ())
        holders = self._descriptors.get(key, ())
        return Pin(
            kind, size, raw.folios, path, device_name(raw.device), raw.inode, dirty, unlinked, holders, mappers, locked
        )

    def _file(self, raw: RawPin) -> tuple[PinKind, str | None, bool]:
        """Tell what kind of file it is, where it is, and whether it has lost its name."""
        if raw.device == self._nowhere and raw.form == raw_census.DETACHED:
            name = raw.path[0] if raw.path else ""
            kind = next((kind for begin, kind in _NAMED if name.startswith(begin)), PinKind.TMPFS)
            return kind, name or None, False
        kind = PinKind.TMPFS if raw.magic == _TMPFS_MAGIC else PinKind.PAGE_CACHE
        unlinked = not raw.links
        if raw.form != raw_census.WHOLE or not raw.path:
            return kind, None, unlinked
        inside = "/" + "/".join(reversed(raw.path))
        return kind, self._places.find(raw.device, raw.inode, inside, unlinked=unlinked), unlinked

    def _owner(self, raw: RawPin) -> tuple[Holder, ...]:
        """Give the process whose memory map was seen to hold a page, if it is still there."""
        return (Holder(raw.pid, raw.comm),) if is_process(raw.pid, raw.comm) else ()


def _all_pins(look: Look) -> list[RawPin]:
    return look.pins + look.locked if look.locked else look.pins


def _merge(pins: list[RawPin]) -> list[RawPin]:
    """Join records of the same mapping: a list interleaves files, and each turn made a record; the largest first."""
    if len(pins) < 2:
        return pins
    merged: dict[tuple[int, int], list[RawPin]] = {}
    for pin in pins:
        merged.setdefault((pin.mapping, pin.inode), []).append(pin)
    joined = [_sum(same) if len(same) > 1 else same[0] for same in merged.values()]
    return sorted(joined, key=lambda pin: -pin.pages)


def _sum(pins: list[RawPin]) -> RawPin:
    first = pins[0]
    return RawPin(
        first.mapping,
        first.inode,
        sum(pin.pages for pin in pins),
        sum(pin.folios for pin in pins),
        sum(pin.dirty_pages for pin in pins),
        sum(pin.locked_pages for pin in pins),
        first.magic,
        first.backing,
        first.device,
        first.special_device,
        first.links,
        first.mapped,
        first.pid,
        first.comm,
        first.form,
        first.path,
    )


def _device_path(device: str) -> str | None:
    """Give the path of a block device."""
    try:
        return "/dev/" + os.path.basename(os.readlink(f"/sys/dev/block/{device}"))
    except OSError:
        return None


def _note_what_is_missing(probe: Probe, looks: list[Look], *, searched: bool) -> None:
    moved = sum(bool(look.target.status & raw_census.MOVED) for look in looks)
    cut = sum(bool(look.target.status & raw_census.CUT) for look in looks)
    unlisted = sum(bool(look.target.unevictable_pages) for look in looks)
    if moved:
        probe.note("some pins", f"{moved} dying cgroups' pages were on the move at every look", "run census again")
    if cut:
        probe.note("some pins", f"{cut} dying cgroups hold more pages than are looked at one by one")
    if unlisted and not searched:
        why = f"{unlisted} dying cgroups hold pages that are locked in memory and on no list"
        probe.note(LOCKED, why, "unreclaim census --locked")
