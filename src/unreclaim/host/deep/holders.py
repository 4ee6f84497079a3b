"""Finds what keeps a dying css and is no page: processes that nobody reaped, sockets, inotify groups, writeback."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import drgn
from drgn import cast, container_of
from drgn.helpers.linux.fs import for_each_file
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.pid import find_task

from unreclaim.host import raw_census
from unreclaim.host.deep.structures import Structures
from unreclaim.host.raw_census import RawHolder

# include/uapi/linux/magic.h
_SOCKFS_MAGIC, _ANON_INODE_FS_MAGIC = 0x534F434B, 0x09041934
_WATCHES = ("inotify", "[fanotify")
_TRIES = 3
_MAX_DEVICES, _MAX_WRITEBACKS = 65_536, 1_000_000


def list_holders(structures: Structures) -> Iterator[RawHolder]:
    """Give what each process holds. Those that end meanwhile are left out, as are files that are closed."""
    for name in sorted(os.listdir("/proc"), key=len):
        if not name.isdigit():
            continue
        try:
            # Read to its end first, so that a process is not half told when it is tried again.
            yield from list(_holders_of(structures, int(name)))
        except drgn.FaultError:
            continue


def _holders_of(structures: Structures, pid: int) -> Iterator[RawHolder]:
    task = find_task(structures.program, pid)
    if not task:
        return
    css = task.cgroups.subsys[structures.index].value_()
    if holder := _holder(structures, css, raw_census.PROCESS, task, -1):
        yield holder
    for descriptor, file in for_each_file(task):
        try:
            kind, css = _held_by(structures, file)
            holder = _holder(structures, css, kind, task, descriptor)
        except drgn.FaultError:
            continue
        if holder:
            yield holder


def _held_by(structures: Structures, file: Any) -> tuple[int, int]:  # noqa: ANN401 - drgn's types are not known here
    """Give how an open file may hold a css, and which; 0: none."""
    inode = file.f_inode.read_()
    magic = inode.i_sb.s_magic.value_()
    if magic == _SOCKFS_MAGIC:
        socket = container_of(inode, "struct socket_alloc", "vfs_inode").socket.sk.read_()
        if socket and socket.type_.type.has_member("sk_memcg"):
            return raw_census.SOCKET, _css_of(structures, socket.sk_memcg)
    elif magic == _ANON_INODE_FS_MAGIC:
        name = structures.name_at(file.f_path.dentry.d_name.name)
        if name.startswith(_WATCHES):
            group = cast("struct fsnotify_group *", file.private_data)
            if group.type_.type.has_member("memcg"):
                return raw_census.WATCH, _css_of(structures, group.memcg)
    return 0, 0


def _css_of(structures: Structures, memcg: Any) -> int:  # noqa: ANN401 - as above
    address = memcg.value_()
    return address + structures.memcg_at_css if address else 0


def _holder(structures: Structures, css: int, kind: int, task: Any, descriptor: int) -> RawHolder | None:  # noqa: ANN401
    """Make the record if what is held is a dying css."""
    serial = structures.is_dying(css) if css else 0
    if not serial:
        return None
    comm = task.comm.string_().decode("utf-8", "surrogateescape")
    return RawHolder(css, serial, task.tgid.value_(), task.real_parent.tgid.value_(), descriptor, kind, comm)


def list_writebacks(structures: Structures) -> tuple[RawHolder, ...]:
    """Give the writeback structures of dying css on all devices; those of lists that never hold still are left out."""
    for _ in range(_TRIES):
        try:
            return tuple(_writebacks(structures))
        except drgn.FaultError:
            continue
    return ()


def _writebacks(structures: Structures) -> Iterator[RawHolder]:
    program = structures.program
    if not program.type("struct bdi_writeback").has_member("memcg_css"):
        return
    devices = list_for_each_entry("struct backing_dev_info", program["bdi_list"].address_of_(), "bdi_list")
    for device in islice(devices, _MAX_DEVICES):
        entries = list_for_each_entry("struct bdi_writeback", device.wb_list.address_of_(), "bdi_node")
        for entry in islice(entries, _MAX_WRITEBACKS):
            if entry.bdi != device:
                break  # freed meanwhile: what follows belongs to another
            css = entry.memcg_css.value_()
            if css and (serial := structures.is_dying(css)):
                name = device.dev_name.string_().decode("utf-8", "surrogateescape")
                yield RawHolder(css, serial, 0, 0, 0, raw_census.WRITEBACK, name)
