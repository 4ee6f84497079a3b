"""Makes the census of this host: every dying memory cgroup with its path, what pins it, and who holds deleted files."""

import os
import time

from unreclaim.formats.mountinfo import Mount
from unreclaim.host.bpf.census import RawCensus, RawDying, RawPin, run_census
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.model.census import Census, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.cgroups import Hierarchy

# include/uapi/linux/magic.h
_TMPFS_MAGIC, _BDEV_MAGIC = 0x01021994, 0x62646576
_ANONYMOUS = 1
_MINOR_BITS = 20
# A reference may be one of a moment: a page on its way to a list, a reader in a walk. One that stays is a pin.
_SECOND_LOOKS, _PAUSE_SECONDS = 3, 0.1


def read_census(probe: Probe, hierarchy: Hierarchy, nodes: int) -> Census:
    """List the dying memory cgroups of the running host by BPF.

    hierarchy: the one with the memory controller, to find where living ancestors are.

    Raises:
        BpfUnavailableError: this host cannot run the programs.

    """
    raw = run_census(nodes)
    for _ in range(_SECOND_LOOKS):
        if not any(_unexplained(raw)):
            break
        time.sleep(_PAUSE_SECONDS)
        raw = run_census(nodes)
    live = _live_paths(probe, hierarchy)
    mounts = read_mounts(probe)
    holders = _find_holders({(pin.device, pin.inode) for pin in raw.pins if pin.inode and not pin.links})
    if raw.moved:
        probe.note("some pins", f"{raw.moved} lists of pages changed while they were walked", "run census again")
    if raw.cut:
        probe.note("some pins", f"{raw.cut} dying cgroups hold more pages than are looked at one by one")
    if _uses_mglru(probe):
        probe.note("pins", "this kernel keeps pages on multi-generation lists, which this version does not walk")
    pins: dict[int, list[Pin]] = {}
    for raw_pin in _merge(raw.pins):
        pins.setdefault(raw_pin.target, []).append(_pin(raw_pin, mounts, holders))
    complete = not raw.moved and not raw.cut
    by_id = {css.id: css for css in raw.dying}
    dying = tuple(
        _dying(css, by_id, live, tuple(pins.get(index, ())), unexplained if complete else None, complete=complete)
        for index, (css, unexplained) in enumerate(zip(raw.dying, _unexplained(raw), strict=True))
    )
    return Census("bpf", len(live), dying, tuple(probe.gaps))


def _live_paths(probe: Probe, hierarchy: Hierarchy) -> dict[int, str]:
    """Give the path of every live cgroup by its id, which is its directory's inode number."""
    paths = {}
    for path, _ in probe.root.walk(hierarchy.mount_point):
        place = f"{hierarchy.mount_point}/{path}" if path else hierarchy.mount_point
        try:
            inode = probe.root.inode(place)
        except OSError:
            continue
        if inode is not None:
            paths[inode] = f"/{path}"
    return paths


def _unexplained(raw: RawCensus) -> list[int | None]:
    """Give, for each dying css, its references that are no folio, no dying child and no swap; None: not exact.

    On 6.18 the count of a killed css is exactly that of folios, dying children and, for swapped pages, one more.
    """
    known = [int(css.swap_references > 0) for css in raw.dying]
    for pin in raw.pins:
        known[pin.target] += pin.folios
    index = {css.id: number for number, css in enumerate(raw.dying)}
    for css in raw.dying:
        if css.parent_id in index:
            known[index[css.parent_id]] += 1
    return [
        None if css.references is None else max(0, css.references - explained)
        for css, explained in zip(raw.dying, known, strict=True)
    ]


def _dying(
    css: RawDying,
    by_id: dict[int, RawDying],
    live: dict[int, str],
    pins: tuple[Pin, ...],
    unexplained: int | None,
    *,
    complete: bool,
) -> DyingCgroup:
    names = [css.name]
    parent = css.parent_id
    while parent not in live and parent in by_id and len(names) < len(by_id):
        names.append(by_id[parent].name)
        parent = by_id[parent].parent_id
    ancestor = live.get(parent, "/")
    page = os.sysconf("SC_PAGE_SIZE")
    return DyingCgroup(
        id=css.id,
        name=css.name,
        path=ancestor.rstrip("/") + "/" + "/".join(reversed(names)),
        ancestor=ancestor,
        serial=css.serial,
        memory_bytes=max(0, css.memory_pages) * page,
        kernel_bytes=max(0, css.kernel_pages) * page,
        swap_bytes=max(0, css.memsw_pages - css.memory_pages) * page,
        references=css.references,
        unexplained_references=unexplained,
        pins=pins,
        complete=complete,
    )


