"""What stands on each rung of a recovery: one step a file, cgroup, object or process, with what it costs."""

import shlex
from collections import defaultdict
from collections.abc import Iterable

from unreclaim.analysis.census import sum_pins
from unreclaim.base.units import format_bytes
from unreclaim.model.census import DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.recovery import DROP_CACHES, Rung, Step, Support

WAIT_SECONDS = 2.0
RECLAIM_BYTES = 16 * 2**20
"""Asked for at a time, so that it can be ended in between, and asked for beyond what is known to be there."""
_NAMES_SHOWN = 4


def wait_step(cgroups: Iterable[int]) -> Step:
    """Wait: what was removed a moment ago may be on its way out."""
    return Step(Rung.WAIT, f"wait {WAIT_SECONDS:.0f} seconds for what is being freed just now", "", tuple(cgroups))


def fadvise_steps(dying: Iterable[DyingCgroup]) -> list[Step]:
    """Drop the cache of each pinning file once, whichever cgroups it holds."""
    steps = []
    for cgroups, pin in _by_object((each.id, pin) for each in dying for pin in each.pins):
        if pin.kind != PinKind.PAGE_CACHE or not pin.is_reachable or pin.mlocked_bytes >= pin.bytes:
            continue
        what = f"drop the cache of {name_of(pin)}"
        cost = "it is read from disk again when it is needed"
        if pin.dirty_bytes:
            cost = f"{format_bytes(pin.dirty_bytes)} of it written to disk first; {cost}"
        steps.append(Step(Rung.FADVISE, what, cost, cgroups, pin, obstacle=_obstacle(pin)))
    return sorted(steps, key=lambda step: -len(step.cgroups))


def sync_step(cgroups: tuple[int, ...]) -> Step:
    """Write what is dirty: the metadata of a filesystem is no file that could be told to, and dirty it stays."""
    what = "write to the disks what is not yet on them"
    return Step(Rung.RECLAIM, what, "all that is dirty on this host is written now", cgroups, syncs=True)


