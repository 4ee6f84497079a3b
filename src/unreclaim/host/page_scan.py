"""Scans all physical pages for those of certain cgroups, where no BPF can be used: /proc/kpagecgroup and kpageflags.

The kernel takes about 80 nanoseconds a page for the first file and 100 for the second, so the second is read only where
the first shows a page that matters. Memory is bounded: two buffers of a chunk.
"""

import errno
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from unreclaim.base.errors import ParseError, UnavailableError
from unreclaim.base.progress import Progress
from unreclaim.formats import kpagecgroup, kpageflags
from unreclaim.formats.iomem import FILE as IOMEM
from unreclaim.formats.iomem import parse_iomem
from unreclaim.formats.kpagecgroup import BLOCK_PAGES, ENTRY_BYTES, find_blocks
from unreclaim.formats.kpageflags import count_flags
from unreclaim.host.probe import Probe
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.page_scan import PageTally

CHUNK_PAGES = 128 * 1024


class PageScanUnavailableError(UnavailableError):
    """This host's physical pages cannot be looked at; `why` and `hint` say what is missing."""


def scan_pages(
    probe: Probe, hierarchy: Hierarchy, paths: tuple[str, ...], progress: Progress | None = None
) -> tuple[PageTally, ...]:
    """Count the pages that the kernel shows under each of these living cgroups, by their flags.

    Raises:
        PageScanUnavailableError: not root, or a kernel without these files.

    """
    inodes = {}
    for path in paths:
        try:
            inode = probe.root.inode(hierarchy.mount_point + path.rstrip("/"))
        except OSError:
            continue
        if inode is not None:
            inodes[inode] = path
    with _open(kpagecgroup.FILE) as cgroups_file, _open(kpageflags.FILE) as flags_file:
        try:
            ranges = _ranges(probe) or [(0, _end(cgroups_file))]
            counts = _scan(cgroups_file, flags_file, frozenset(inodes), ranges, progress)
        except OSError as error:
            raise PageScanUnavailableError("page scan", f"{kpagecgroup.FILE}: {error.strerror or error}") from None
    return tuple(PageTally(inodes[inode], dict(pages)) for inode, pages in counts.items())


@contextmanager
def _open(path: str) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PageScanUnavailableError("page scan", f"{path}: not permitted", hint="run as root") from None
        hint = "a kernel with CONFIG_MEMCG and CONFIG_PROC_PAGE_MONITOR has it"
        raise PageScanUnavailableError("page scan", f"{path}: {error.strerror or error}", hint=hint) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end(descriptor: int) -> int:
    """Find the number of page frames, behind which the kernel gives nothing, in some fifty reads of one entry."""
    low, high = 0, 2**48
    while low < high:
        middle = (low + high) // 2
        if os.pread(descriptor, ENTRY_BYTES, middle * ENTRY_BYTES):
            low = middle + 1
        else:
            high = middle
    return low


def _ranges(probe: Probe) -> list[tuple[int, int]]:
    """Give the page frames that are RAM, first and end of each range, in whole blocks; none where that is hidden."""
    page = os.sysconf("SC_PAGE_SIZE")
    try:
        ram = parse_iomem(probe.root.peek_text(IOMEM), file=IOMEM)
    except (OSError, ParseError):
        ram = ()
    merged: list[tuple[int, int]] = []
    for span in sorted(ram, key=lambda span: span.start):
        first = span.start // page // BLOCK_PAGES * BLOCK_PAGES
        end = -(-span.end // (page * BLOCK_PAGES)) * BLOCK_PAGES
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((first, end))
    return merged


def _chunks(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for first, end in ranges:
        for start in range(first, end, CHUNK_PAGES):
            yield start, min(CHUNK_PAGES, end - start)


def _scan(
    cgroups_file: int,
    flags_file: int,
    wanted: frozenset[int],
    ranges: list[tuple[int, int]],
    progress: Progress | None,
) -> dict[int, Counter[int]]:
    counts: dict[int, Counter[int]] = {inode: Counter() for inode in wanted}
    if not wanted:
        return counts
    cgroups, flags = (memoryview(bytearray(CHUNK_PAGES * ENTRY_BYTES)) for _ in range(2))
    whole = sum(end - first for first, end in ranges)
    done, begun = 0, time.monotonic()
    for start, number in _chunks(ranges):
        pages = _read(cgroups_file, cgroups, start, number)
        for first, end in find_blocks(cgroups[: pages * ENTRY_BYTES], wanted):
            seen = _read(flags_file, flags, start + first, end - first)
            owners = cgroups[first * ENTRY_BYTES : (first + seen) * ENTRY_BYTES]
            for inode, found in count_flags(owners, flags[: seen * ENTRY_BYTES], wanted).items():
                counts[inode].update(found)
        done += number
        if progress is not None:
            gone = time.monotonic() - begun
            progress(gone, gone * whole / done)
    return counts


def _read(descriptor: int, buffer: memoryview, start: int, number: int) -> int:
    """Read entries of pages from `start` on into a buffer; give how many there were before the file's end."""
    got = 0
    while got < number * ENTRY_BYTES:
        step = os.preadv(descriptor, [buffer[got : number * ENTRY_BYTES]], start * ENTRY_BYTES + got)
        if step == 0:
            break
        got += step
    return got // ENTRY_BYTES
