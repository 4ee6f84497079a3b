"""Each kind of pin is named with its file, its kind and who holds it, and removing what was named frees the cgroup."""

import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.machine import hand_memory_down
from tests.root.children import LIBC, PAGE, leave_behind, write_file
from tests.root.test_census import below, census, gone
from tests.root.workload import remove, settle_pages, start_in

pytestmark = [pytest.mark.live, pytest.mark.root]


def only(cgroup: Path, name: str = "c") -> dict[str, Any]:
    """Give what the census says of the one dying cgroup below a cgroup."""
    found = below(census("--locked"), cgroup)
    assert [each["name"] for each in found] == [name]
    return found[0]


def settled(cgroup: Path) -> dict[str, Any]:
    """Give what the census says of the one dying cgroup when every reference is explained, within twenty looks.

    A page that a CPU has not yet put on a list is on none that could be read. And a CPU keeps some charge of the cgroup
    that it charged or uncharged last in stock, and with it a reference (refill_stock() in mm/memcontrol.c), until it
    has to do with another.
    """
    found = only(cgroup)
    for _ in range(20):
        if not found["unexplained_references"]:
            break
        settle_pages()
        time.sleep(0.5)
        found = only(cgroup)
    assert (found["complete"], found["unexplained_references"]) == (True, 0), found
    return found


def pin_of(cgroup: Path, kind: str) -> dict[str, Any]:
    """Give the only pin of a kind of the one dying cgroup, of which every reference must be explained."""
    found = settled(cgroup)
    (pin,) = (pin for pin in found["pins"] if pin["kind"] == kind)
    return dict(pin)


def holder(descriptor: int | None = None, pid: int | None = None) -> dict[str, object]:
    """Give how this or another process appears as a holder."""
    pid = pid or os.getpid()
    name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").rstrip("\n")
    return {"pid": pid, "name": name, "descriptor": descriptor}


def identity(status: os.stat_result) -> tuple[str, int]:
    """Give a file's device and inode as the census writes them."""
    return (f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}", status.st_ino)


@pytest.mark.pages_pin
def test_a_file_that_is_not_written_yet(memory_cgroup: Path, disk: Path) -> None:
    """Dirty pages are said to be; once they are written they are not."""
    (descriptor,) = leave_behind(memory_cgroup / "c", lambda: [write_file(disk / "f", 3, sync=False)])
    pin = pin_of(memory_cgroup, "page cache")
    os.fsync(descriptor)
    after = pin_of(memory_cgroup, "page cache")
    os.close(descriptor)
    assert (pin["path"], pin["bytes"], pin["dirty_bytes"]) == (str(disk / "f"), 3 * PAGE, 3 * PAGE)
    assert (pin["device"], pin["inode"]) == identity((disk / "f").stat())
    assert (after["bytes"], after["dirty_bytes"]) == (3 * PAGE, 0)
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_deleted_file_that_is_open(memory_cgroup: Path, disk: Path) -> None:
    """It is marked as unlinked, with the name that it had and the process and descriptor that keep it."""

    def write_and_delete() -> list[int]:
        descriptor = write_file(disk / "f")
        (disk / "f").unlink()
        return [descriptor]

    (descriptor,) = leave_behind(memory_cgroup / "c", write_and_delete)
    pin = pin_of(memory_cgroup, "page cache")
    assert (pin["unlinked"], pin["path"], pin["held_by"]) == (True, str(disk / "f"), [holder(descriptor)])
    assert (pin["device"], pin["inode"]) == identity(os.fstat(descriptor))
    os.close(descriptor)
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_that_another_process_maps(memory_cgroup: Path, disk: Path) -> None:
    """Who maps it is named, and nobody else."""
    (descriptor,) = leave_behind(memory_cgroup / "c", lambda: [write_file(disk / "f")])
    with mmap.mmap(descriptor, PAGE) as mapping:
        mapping[0]
        pin = pin_of(memory_cgroup, "page cache")
    os.close(descriptor)
    assert (pin["path"], pin["unlinked"], pin["held_by"]) == (str(disk / "f"), False, [])
    assert pin["mapped_by"] == [holder()]
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_that_is_locked_in_memory(memory_cgroup: Path, disk: Path) -> None:
    """Its pages are on no list: without a search their number is known, with one their file, exactly."""
    (descriptor,) = leave_behind(memory_cgroup / "c", lambda: [write_file(disk / "f", 2)])
    with mmap.mmap(descriptor, 2 * PAGE) as mapping:
        address = _address(mapping)
        assert LIBC.mlock(address, 2 * PAGE) == 0
        document = census()
        pin = pin_of(memory_cgroup, "page cache")
        assert LIBC.munlock(address, 2 * PAGE) == 0
    os.close(descriptor)
    (unsearched,) = below(document, memory_cgroup)
    assert (unsearched["complete"], unsearched["unexplained_references"]) == (False, 0)
    # On v2 who dirtied the file first is held by its writeback structure too.
    pages = [each for each in unsearched["pins"] if each["kind"] != "writeback structure"]
    assert [(each["kind"], each["mlocked_bytes"]) for each in pages] == [("other memory", 2 * PAGE)]
    assert "unreclaim census --locked" in {gap["remedy"] for gap in document["gaps"]}
    assert (pin["path"], pin["bytes"], pin["mlocked_bytes"]) == (str(disk / "f"), 2 * PAGE, 2 * PAGE)
    assert pin["mapped_by"] == [holder()]
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []


