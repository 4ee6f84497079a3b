"""The reproducers: what a process in each cgroup does, and what the laboratory's own process does about it.

A maker is a context: within it `Maker.work` is called in a process inside the n-th cgroup, `Maker.after` in our own
when that has ended. What our own process holds (descriptors, mappings) it holds until the context ends.
"""

import contextlib
import ctypes
import mmap
import os
import resource
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

from unreclaim.lab.errors import LabError
from unreclaim.lab.grounds import Grounds

PAGE = os.sysconf("SC_PAGE_SIZE")
_PAGE = bytes(PAGE)
_NAMES = 30
_SPARE_DESCRIPTORS = 64


def _nothing(number: int) -> None:
    """Do nothing about the n-th."""


class Maker(NamedTuple):
    """What is done in each cgroup (by number), and afterwards in our own process; removed: the cgroup is, too."""

    work: Callable[[int], object] = _nothing
    after: Callable[[int], object] = _nothing
    removed: bool = True


Context = contextlib.AbstractContextManager[Maker]


def make_maker(kind: str, grounds: Grounds, count: int) -> Context:
    """Give the context of a reproducer for so many cgroups.

    Raises:
        LabError: within it, this process may not do what it takes.

    """
    return _MAKERS[kind](grounds, count)


@contextlib.contextmanager
def _empty(grounds: Grounds, count: int) -> Iterator[Maker]:  # noqa: ARG001  as all of them
    yield Maker()


@contextlib.contextmanager
def _live(grounds: Grounds, count: int) -> Iterator[Maker]:  # noqa: ARG001
    yield Maker(removed=False)


@contextlib.contextmanager
def _files(place: str, count: int) -> Iterator[Maker]:
    for number in range(count):
        # Beforehand: the filesystem's own pages are charged to whoever makes a file.
        os.close(_create(f"{place}/{number}"))
    os.sync()
    yield Maker(lambda number: _append(f"{place}/{number}"))


def _page_cache(grounds: Grounds, count: int) -> Context:
    return _files(grounds.disk, count)


def _tmpfs(grounds: Grounds, count: int) -> Context:
    return _files(grounds.tmpfs, count)


@contextlib.contextmanager
def _shared_log(grounds: Grounds, count: int) -> Iterator[Maker]:  # noqa: ARG001
    path = f"{grounds.disk}/log"
    os.close(_create(path))
    yield Maker(lambda _: _append(path))


@contextlib.contextmanager
def _memfd(grounds: Grounds, count: int) -> Iterator[Maker]:
    descriptor = os.memfd_create(os.path.basename(grounds.cgroup), os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, count * PAGE)
        yield Maker(lambda number: os.pwrite(descriptor, _PAGE, number * PAGE))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _mapped(grounds: Grounds, count: int) -> Iterator[Maker]:
    with _mapped_file(grounds, count) as (descriptor, mapping):
        # Reading a page of the mapping maps it.
        yield Maker(
            lambda number: os.pwrite(descriptor, _PAGE, number * PAGE),
            lambda number: mapping[number * PAGE],
        )


@contextlib.contextmanager
def _mlock(grounds: Grounds, count: int) -> Iterator[Maker]:
    libc = ctypes.CDLL(None, use_errno=True)
    with _mapped_file(grounds, count) as (descriptor, mapping):
        start = ctypes.addressof(ctypes.c_char.from_buffer(mapping))

        def lock(number: int) -> None:
            if libc.mlock(ctypes.c_void_p(start + number * PAGE), ctypes.c_size_t(PAGE)):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "mlock")

        yield Maker(lambda number: os.pwrite(descriptor, _PAGE, number * PAGE), lock)


@contextlib.contextmanager
def _mapped_file(grounds: Grounds, count: int) -> Iterator[tuple[int, mmap.mmap]]:
    descriptor = _create(f"{grounds.disk}/mapped")
    try:
        os.ftruncate(descriptor, count * PAGE)
        with mmap.mmap(descriptor, count * PAGE) as mapping:
            yield descriptor, mapping
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _dentries(grounds: Grounds, count: int) -> Iterator[Maker]:  # noqa: ARG001
    def look_up(number: int) -> None:
        for name in range(_NAMES):
            os.path.exists(f"{grounds.disk}/none-{number}-{name}")

    yield Maker(look_up)


@contextlib.contextmanager
def _sockets(grounds: Grounds, count: int) -> Iterator[Maker]:  # noqa: ARG001
    _allow_descriptors(count + _SPARE_DESCRIPTORS)
    kept: list[int] = []
    ours, theirs = socket.socketpair()

    def pass_on(_: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as opened:
            opened.bind(("127.0.0.1", 0))
            opened.listen(1)
            socket.send_fds(theirs, [b"x"], [opened.fileno()])

    try:
        with ours, theirs:
            yield Maker(pass_on, lambda _: kept.extend(socket.recv_fds(ours, 1, 1)[1]))
    finally:
        for descriptor in kept:
            os.close(descriptor)


def _allow_descriptors(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        if hard != resource.RLIM_INFINITY and hard < number:
            hint = f"use --count {max(1, hard - _SPARE_DESCRIPTORS)}, or raise it: ulimit -Hn {number}"
            raise LabError("lab", f"no more than {hard} descriptors may be open here", hint=hint)
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


def _create(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _append(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(descriptor, _PAGE)
    finally:
        os.close(descriptor)


_MAKERS: dict[str, Callable[[Grounds, int], Context]] = {
    "empty": _empty,
    "page-cache": _page_cache,
    "shared-log": _shared_log,
    "tmpfs": _tmpfs,
    "memfd": _memfd,
    "mlock": _mlock,
    "mapped": _mapped,
    "dentries": _dentries,
    "sockets": _sockets,
    "live-cgroups": _live,
}