def _merge(pins: tuple[RawPin, ...]) -> list[RawPin]:
    """Join records of the same mapping and cgroup: a list interleaves files, and each turn made a record."""
    merged: dict[tuple[int, int], RawPin] = {}
    for pin in pins:
        key = (pin.target, pin.mapping)
        if (same := merged.get(key)) is not None:
            pages, folios, dirty = same.pages + pin.pages, same.folios + pin.folios, same.dirty_pages + pin.dirty_pages
            merged[key] = RawPin(
                pin.target,
                pin.mapping,
                pin.inode,
                pages,
                folios,
                dirty,
                pin.magic,
                pin.device,
                pin.special_device,
                pin.links,
                pin.path,
                pin.whole_path,
            )
        else:
            merged[key] = pin
    return sorted(merged.values(), key=lambda pin: (pin.target, -pin.pages))


def _pin(raw: RawPin, mounts: tuple[Mount, ...], holders: dict[tuple[int, int], tuple[Holder, ...]]) -> Pin:
    page = os.sysconf("SC_PAGE_SIZE")
    size, dirty = raw.pages * page, raw.dirty_pages * page
    if raw.mapping & 3 == _ANONYMOUS:
        return Pin(PinKind.ANONYMOUS, size, raw.folios)
    if raw.magic == _BDEV_MAGIC:
        return Pin(PinKind.METADATA, size, raw.folios, device=_device_name(raw.special_device), dirty_bytes=dirty)
    if not raw.inode:
        return Pin(PinKind.OTHER, size, raw.folios)
    kind = PinKind.TMPFS if raw.magic == _TMPFS_MAGIC else PinKind.PAGE_CACHE
    return Pin(
        kind,
        size,
        raw.folios,
        _path(raw, mounts),
        _device_name(raw.device),
        raw.inode,
        dirty,
        raw.links == 0,
        holders.get((raw.device, raw.inode), ()),
    )


def _device_name(device: int) -> str:
    """Write a kernel dev_t as mountinfo does: major:minor."""
    return f"{device >> _MINOR_BITS}:{device & (1 << _MINOR_BITS) - 1}"


def _path(raw: RawPin, mounts: tuple[Mount, ...]) -> str | None:
    """Find the file where its filesystem is mounted; without a mount (memfd, SysV) its bare name."""
    if not raw.path or not raw.whole_path:
        return None
    inside = "/" + "/".join(reversed(raw.path))
    device = _device_name(raw.device)
    shown = [mount for mount in mounts if mount.device == device]
    for mount in sorted(shown, key=lambda mount: len(mount.root)):
        top = mount.root.rstrip("/")
        if inside == mount.root or inside.startswith(top + "/"):
            return (mount.mount_point.rstrip("/") + inside[len(top) :]) or "/"
    # memfd and SysV memory lie on a tmpfs that is mounted nowhere and go by a bare name; other files that are out of
    # sight (another mount namespace, a lazily unmounted disk) have no path that an operator here could use.
    return inside.lstrip("/") if raw.magic == _TMPFS_MAGIC and not shown else None


def _find_holders(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], tuple[Holder, ...]]:
    """Find who holds deleted files open, by device and inode of every descriptor; only where there are such files."""
    holders: dict[tuple[int, int], list[Holder]] = {}
    pids = [name for name in os.listdir("/proc") if name.isdigit()] if wanted else []
    for pid in pids:
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                status = os.stat(f"/proc/{pid}/fd/{descriptor}")
            except OSError:
                continue
            device = os.major(status.st_dev) << _MINOR_BITS | os.minor(status.st_dev)
            if (device, status.st_ino) in wanted:
                holders.setdefault((device, status.st_ino), []).append(Holder(int(pid), _name(pid), int(descriptor)))
    return {key: tuple(names) for key, names in holders.items()}


def _name(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a process that has ended"


def _uses_mglru(probe: Probe) -> bool:
    try:
        return int(probe.root.read_text("/sys/kernel/mm/lru_gen/enabled").strip(), 16) & 1 == 1
    except (OSError, ValueError):
        return False
