"""Files that pin cgroups are found where an operator can reach them, with those who have them open or map them."""

import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.host.pinned_files import (
    FilePlaces,
    device_name,
    find_descriptors,
    find_mappers,
    is_process,
    kernel_device,
    process_name,
    shared_memory_device,
)
from unreclaim.host.probe import Probe
from unreclaim.model.census import Holder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of a page."""
    path = tmp_path / "two words"
    path.write_bytes(bytes(mmap.PAGESIZE))
    return path


def places(*mounts: tuple[str, str], device: str = "8:1") -> FilePlaces:
    """Give the places of a filesystem that is mounted with these (root, mount point)."""
    lines = [
        f"{number} 1 {device} {top} {mount_point} rw - ext4 /dev/sda1 rw\n"
        for number, (top, mount_point) in enumerate(mounts, 20)
    ]
    return FilePlaces(Probe(FakeRoot({"/proc/self/mountinfo": "".join(lines)})))


DEVICE = 8 << 20 | 1


def test_devices_are_written_as_mountinfo_does() -> None:
    """The kernel's number of a device and stat(2)'s are not the same; both become major:minor."""
    assert device_name(8 << 20 | 1) == "8:1"
    assert device_name(259 << 20 | 1048575) == "259:1048575"
    assert kernel_device(os.makedev(259, 300)) == 259 << 20 | 300


def test_a_file_is_found_below_its_mount(file: Path) -> None:
    """A path inside a filesystem becomes one below where it is mounted, bind mounts of a part of it too."""
    inode = file.stat().st_ino
    whole = places(("/", str(file.parent)))
    assert whole.find(DEVICE, inode, "/two words", unlinked=False) == str(file)
    part = places(("/sub/dir", str(file.parent)))
    assert part.find(DEVICE, inode, "/sub/dir/two words", unlinked=False) == str(file)
    assert part.find(DEVICE, inode, "/elsewhere/two words", unlinked=False) is None


def test_another_file_of_that_name_is_not_it(file: Path) -> None:
    """A path that leads to another inode, as below another mount, is none; that of a deleted file is what it was."""
    whole = places(("/", str(file.parent)))
    assert whole.find(DEVICE, file.stat().st_ino + 1, "/two words", unlinked=False) is None
    assert whole.find(DEVICE, file.stat().st_ino + 1, "/two words", unlinked=True) == str(file)
    assert whole.find(DEVICE, 1, "/gone", unlinked=False) is None


def test_the_first_mount_that_leads_to_it_counts(file: Path, tmp_path: Path) -> None:
    """A filesystem that is mounted twice is looked for at both places, the whole one first."""
    found = places(("/", f"{tmp_path}/nothing"), ("/", str(tmp_path)))
    assert found.find(DEVICE, file.stat().st_ino, "/two words", unlinked=False) == str(file)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that does nothing."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_descriptors_are_found(file: Path) -> None:
    """Whoever has a file open is named with the descriptor; a file that nobody has open has nobody."""
    status = file.stat()
    key = (kernel_device(status.st_dev), status.st_ino)
    assert find_descriptors({key: file.name}) == {}
    with file.open("rb") as stream:
        me = Holder(os.getpid(), process_name(os.getpid()), stream.fileno())
        assert find_descriptors({key: file.name}) == {key: (me,)}
        # As through an overlay: the device is another, so only a deleted file of the same name and inode is it.
        other = (key[0] + 1, key[1])
        assert find_descriptors({other: file.name}) == {}
        file.unlink()
        assert find_descriptors({other: file.name}) == {other: (me,)}
        assert find_descriptors({other: "another name"}) == {}
    assert find_descriptors({}) == {}


def test_mappers_are_found(file: Path) -> None:
    """Whoever maps a file is named, once for all of its mappings."""
    status = file.stat()
    key = (kernel_device(status.st_dev), status.st_ino)
    assert find_mappers({key}) == {}
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0), mmap.mmap(stream.fileno(), 0):
        assert find_mappers({key}) == {key: (Holder(os.getpid(), process_name(os.getpid())),)}
    assert find_mappers(set()) == {}


def test_a_process_is_believed_when_proc_has_it() -> None:
    """A pid read from the kernel's memory counts only with the name that /proc has."""
    # Our own: a program that was just started may still have the name of who started it.
    assert is_process(os.getpid(), process_name(os.getpid()))
    assert not is_process(os.getpid(), "init")
    assert not is_process(0, "")
    assert process_name(2**22 + 1) == "a process that has ended"


def test_shared_memory_is_on_a_device_of_its_own() -> None:
    """The filesystem of memfds is mounted nowhere."""
    devices = [line.split()[2] for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()]
    assert device_name(shared_memory_device()) not in devices
