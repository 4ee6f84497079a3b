"""The census: every dying memory cgroup by name, and what pins it."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.model.gap import Gap


class PinKind(StrEnum):
    """What keeps a dying cgroup: the last charge that points to it."""

    PAGE_CACHE = "page cache"
    TMPFS = "tmpfs"
    MEMFD = "memfd"
    SYSV = "System V shared memory"
    SHARED_ANONYMOUS = "shared anonymous memory"
    ANONYMOUS = "anonymous memory"
    SWAP = "swap"
    METADATA = "filesystem metadata"
    OTHER = "other memory"
    SOCKET = "socket"
    WATCH = "inotify or fanotify group"
    PROCESS = "unreaped process"
    WRITEBACK = "writeback structure"


class Holder(Struct, frozen=True):
    """A process that keeps a file: by an open descriptor, or with descriptor None by a mapping."""

    pid: int
    name: str
    descriptor: int | None = None

    def __str__(self) -> str:
        """Say who it is, for people."""
        place = "" if self.descriptor is None else f", fd {self.descriptor}"
        return f"{self.name} (pid {self.pid}{place})"


class Pin(Struct, frozen=True):
    """One file, or kind of memory, that a dying cgroup is charged for.

    path: where an operator finds the file now, None where it has no name any more or lies on no mount; for a device's
    metadata the device. unlinked: the file has no name left and lives because it is open or mapped. bytes, dirty_bytes
    and mlocked_bytes: of this cgroup. folios: how many references to the cgroup they are. held_by: descriptors that
    hold a file without a name open. mapped_by: processes that map the file, or whose memory it is. mapped_bytes: of
    it, mapped by some process; None: not looked at.
    """

    kind: PinKind
    bytes: int
    folios: int
    path: str | None = None
    device: str | None = None
    inode: int | None = None
    dirty_bytes: int = 0
    unlinked: bool = False
    held_by: tuple[Holder, ...] = ()
    mapped_by: tuple[Holder, ...] = ()
    mlocked_bytes: int = 0
    mapped_bytes: int | None = None

    @property
    def reachable_path(self) -> str | None:
        """The path that leads to the file now, None if none does: memfds and shared memory have a name that is none."""
        return self.path if self.path is not None and self.path.startswith("/") and not self.unlinked else None

    @property
    def is_bare_reference(self) -> bool:
        """Whether no memory is charged for it; memory in swap is charged, though its bytes may not be known."""
        return self.kind in BARE_REFERENCES

    @property
    def is_reachable(self) -> bool:
        """Whether the file can be opened: by its path, or by a descriptor of who holds it."""
        return self.reachable_path is not None or any(holder.descriptor is not None for holder in self.held_by)


BARE_REFERENCES = frozenset({PinKind.SOCKET, PinKind.WATCH, PinKind.PROCESS, PinKind.WRITEBACK})
"""Kinds of pins that are a bare reference: no memory is charged for them."""


class DyingCgroup(Struct, frozen=True):
    """One dying memory cgroup. id: its inode number while it lived; serial: order of creation since boot.

    path: ancestor and names below it; ancestor: the nearest living one. references: all references to it;
    unexplained_references: those that are neither folios, dying children nor swapped pages; the pins of kinds
    `BARE_REFERENCES` tell who holds them, where that could be found. complete: all pins listed.
    invocation_id: systemd's, of the unit's last start. stirred_seconds: since its pressure was last averaged, which on
    v1 is when it was made and on v2 when something last ran in it. None: not kept, or not exact.
    """

    id: int
    name: str
    path: str
    ancestor: str
    serial: int
    memory_bytes: int
    kernel_bytes: int | None
    swap_bytes: int
    references: int | None
    unexplained_references: int | None
    pins: tuple[Pin, ...] = ()
    complete: bool = True
    invocation_id: str | None = None
    stirred_seconds: float | None = None

    @property
    def has_unknown_holder(self) -> bool:
        """Whether it has unexplained references and nobody was found who has one; writeback's are explained."""
        named = any(pin.is_bare_reference and pin.kind != PinKind.WRITEBACK for pin in self.pins)
        return bool(self.unexplained_references) and not named


class CensusGroup(Struct, frozen=True):
    """Dying cgroups with the same living ancestor, and what pins them together: each pin with its cgroups' number.

    nr_dying None: not known. relation: how bytes are meant: ``exact``, ``about`` (by subtraction of figures that are
    not of one moment) or ``at most`` (pages that the ancestor itself may own are in it).
    """

    ancestor: str
    unit: str | None
    nr_dying: int | None
    bytes: int
    pins: tuple[tuple[Pin, int], ...]
    nr_unexplained: int = 0
    relation: str = "exact"


BACKENDS_BY_NAME = frozenset({"bpf", "drgn"})
"""Backends that list every dying cgroup; others give sums below living ones."""


class Census(Struct, frozen=True):
    """All dying memory cgroups of a host. live None: not counted.

    backend: how they were found; ``none``: they could not be listed, and pages that would tell of them hold none.
    lru_reparenting: the kernel hands the page cache of a removed cgroup to its parent, so that no page pins one; None:
    not looked for.
    """

    backend: str
    live: int | None
    dying: tuple[DyingCgroup, ...]
    gaps: tuple[Gap, ...] = ()
    lru_reparenting: bool | None = None

    @property
    def by_name(self) -> bool:
        """Tell whether every dying cgroup is listed."""
        return self.backend in BACKENDS_BY_NAME
