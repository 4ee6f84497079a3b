"""Runs the census programs and turns their records into `DyingCgroup`s; see census.bpf.c for how they walk."""

import ctypes
import mmap
import os
import struct
from importlib.resources import as_file, files

from msgspec import Struct

from unreclaim.host.bpf.libbpf import BpfObject, BpfUnavailableError

# The structures of census.bpf.c, in its order.
_DYING = struct.Struct("=4Q4q2I256s")
_CENSUS_STATE = struct.Struct("=3Q4I")
_PIN = struct.Struct("=7Q4I")
_PIN_STATE = struct.Struct("=4Q12I")
_TARGET = struct.Struct("=2Q")
_SLOTS, _SLOT = 16, 128
_DYING_RECORDS, _PIN_RECORDS = 4096, 1024
_PIN_BYTES = _PIN.size + _SLOTS * _SLOT

# Places in struct pin_state.
_MAPPING, _FILLED, _FINISHED, _CUT, _MOVED = 2, 9, 10, 14, 15

_DONE, _TOO_DEEP, _CURSOR_FREED = 1, 2, 3
_BEGIN_AGAIN = 8
_MAX_RUNS = 100_000
MAX_FOLIOS = 16_384
"""Folios looked at per cgroup: enough for 64 MiB of small pages; what lies beyond is said to be cut off."""


class RawDying(Struct, frozen=True, gc=False):
    """A dying css as the kernel has it; pages are of the kernel's size, references None: not exact."""

    css: int
    serial: int
    id: int
    parent_id: int
    references: int | None
    memory_pages: int
    memsw_pages: int
    kernel_pages: int
    swap_references: int
    name: str


class RawPin(Struct, frozen=True, gc=False):
    """Folios of one mapping charged to one cgroup (its index among the targets); path: from the file's name upwards."""

    target: int
    mapping: int
    inode: int
    pages: int
    folios: int
    dirty_pages: int
    magic: int
    device: int
    special_device: int
    links: int
    path: tuple[str, ...]
    whole_path: bool


class RawCensus(Struct, frozen=True):
    """All dying css and their pins; what could not be followed: lists that moved, cgroups cut off, walks begun anew."""

    dying: tuple[RawDying, ...]
    pins: tuple[RawPin, ...]
    moved: int
    cut: int
    restarts: int


def run_census(nodes: int) -> RawCensus:
    """List every dying memory cgroup with the folios on its LRU lists; `nodes` is the number of possible NUMA nodes.

    Raises:
        BpfUnavailableError: this host cannot run the programs.

    """
    with as_file(files("unreclaim.host.bpf") / "census.bpf.o") as path, BpfObject(os.fspath(path)) as bpf:
        dying, restarts = _list_dying(bpf)
        drain_batches()
        pins, moved, cut = _list_pins(bpf, dying, nodes)
    return RawCensus(dying, pins, moved, cut, restarts)


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


def _list_dying(bpf: BpfObject) -> tuple[tuple[RawDying, ...], int]:
    with bpf.map("census_records", _DYING_RECORDS * _DYING.size) as records:
        for restarts in range(_BEGIN_AGAIN):
            found: dict[int, RawDying] = {}
            state = (0, 0, 0, 0, 0, 0, 0)
            for _ in range(_MAX_RUNS):
                # What was filled is taken; the cursor goes on where it was.
                bpf.write("census_states", _CENSUS_STATE.pack(*state[:3], 0, 0, 0, state[6]))
                bpf.run("census")
                state = _CENSUS_STATE.unpack(bpf.read("census_states", _CENSUS_STATE.size))
                for values in _DYING.iter_unpack(records[: state[3] * _DYING.size]):
                    found[values[1]] = _raw_dying(values)
                if state[4]:
                    break
            if state[4] == _DONE:
                return tuple(found.values()), restarts
            if state[4] != _CURSOR_FREED:
                raise BpfUnavailableError("BPF", "the hierarchy is deeper than 64 cgroups")
    raise BpfUnavailableError(
        "BPF", "cgroups come and go too fast for a walk", hint="try again when the host is calmer"
    )


def _raw_dying(values: tuple[int, ...]) -> RawDying:
    css, serial, identity, parent, references, memory, memsw, kernel, swap, _, name = values
    text = bytes(name).partition(b"\0")[0].decode("utf-8", "surrogateescape")
    exact = references if references >= 0 else None
    return RawDying(css, serial, identity, parent, exact, memory, memsw, kernel, swap, text)


def _list_pins(bpf: BpfObject, dying: tuple[RawDying, ...], nodes: int) -> tuple[tuple[RawPin, ...], int, int]:
    pins: list[RawPin] = []
    moved = cut = 0
    with (
        bpf.map("pin_targets", _DYING_RECORDS * _TARGET.size, writable=True) as targets,
        bpf.map("pin_records", _PIN_RECORDS * _PIN_BYTES) as records,
    ):
        for start in range(0, len(dying), _DYING_RECORDS):
            batch = dying[start : start + _DYING_RECORDS]
            for index, css in enumerate(batch):
                _TARGET.pack_into(targets, index * _TARGET.size, css.css, css.serial)
            state = (0, 0, 0, 0, 0, len(batch), 0, nodes, 0, 0, 0, 0, 0, MAX_FOLIOS, 0, 0)
            finished = 0
            while not finished:
                bpf.write("pin_states", _PIN_STATE.pack(*state))
                bpf.run("find_pins")
                now = list(_PIN_STATE.unpack(bpf.read("pin_states", _PIN_STATE.size)))
                filled, finished = now[_FILLED], now[_FINISHED]
                pins += [_raw_pin(records, index, start) for index in range(filled)]
                # The records are taken: the next folio begins a record of its own.
                now[_FILLED] = now[_MAPPING] = 0
                state = tuple(now)
            moved += state[_MOVED]
            cut += state[_CUT]
    return tuple(pins), moved, cut


def _raw_pin(records: mmap.mmap, index: int, start: int) -> RawPin:
    offset = index * _PIN_BYTES
    target, mapping, inode, pages, folios, dirty, magic, device, special, links, slots = _PIN.unpack_from(
        records, offset
    )
    names = bytes(records[offset + _PIN.size : offset + _PIN_BYTES])
    parts = [names[slot * _SLOT : (slot + 1) * _SLOT].partition(b"\0")[0] for slot in range(min(slots, _SLOTS))]
    # A name that fills its slot was cut off there.
    whole = slots <= _SLOTS and all(len(part) < _SLOT - 1 for part in parts)
    path = tuple(part.decode("utf-8", "surrogateescape") for part in parts)
    return RawPin(start + target, mapping, inode, pages, folios, dirty, magic, device, special, links, path, whole)
