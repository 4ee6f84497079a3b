"""The structures of records.bpf.h, in its order, and what becomes of them here."""

import struct

from msgspec import Struct

DYING = struct.Struct("=4Q4q2Q32s")
WALK = struct.Struct("=Q6I")
TARGET = struct.Struct("=2Q4q3Q2I")
PIN = struct.Struct("=8Q5I16s3I")
PIN_WALK = struct.Struct("=5Q10I")
HOLDER = struct.Struct("=2Q4i16s")
HOLDER_WALK = struct.Struct("=3Q4I")
WRITEBACK_WALK = struct.Struct("=3Q4I")

# The sizes of the arrays: a run fills at most so many.
DYING_RECORDS, TARGETS, PIN_RECORDS, HOLDER_RECORDS = 4096, 4096, 4096, 1024
TEXT_BYTES = 2**18 + 256
LEVELS = 64
WALK_BYTES = WALK.size + LEVELS * 16
PIN_WALK_BYTES = PIN_WALK.size + 64

# Places of what user space sets and reads in the states, by the order of their members.
WALK_RECORDS, WALK_TEXT, WALK_DONE, WALK_RESUMED = 2, 3, 4, 5
WALK_AT = {"records": 12, "text": 16}
PIN_WALK_RECORDS, PIN_WALK_TEXT, PIN_WALK_DONE = 10, 11, 12

FRAME = struct.Struct("=2Q")
FRAME_WALK = struct.Struct("=5Q")

FINISHED, MOVED, CUT, GONE = 1, 2, 4, 8
"""What became of a target: all lists walked; a list changed meanwhile; more pages than asked for; freed."""

WHOLE, TOO_DEEP, DETACHED, KNOWN = 0, 1, 2, 3
"""What a path is: down from its filesystem's top; cut off; with no top (memfd, SysV); that of the record before."""

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