def _address(mapping: mmap.mmap) -> ctypes.c_void_p:
    # What from_buffer() gives must not outlive this call, or the mapping could not be closed.
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mapping)))


@pytest.mark.pages_pin
def test_a_memfd(memory_cgroup: Path) -> None:
    """A memfd goes by its name, with who holds it; closing it frees the cgroup."""

    def make() -> list[int]:
        descriptor = os.memfd_create("thing")
        os.write(descriptor, bytes(PAGE))
        return [descriptor]

    (descriptor,) = leave_behind(memory_cgroup / "c", make)
    pin = pin_of(memory_cgroup, "memfd")
    assert (pin["path"], pin["bytes"], pin["held_by"]) == ("memfd:thing", PAGE, [holder(descriptor)])
    assert (pin["device"], pin["inode"]) == identity(os.fstat(descriptor))
    os.close(descriptor)
    assert gone(memory_cgroup) == []


@pytest.mark.pages_pin
def test_system_v_shared_memory(memory_cgroup: Path) -> None:
    """A segment goes by its key, and its inode is its id, which removes it."""

    def make() -> None:
        segment = LIBC.shmget(0x75720017, PAGE, 0o1600)
        ctypes.memset(LIBC.shmat(segment, None, 0), 1, PAGE)

    leave_behind(memory_cgroup / "c", make)
    segment = LIBC.shmget(0x75720017, 0, 0)
    try:
        pin = pin_of(memory_cgroup, "System V shared memory")
        assert (pin["path"], pin["inode"], pin["bytes"]) == ("SYSV75720017", segment, PAGE)
    finally:
        LIBC.shmctl(segment, 0, None)
    assert gone(memory_cgroup) == []


