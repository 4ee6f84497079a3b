"""Runs the census programs and unpacks their records; census.bpf.c tells how they walk."""

import ctypes
import gc
import mmap
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from typing import Any, Self

from unreclaim.base.progress import Progress
from unreclaim.host.bpf import records
from unreclaim.host.bpf.libbpf import BpfObject, BpfUnavailableError, Log
from unreclaim.host.raw_census import MAX_FOLIOS, RawDying, RawHolder, RawPin, RawTarget

_DONE, _TOO_DEEP = 1, 2
_MAX_RUNS = 1_000_000
_MAX_RESUMES = 10_000
_MAX_RESTARTS = 20
# Documentation/admin-guide/mm/pagemap.rst
_FRAME_BITS, _PRESENT = (1 << 55) - 1, 1 << 63

Paths = dict[tuple[int, int], tuple[int, tuple[str, ...]]]
"""By mapping and inode: what the path is and its names; see `raw_census.WHOLE`."""


class CensusPrograms:
    """The loaded programs; leaving the ``with`` block unloads them."""

    backend = "bpf"

    def __init__(self, log: Log | None = None) -> None:
        """Load the programs, which takes most of a census's time: the kernel's BTF is read.

        log: is given what libbpf says, line by line.

        Raises:
            BpfUnavailableError: this host cannot run them.

        """
        # How often the last walk had lost its place and found it again.
        self.resumed = 0
        self._filesystems: dict[tuple[int, ...], tuple[int, ...]] = {}
        with ExitStack() as stack:
            path = stack.enter_context(as_file(files("unreclaim.host.bpf") / "census.bpf.o"))
            self._bpf = stack.enter_context(BpfObject(os.fspath(path), log))
            self._text = self._map(stack, "texts", records.TEXT_BYTES)
            self._walk = self._map(stack, "walks", records.WALK_BYTES)
            self._dying = self._map(stack, "dying_records", records.DYING_RECORDS * records.DYING.size)
            self._pin_walk = self._map(stack, "pin_walks", records.PIN_WALK_BYTES)
            self._targets = self._map(stack, "targets", records.TARGETS * records.TARGET.size)
            self._pins = self._map(stack, "pin_records", records.PIN_RECORDS * records.PIN.size)
            self._frame_walk = self._map(stack, "frame_walks", records.FRAME_WALK.size)
            self._frames = self._map(stack, "frame_records", records.PIN_RECORDS * records.FRAME.size)
            self._holder_walk = self._map(stack, "holder_walks", records.HOLDER_WALK.size)
            self._writeback_walk = self._map(stack, "writeback_walks", records.WRITEBACK_WALK.size)
            self._holders = self._map(stack, "holder_records", records.HOLDER_RECORDS * records.HOLDER.size)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Give the programs themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Unload the programs."""
        self._stack.close()

    def _map(self, stack: ExitStack, name: str, size: int) -> mmap.mmap:
        return stack.enter_context(self._bpf.map(name, size))

    def list_dying(self) -> tuple[RawDying, ...]:
        """List every dying css.

        Raises:
            BpfUnavailableError: the hierarchy is too deep, or cgroups come and go too fast.

        """
        self._walk[:] = bytes(len(self._walk))
        found: list[RawDying] = []
        with _no_collection():
            for _ in range(_MAX_RUNS):
                self._walk[records.WALK_AT["records"] : records.WALK_AT["text"] + 4] = bytes(8)
                self._bpf.run("walk_dying")
                state = records.WALK.unpack_from(self._walk)
                filled, done = state[records.WALK_RECORDS], state[records.WALK_DONE]
                names = self._names(state[records.WALK_TEXT])
                rows = records.DYING.iter_unpack(self._dying[: filled * records.DYING.size])
                found += [_raw_dying(row, name) for row, name in zip(rows, names, strict=False)]
                self.resumed = state[records.WALK_RESUMED]
                if done == _DONE:
                    return tuple(found)
                if done == _TOO_DEEP:
                    raise BpfUnavailableError("BPF", "the hierarchy is deeper than 64 cgroups")
                if self.resumed > _MAX_RESUMES:
                    break
        raise BpfUnavailableError(
            "BPF", "cgroups come and go too fast for a walk", hint="try again when the host is calmer"
        )

    def list_pins(self, dying: Sequence[RawDying], nodes: int) -> Iterator[tuple[int, RawTarget, list[RawPin]]]:
        """Give, for each css by its place in `dying`, what it says of itself now and the folios on its lists.

        nodes: the number of possible NUMA nodes.
        """
        for start in range(0, len(dying), records.TARGETS):
            batch = dying[start : start + records.TARGETS]
            with _no_collection():
                pins = self._list_batch(batch, nodes)
                rows = records.TARGET.iter_unpack(self._targets[: len(batch) * records.TARGET.size])
                targets = [RawTarget(*(*row[2:9], row[10])) for row in rows]
            for index, target in enumerate(targets):
                yield start + index, target, pins.get(index, [])

    def _list_batch(self, batch: Sequence[RawDying], nodes: int) -> dict[int, list[RawPin]]:
        pack = records.TARGET.pack
        self._targets[: len(batch) * records.TARGET.size] = b"".join(
            [pack(css.css, css.serial, 0, 0, 0, 0, 0, 0, 0, MAX_FOLIOS, 0) for css in batch]
        )
        state = (0, 0, 0, 0, 0, 0, len(batch), 0, nodes, 0, 0, 0, 0, 0, 0)
        found: dict[int, list[RawPin]] = {}
        paths: Paths = {}
        while not state[records.PIN_WALK_DONE]:
            records.PIN_WALK.pack_into(self._pin_walk, 0, *state)
            self._bpf.run("find_pins")
            now = list(records.PIN_WALK.unpack_from(self._pin_walk))
            for target, pin in self._unpack_pins(now[records.PIN_WALK_RECORDS], now[records.PIN_WALK_TEXT], paths):
                found.setdefault(target, []).append(pin)
            # The records are taken: the next folio begins a record of its own.
            now[2] = now[records.PIN_WALK_RECORDS] = now[records.PIN_WALK_TEXT] = 0
            state = tuple(now)
        return found

    def _unpack_pins(self, filled: int, text: int, paths: Paths) -> Iterator[tuple[int, RawPin]]:
        """Give each pin with its target; `paths` remembers those of the batch."""
        names = self._names(text)
        place = 0
        last: tuple[object, ...] = ()
        pin = None
        for row in records.PIN.iter_unpack(self._pins[: filled * records.PIN.size]):
            target, slots, form = row[14:]
            if form != records.KNOWN:
                # The directories of many files are few.
                paths[row[:2]] = (form, tuple(map(sys.intern, names[place : place + slots])))
                place += slots
                pin = None
            # Many cgroups that share a log are pinned alike, page by page; what is equal is kept once.
            same = row[:14]
            if pin is None or same != last:
                # Nor are there many filesystems: numbers are objects of their own, too.
                filesystem = self._filesystems.setdefault(same[6:10], same[6:10])
                comm = _comm(same[13]) if same[12] else ""
                pin = RawPin(*(*same[:6], *filesystem, *same[10:13], comm, *paths[same[:2]]))
                last = same
            yield target, pin

    def list_holders(self) -> tuple[RawHolder, ...]:
        """List the processes that hold a dying css otherwise than by memory.

        Raises:
            BpfUnavailableError: processes come and go too fast.

        """
        self._holder_walk[:] = bytes(len(self._holder_walk))
        found: dict[tuple[int, int, int], RawHolder] = {}
        first = task = start = descriptor = restarted = 0
        for _ in range(_MAX_RUNS):
            records.HOLDER_WALK.pack_into(self._holder_walk, 0, first, task, start, descriptor, 0, 0, restarted)
            self._bpf.run("find_holders")
            first, task, start, descriptor, filled, done, restarted = records.HOLDER_WALK.unpack_from(self._holder_walk)
            for holder in self._unpack_holders(filled):
                found[holder.serial, holder.pid, holder.descriptor] = holder
            if done:
                return tuple(found.values())
            if restarted > _MAX_RESTARTS:
                break
        raise BpfUnavailableError("BPF", "processes come and go too fast for a walk")

    def list_writebacks(self, starts: Iterable[int]) -> tuple[RawHolder, ...]:
        """List the writeback structures of dying css on all devices.

        starts: addresses of backing_dev_infos to begin the walk over all devices at, besides that of "/": not every
        filesystem has one of its own.
        """
        found: dict[tuple[int, str], RawHolder] = {}
        for start in (0, *starts):
            first, device, position, done, devices = start, 0, 0, 0, 0
            for _ in range(_MAX_RUNS):
                records.WRITEBACK_WALK.pack_into(self._writeback_walk, 0, first, device, position, 0, 0, devices, 0)
                self._bpf.run("find_writebacks")
                state = records.WRITEBACK_WALK.unpack_from(self._writeback_walk)
                first, device, position, filled, done, devices, _ = state
                for holder in self._unpack_holders(filled):
                    found[holder.serial, holder.comm] = holder
                if done:
                    break
            if devices > 1:
                break
        return tuple(found.values())

    def _unpack_holders(self, filled: int) -> Iterator[RawHolder]:
        for row in records.HOLDER.iter_unpack(self._holders[: filled * records.HOLDER.size]):
            yield RawHolder(*(*row[:-1], _comm(row[-1])))

    def list_frames(self, ranges: Sequence[range], progress: Progress | None) -> dict[int, list[RawPin]]:
        """Find the pages of dying cgroups that may not be reclaimed (mlock) among all of memory; by css serial.

        ranges: page frame numbers that are memory. progress: called with the seconds gone and those that it will take.

        Raises:
            BpfUnavailableError: this kernel's pages cannot be found by their numbers.

        """
        found: dict[int, list[RawPin]] = {}
        base = self._find_page_array()
        whole, done, start = sum(map(len, ranges)), 0, time.monotonic()
        for span in ranges:
            at = span.start
            while at < span.stop:
                records.FRAME_WALK.pack_into(self._frame_walk, 0, base, at, span.stop, 0, 0)
                records.PIN_WALK.pack_into(self._pin_walk, 0, *(0,) * 15)
                self._bpf.run("find_frames")
                before, at = at, records.FRAME_WALK.unpack_from(self._frame_walk)[1]
                state = records.PIN_WALK.unpack_from(self._pin_walk)
                filled = state[records.PIN_WALK_RECORDS]
                if filled:
                    owners = records.FRAME.iter_unpack(self._frames[: filled * records.FRAME.size])
                    pins = self._unpack_pins(filled, state[records.PIN_WALK_TEXT], {})
                    for (_, serial), (_, pin) in zip(owners, pins, strict=True):
                        found.setdefault(serial, []).append(pin)
                elif at == before:
                    raise BpfUnavailableError("BPF", "the walk over memory stands still")
                done += at - before
                if progress is not None:
                    gone = time.monotonic() - start
                    progress(gone, gone * whole / max(1, done))
        return found

    def _find_page_array(self) -> int:
        """Give where the struct page of frame 0 would be: that of a page of our own, less its number."""
        descriptor = os.memfd_create("unreclaim")
        try:
            os.ftruncate(descriptor, mmap.PAGESIZE)
            with mmap.mmap(descriptor, mmap.PAGESIZE) as page:
                page[0] = 1
                number = _frame_number(page)
                records.FRAME_WALK.pack_into(self._frame_walk, 0, 0, 0, 0, descriptor, 0)
                self._bpf.run("find_frames")
                address, _, _, _, size = records.FRAME_WALK.unpack_from(self._frame_walk)
        finally:
            os.close(descriptor)
        if not number or not address or address & 3 or (address - number * size) & (mmap.PAGESIZE - 1):
            raise BpfUnavailableError("BPF", "the pages of this kernel cannot be found by their numbers")
        return int(address - number * size)

    def _names(self, size: int) -> list[str]:
        return self._text[:size].decode("utf-8", "surrogateescape").split("\0")


def _raw_dying(row: tuple[Any, ...], name: str) -> RawDying:
    return RawDying(*(*row[:10], row[10].rstrip(b"\0"), name))


def _frame_number(page: mmap.mmap) -> int:
    """Give the number of the page frame behind a mapped page; 0: not shown to this process."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        pagemap.seek(address // mmap.PAGESIZE * 8)
        entry = int.from_bytes(pagemap.read(8), sys.byteorder)
    return entry & _FRAME_BITS if entry & _PRESENT else 0


def _comm(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Make many small objects without the collector looking at all of them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
