"""What a look into the kernel gives of dying cgroups, before anything of it is looked up; and who can give it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from unreclaim.base.progress import Progress

MAX_LEVELS = 64
"""Cgroups in one another, and directories on a path, beyond which no walk goes."""

MAX_FOLIOS = 65_536
"""Folios looked at per cgroup: 256 MiB of small pages; what lies beyond is said to be cut off."""

FINISHED, MOVED, CUT, GONE = 1, 2, 4, 8
"""What became of a target: all lists walked; a list changed meanwhile; more pages than asked for; freed."""

WHOLE, TOO_DEEP, DETACHED = 0, 1, 2
"""What a path is: down from its filesystem's top; cut off; with no top (memfd, SysV)."""

PROCESS, SOCKET, WATCH, WRITEBACK = 1, 2, 3, 4
"""Holders that are no page: an unreaped process, a socket, an inotify or fanotify group, a writeback structure."""


class RawDying(Struct, frozen=True, gc=False):
    """A dying css as the kernel has it.

    Pages are of the kernel's size. references -1: not exact. kernel_pages -1: this kernel does not count them apart.
    stirred_ns: when its pressure was last averaged, since boot; 0: not kept. invocation: systemd's id, or empty.
    """

    css: int
    serial: int
    id: int
    parent_id: int
    references: int
    memory_pages: int
    memsw_pages: int
    kernel_pages: int
    stirred_ns: int
    swap_references: int
    invocation: bytes
    name: str


class RawTarget(Struct, frozen=True, gc=False):
    """What a dying css said of itself at the moment when its pages were listed; status: see `FINISHED` and so on.

    unevictable_pages: those that are on no list.
    """

    references: int
    memory_pages: int
    memsw_pages: int
    kernel_pages: int
    swap_references: int
    unevictable_pages: int
    folios: int
    status: int


class RawPin(Struct, frozen=True, gc=False):
    """Folios of one mapping that are charged to one target; path: from the file's name upwards; form: see `WHOLE`.

    mapping, inode, device and so on are the kernel's; backing: the address of its device's backing_dev_info. mapped: 1
    if somebody maps it; pid and comm: who, as far as could be seen.
    """

    mapping: int
    inode: int
    pages: int
    folios: int
    dirty_pages: int
    locked_pages: int
    magic: int
    backing: int
    device: int
    special_device: int
    links: int
    mapped: int
    pid: int
    comm: str
    form: int
    path: tuple[str, ...]


class RawHolder(Struct, frozen=True, gc=False):
    """What holds a dying css without a page: a process, unreaped (descriptor -1) or with a socket or watch open.

    Of kind `WRITEBACK` it is a device (its number in comm, as major:minor) with files that the cgroup dirtied.
    """

    css: int
    serial: int
    pid: int
    parent: int
    descriptor: int
    kind: int
    comm: str


class CensusSource(Protocol):
    """A way to look into the kernel: its BPF programs, or drgn.

    What it gives may be stale when it is given. It marks what changed under it (`MOVED`, `GONE`), and makes nothing up.
    """

    @property
    def backend(self) -> str:
        """Its name in a census."""

    def list_dying(self) -> tuple[RawDying, ...]:
        """List every dying css."""

    def list_pins(self, dying: Sequence[RawDying], nodes: int) -> Iterator[tuple[int, RawTarget, list[RawPin]]]:
        """Give, for each css by its place in `dying`, what it says of itself now and the folios on its lists."""

    def list_holders(self) -> tuple[RawHolder, ...]:
        """List the processes that hold a dying css otherwise than by memory."""

    def list_writebacks(self, starts: Iterable[int]) -> tuple[RawHolder, ...]:
        """List the writeback structures of dying css; starts: backing_dev_infos that were seen."""

    def list_frames(self, ranges: Sequence[range], progress: Progress | None) -> dict[int, list[RawPin]]:
        """Find the pages of dying css that may not be reclaimed (mlock) among all of memory; by css serial."""