@pytest.mark.pages_pin
def test_anonymous_memory_of_a_process_that_moved_on(memory_cgroup: Path) -> None:
    """Memory stays charged where it was first used (v1); the process that has it is named, and ends it."""
    cgroup = memory_cgroup / "c"
    cgroup.mkdir()
    script = f"import sys; x = bytearray({23 * PAGE}); print(flush=True); sys.stdin.read()"
    inside = ["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs; exec "$@"', "sh", sys.executable, "-c", script]
    with subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (memory_cgroup / "after").mkdir()
        (memory_cgroup / "after" / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        cgroup.rmdir()
        pins = [pin for pin in only(memory_cgroup)["pins"] if pin["kind"] == "anonymous memory"]
        me = holder(pid=process.pid)
        process.kill()
    assert sum(pin["bytes"] for pin in pins) >= 23 * PAGE
    assert {frozenset(who.items()) for pin in pins for who in pin["mapped_by"]} == {frozenset(me.items())}
    remove(memory_cgroup / "after")
    assert gone(memory_cgroup) == []


@pytest.mark.pages_pin
def test_metadata_of_a_filesystem(memory_cgroup: Path, disk: Path) -> None:
    """A block of a directory that the cgroup was the first to touch is named by its device."""

    def make() -> None:
        for number in range(23):
            (disk / str(number)).mkdir()

    leave_behind(memory_cgroup / "c", make)
    pin = pin_of(memory_cgroup, "filesystem metadata")
    device, _ = identity(disk.stat())
    assert pin["device"] == device
    assert pin["path"] == "/dev/" + Path(f"/sys/dev/block/{device}").resolve().name
    # A directory of ext4 is a block of its own; some blocks may have been in memory already.
    assert PAGE <= pin["bytes"] <= 64 * PAGE


def test_an_unreaped_process(memory_cgroup: Path) -> None:
    """A process that nobody waited for is a reference that is no page; it and its parent are named."""
    cgroup = memory_cgroup / "c"
    cgroup.mkdir()
    pid = start_in(cgroup, lambda: None)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    remove(cgroup)
    found = only(memory_cgroup)
    me, child = holder(), holder(pid=pid)
    os.waitpid(pid, 0)
    assert (found["references"], found["unexplained_references"]) == (1, 1)
    assert [(pin["kind"], pin["bytes"], pin["held_by"]) for pin in found["pins"]] == [
        ("unreaped process", 0, [child, me])
    ]
    assert gone(memory_cgroup) == []


def test_the_invocation_that_systemd_wrote_down(memory_cgroup: Path, disk: Path) -> None:
    """The extended attribute that ties a unit's cgroup to the journal is still there among others when it is dying."""
    cgroup, invocation = memory_cgroup / "c", "0123456789abcdef" * 2

    def write_down() -> None:
        for name, value in (("trusted.a", "1"), ("trusted.invocation_id", invocation), ("user.z", "2")):
            os.setxattr(cgroup, name, value.encode())
        os.close(write_file(disk / "f"))

    leave_behind(cgroup, write_down)
    assert only(memory_cgroup)["invocation_id"] == invocation
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []


def test_an_inotify_group(memory_cgroup: Path, disk: Path) -> None:
    """Watches that were passed on hold the cgroup that made them; closing the descriptor frees it."""

    def watch() -> list[int]:
        descriptor = LIBC.inotify_init1(0)
        assert LIBC.inotify_add_watch(descriptor, os.fsencode(disk), 2) > 0
        return [descriptor]

    (descriptor,) = leave_behind(memory_cgroup / "c", watch)
    found = only(memory_cgroup)
    assert (found["references"], found["unexplained_references"]) == (1, 1)
    assert [(pin["kind"], pin["held_by"]) for pin in found["pins"]] == [
        ("inotify or fanotify group", [holder(descriptor)])
    ]
    os.close(descriptor)
    assert gone(memory_cgroup, disk) == []


def test_an_open_socket_pins_on_v2_only(memory_cgroup: Path) -> None:
    """A listening socket that was passed on holds its cgroup on v2, where it is named; on v1 it holds none."""

    def listen() -> list[int]:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return [listener.detach()]

    (descriptor,) = leave_behind(memory_cgroup / "c", listen)
    try:
        if (memory_cgroup / "cgroup.controllers").exists():
            pins = only(memory_cgroup)["pins"]
            assert [(pin["kind"], pin["held_by"]) for pin in pins] == [("socket", [holder(descriptor)])]
        else:
            assert below(census(), memory_cgroup) == []
    finally:
        os.close(descriptor)
    assert gone(memory_cgroup) == []


@pytest.mark.pages_pin
def test_dying_cgroups_in_one_another(memory_cgroup: Path, disk: Path) -> None:
    """A dying parent is held by its dying children alone, and a path leads through both to the living one."""
    parent = memory_cgroup / "p"
    parent.mkdir()
    hand_memory_down(parent)
    leave_behind(parent / "c", lambda: os.close(write_file(disk / "f")))
    remove(parent)
    found = below(census(), memory_cgroup)
    assert [(each["name"], each["path"].rpartition(memory_cgroup.name)[2]) for each in found] == [
        ("p", "/p"),
        ("c", "/p/c"),
    ]
    assert [(each["references"], each["unexplained_references"], len(each["pins"])) for each in found] == [
        (1, 0, 0),
        (1, 0, 1),
    ]
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"\x1b[31m", "ü ☂".encode(), b"deleted (deleted)"])
@pytest.mark.pages_pin
def test_odd_names_of_files(memory_cgroup: Path, disk: Path, name: bytes) -> None:
    """A file's name may be any bytes; JSON has what is no UTF-8 with backslashes, and the file is still found."""
    file = Path(os.fsdecode(os.fsencode(disk) + b"/" + name))
    leave_behind(memory_cgroup / "c", lambda: os.close(write_file(file)))
    pin = pin_of(memory_cgroup, "page cache")
    assert pin["path"] == str(file).encode("utf-8", "backslashreplace").decode()
    assert pin["inode"] == file.stat().st_ino
    file.unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_in_another_mount_namespace(memory_cgroup: Path) -> None:
    """A tmpfs that only some other process sees is reached through that process."""
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt && echo ready && exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        file = Path(f"/proc/{process.pid}/root/mnt/f")
        leave_behind(memory_cgroup / "c", lambda: os.close(write_file(file)))
        pin = pin_of(memory_cgroup, "tmpfs")
        assert pin["path"] == str(file)
        process.send_signal(signal.SIGKILL)
    assert gone(memory_cgroup) == []
