"""Files are named by a path that an operator can use, wherever they are mounted; where there is none, none is named."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.machine import TMPFS, own_name
from tests.root.children import PAGE, leave_behind, write_file
from tests.root.test_census import gone
from tests.root.test_pins import pin_of, settled
from tests.root.workload import remove, run_in

pytestmark = [pytest.mark.live, pytest.mark.root]


@contextmanager
def mounted(at: Path, *arguments: str) -> Iterator[None]:
    """Mount something, and take it away again unless the test has."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, at], check=True)
    try:
        yield
    finally:
        # What is mounted over a place may have been mounted over its other view, too (shared mounts).
        while f" {at} " in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            subprocess.run(["umount", at], check=True)


@pytest.mark.pages_pin
def test_a_file_written_through_an_overlay(memory_cgroup: Path, disk: Path) -> None:
    """As in a container: the page belongs to the file of the upper layer, which is where the operator finds it."""
    for name in ("lower", "upper", "work"):
        (disk / name).mkdir()
    layers = f"lowerdir={disk}/lower,upperdir={disk}/upper,workdir={disk}/work"
    with mounted(disk / "merged", "-t", "overlay", "none", "-o", layers):
        leave_behind(memory_cgroup / "c", lambda: os.close(write_file(disk / "merged" / "app.log")))
        pin = pin_of(memory_cgroup, "page cache")
    assert (pin["path"], pin["inode"]) == (f"{disk}/upper/app.log", (disk / "upper" / "app.log").stat().st_ino)
    (disk / "upper" / "app.log").unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_that_only_a_bind_mount_shows(memory_cgroup: Path, disk: Path) -> None:
    """A directory that another mount covers is reached where a part of its filesystem is mounted besides."""
    (disk / "real").mkdir()
    with mounted(disk / "seen", "--bind", str(disk / "real")):
        leave_behind(memory_cgroup / "c", lambda: os.close(write_file(disk / "real" / "f")))
        with mounted(disk / "real", "-t", "tmpfs", "none"):
            pin = pin_of(memory_cgroup, "page cache")
            assert pin["path"] == f"{disk}/seen/f"
    (disk / "real" / "f").unlink()
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_in_a_directory_that_was_deleted(memory_cgroup: Path, disk: Path) -> None:
    """A deleted file keeps the path that it had, its directory gone or not, and is said to be unlinked."""

    def write_and_delete_all() -> list[int]:
        (disk / "d").mkdir()
        descriptor = write_file(disk / "d" / "f")
        (disk / "d" / "f").unlink()
        (disk / "d").rmdir()
        return [descriptor]

    (descriptor,) = leave_behind(memory_cgroup / "c", write_and_delete_all)
    pin = pin_of(memory_cgroup, "page cache")
    assert (pin["path"], pin["unlinked"]) == (f"{disk}/d/f", True)
    os.close(descriptor)
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_a_file_on_a_filesystem_that_is_mounted_nowhere(memory_cgroup: Path, disk: Path) -> None:
    """After umount --lazy a file has no path that anybody could use; who has it open is what is left to name."""
    with mounted(disk / "m", "-t", "tmpfs", "none"):
        (descriptor,) = leave_behind(memory_cgroup / "c", lambda: [write_file(disk / "m" / "f")])
        subprocess.run(["umount", "--lazy", disk / "m"], check=True)
    pin = pin_of(memory_cgroup, "tmpfs")
    assert (pin["path"], pin["unlinked"], pin["bytes"]) == (None, False, PAGE)
    os.close(descriptor)
    assert gone(memory_cgroup, disk) == []


@pytest.mark.pages_pin
def test_memory_in_swap(memory_cgroup: Path, disk: Path) -> None:
    """Pages that were swapped out before the cgroup was removed are one reference, and their bytes are known."""
    swap, file = disk / "swap", TMPFS / own_name("test")
    swap.write_bytes(bytes(16 * 2**20))
    swap.chmod(0o600)
    subprocess.run(["mkswap", "--quiet", swap], check=True)
    subprocess.run(["swapon", swap], check=True)
    try:
        cgroup = memory_cgroup / "c"
        cgroup.mkdir()
        _write_and_swap_out(cgroup, file)
        found = settled(memory_cgroup)
        assert found["swap_bytes"] == 23 * PAGE
        assert [(pin["kind"], pin["bytes"]) for pin in found["pins"]] == [("swap", 23 * PAGE)]
    finally:
        file.unlink(missing_ok=True)
        subprocess.run(["swapoff", swap], check=True)
    assert gone(memory_cgroup, disk) == []


def _write_and_swap_out(cgroup: Path, file: Path) -> None:
    run_in(cgroup, lambda: os.close(write_file(file, 23)))
    # memory.reclaim of v2 is not on 5.10, and says EAGAIN for less than what was asked for; a limit takes all there is.
    for name in ("memory.force_empty", "memory.high"):
        if (cgroup / name).exists():
            (cgroup / name).write_text("0", encoding="ascii")
            break
    remove(cgroup)


@pytest.mark.parametrize("way", ["no BTF", "no libbpf"])
@pytest.mark.pages_pin
def test_where_bpf_cannot_be_used_pages_are_scanned(way: str, memory_cgroup: Path, disk: Path) -> None:
    """Without the kernel's type information, or without the library, the next way is gone and the gap says why."""
    leave_behind(memory_cgroup / "c", lambda: os.close(write_file(disk / "f", 23)))
    hide = {
        "no BTF": "mount -t tmpfs none /sys/kernel/btf",
        "no libbpf": "for f in /usr/lib/*/libbpf.so.1*; do mount --bind /dev/null $f; done",
    }[way]
    command = f'{hide} && exec "$@"'
    program = [sys.executable, "-m", "unreclaim", "census", "--json"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, "sh", *program], capture_output=True, text=True, check=False
    )
    document = json.loads(done.stdout)
    assert (done.returncode, document["backend"]) == (0, "page scan")
    assert document["gaps"][0]["what"] == "dying cgroups by name"
    assert {"no BTF": "BTF", "no libbpf": "libbpf"}[
        way
    ] in f"{document['gaps'][0]['why']} {document['gaps'][0]['remedy']}"
    (disk / "f").unlink()
    assert gone(memory_cgroup, disk) == []