def reclaim_step(ancestor: str, size: int, cgroups: tuple[int, ...], support: Support) -> Step:
    """Reclaim at a living ancestor: a bounded amount on v2; v1 knows only all that is not in use."""
    file = f"{support.mount_point}{ancestor.rstrip('/')}/{support.reclaim_file}"
    if support.hierarchy_version == 1:
        cost = "live cgroups there lose their caches too, and read them from disk again"
        return Step(
            Rung.RECLAIM,
            f"reclaim all that is not in use below {ancestor}",
            cost,
            cgroups,
            None,
            ancestor,
            file,
            ("0",),
        )
    times = 1 + -(-size // RECLAIM_BYTES)
    cost = "live cgroups there lose caches that they have not used of late"
    if support.swap_bytes:
        cost += ", and may have memory swapped out"
    what = f"reclaim at most {format_bytes(times * RECLAIM_BYTES)} below {ancestor}"
    return Step(Rung.RECLAIM, what, cost, cgroups, None, ancestor, file, (str(RECLAIM_BYTES),) * times)


def remove_steps(pins: Iterable[tuple[int, Pin]]) -> list[Step]:
    """Name each object in memory that only its removal frees; pins: those without a disk, with their cgroups."""
    steps = []
    for cgroups, pin in _by_object(pins):
        command = None
        if pin.kind == PinKind.SYSV and pin.inode is not None and not pin.unlinked:
            # The kernel makes a segment's id its inode number: newseg() in ipc/shm.c.
            what, command = f"remove the shared memory segment {pin.inode}", f"ipcrm -m {pin.inode}"
        elif pin.kind == PinKind.TMPFS and (path := pin.reachable_path) is not None:
            what = f"remove {path}"
            command = f"rm -- {shlex.quote(path)}" if path.isprintable() else None
        else:
            what = f"let go of {name_of(pin)}"
        cost = "what is in it is lost, and whoever uses it must be done with it"
        processes = (*pin.held_by, *pin.mapped_by)
        steps.append(
            Step(Rung.REMOVE, what, cost, cgroups, pin, processes=processes, command=command, obstacle=_in_use(pin))
        )
    return sorted(steps, key=lambda step: -len(step.cgroups))


def restart_steps(pins: Iterable[tuple[int, Pin]]) -> list[Step]:
    """Name each process that has to let go; pins: those that a restart may free, with their cgroups."""
    kept: dict[tuple[Holder | None, str], dict[int, str]] = defaultdict(dict)
    for cgroup, pin in pins:
        if pin.kind == PinKind.PROCESS and len(pin.held_by) == 2:
            ended, parent = pin.held_by
            kept[parent, f"let {parent} collect its child {ended}, which has ended, or restart it"][cgroup] = ""
            continue
        for process in (*pin.held_by, *pin.mapped_by):
            # Descriptors do not matter: a process is restarted once.
            whole = Holder(process.pid, process.name)
            kept[whole, f"restart {whole}: it keeps "][cgroup] = name_of(pin)
        if not (pin.held_by or pin.mapped_by):
            kept[None, f"restart what keeps {name_of(pin)}"][cgroup] = ""
    steps = []
    for (holder, what), names in kept.items():
        first, *more = dict.fromkeys(names.values())
        text = f"{what}{first}{f' and {len(more)} more' if more else ''}"
        steps.append(Step(Rung.RESTART, text, _RESTART_COST, tuple(names), processes=(holder,) if holder else ()))
    return sorted(steps, key=lambda step: -len(step.cgroups))


_RESTART_COST = "its work is interrupted"


def reference_step(cgroups: tuple[int, ...]) -> tuple[Step, ...]:
    """Say what cgroups with references that nobody was seen to have may need; none: nothing."""
    what = "restart who took an open descriptor out of them; who that is was not seen"
    return (Step(Rung.RESTART, what, _RESTART_COST, cgroups),) if cgroups else ()


def drop_caches_steps(cgroups: tuple[int, ...]) -> tuple[Step, ...]:
    """Drop the caches of the whole host: pages first, then names and inodes."""
    lose = "every service on this host reads its files from disk again"
    names = "names and inodes of the whole host are looked up again"
    return (
        Step(Rung.DROP_CACHES, "drop the page cache of the whole host", lose, cgroups, file=DROP_CACHES, texts=("1",)),
        Step(Rung.DROP_CACHES, "drop its caches of names and inodes", names, cgroups, file=DROP_CACHES, texts=("2",)),
    )


def name_of(pin: Pin) -> str:
    """Name a pin for people."""
    where = f"inode {pin.inode} of device {pin.device}"
    if pin.unlinked and pin.path is None:
        return f"a deleted file ({where})"
    if pin.path is None:
        article = "an " if pin.kind.startswith(("i", "u")) else "a "
        kind = f"{article if pin.is_bare_reference else ''}{pin.kind}"
        return kind if pin.inode is None else f"a file without a path here ({where})"
    return f"{pin.path} (deleted)" if pin.unlinked else pin.path


def _obstacle(pin: Pin) -> str | None:
    parts = []
    if pin.mapped_by:
        parts.append(f"mapped by {_names(pin.mapped_by)}: pages that they have mapped stay")
    if pin.mlocked_bytes:
        parts.append(f"{format_bytes(pin.mlocked_bytes)} of it are locked in memory and stay")
    return "; ".join(parts) or None


def _in_use(pin: Pin) -> str | None:
    users = (*pin.held_by, *pin.mapped_by)
    return f"stays until {_names(users)} let go of it" if users else None


def _names(processes: tuple[Holder, ...]) -> str:
    more = len(processes) - _NAMES_SHOWN
    return ", ".join(map(str, processes[:_NAMES_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _by_object(pins: Iterable[tuple[int, Pin]]) -> list[tuple[tuple[int, ...], Pin]]:
    """Join the pins of one file or object; each with the ids of its cgroups."""
    shared: dict[tuple[PinKind, str | None, int | None, str | None], list[tuple[int, Pin]]] = defaultdict(list)
    for cgroup, pin in pins:
        shared[pin.kind, pin.device, pin.inode, pin.path].append((cgroup, pin))
    return [(tuple(dict.fromkeys(i for i, _ in same)), sum_pins([pin for _, pin in same])) for same in shared.values()]
