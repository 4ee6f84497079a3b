"""The cache of a file is dropped only of the file that the census saw, and the file is only read."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from unreclaim.apply.file_cache import drop_file_cache, open_pinning_file
from unreclaim.model.census import Holder, Pin, PinKind

CHANGED = "another file is there than the census saw; it was left alone"


def pin_of(path: str | Path | None, status: os.stat_result, *, unlinked: bool = False, held: int | None = None) -> Pin:
    """Make the pin that a census would give of a file."""
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    holders = () if held is None else (Holder(os.getpid(), "python", held),)
    name = None if path is None else str(path)
    return Pin(PinKind.PAGE_CACHE, 4096, 1, name, device, status.st_ino, unlinked=unlinked, held_by=holders)


@pytest.fixture
def advised(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Keep what was synced and advised, and on which inode."""
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr("unreclaim.apply.file_cache.os.fsync", lambda fd: calls.append(("fsync", os.fstat(fd).st_ino)))

    def advise(fd: int, start: int, length: int, advice: int) -> None:
        assert (start, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED)
        calls.append(("fadvise", os.fstat(fd).st_ino))

    monkeypatch.setattr("unreclaim.apply.file_cache.os.posix_fadvise", advise)
    before = set(os.listdir("/proc/self/fd"))
    yield calls
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_file_is_synced_and_then_advised(tmp_path: Path, advised: list[tuple[str, int]]) -> None:
    """What is dirty cannot be dropped, so it is written first; the content stays as it is."""
    file = tmp_path / "a"
    file.write_text("content")
    inode = file.stat().st_ino
    drop_file_cache(pin_of(file, file.stat()))
    assert advised == [("fsync", inode), ("fadvise", inode)]
    assert file.read_text() == "content"


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"-rf", b"space d"])
def test_a_name_may_be_any_bytes(tmp_path: Path, name: bytes, advised: list[tuple[str, int]]) -> None:
    """A path is what the kernel says, decoded as the host's files are."""
    raw = os.fsencode(tmp_path) + b"/" + name
    Path(os.fsdecode(raw)).write_text("x")
    drop_file_cache(pin_of(os.fsdecode(raw), os.stat(raw)))
    assert advised[-1] == ("fadvise", os.stat(raw).st_ino)


def test_a_file_that_took_the_place_of_another_is_left_alone(tmp_path: Path, advised: list[tuple[str, int]]) -> None:
    """The path was used again since the census: neither synced nor advised."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("x")
    new.write_text("y")
    pin = pin_of(old, old.stat())
    new.rename(old)
    with pytest.raises(OSError, match=CHANGED):
        drop_file_cache(pin)
    assert advised == []


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, advised: list[tuple[str, int]]) -> None:
    """A link even to the very file is another thing than the census saw."""
    file = tmp_path / "a"
    file.write_text("x")
    pin = pin_of(tmp_path / "link", file.stat())
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(OSError, match=CHANGED):
        drop_file_cache(pin)
    assert advised == []


def test_what_is_no_regular_file_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open a pipe or a device does things: it is looked at by O_PATH alone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opened: list[int] = []
    real = os.open

    def keep(path: str, flags: int) -> int:
        opened.append(flags)
        return real(path, flags)

    monkeypatch.setattr("unreclaim.apply.file_cache.os.open", keep)
    with pytest.raises(OSError, match=CHANGED):
        open_pinning_file(pin_of(pipe, pipe.stat()))
    assert [flags & os.O_PATH for flags in opened] == [os.O_PATH]


def test_a_deleted_file_is_reached_through_its_holder(tmp_path: Path, advised: list[tuple[str, int]]) -> None:
    """Its old path is not tried, even where another file has it now; a holder that let go is passed over."""
    file = tmp_path / "a"
    with file.open("w") as stream:
        pin = pin_of(file, os.fstat(stream.fileno()), unlinked=True, held=stream.fileno())
        file.unlink()
        file.write_text("another")
        holders = (Holder(os.getpid(), "mapper"), Holder(os.getpid(), "let go", 0x7FFF), *pin.held_by)
        reached = Pin(pin.kind, 4096, 1, pin.path, pin.device, pin.inode, unlinked=True, held_by=holders)
        drop_file_cache(reached)
    assert advised == [("fsync", pin.inode), ("fadvise", pin.inode)]


def test_a_descriptor_that_is_another_file_now_is_left_alone(tmp_path: Path, advised: list[tuple[str, int]]) -> None:
    """A number of a descriptor is used again too."""
    (tmp_path / "a").write_text("x")
    gone = (tmp_path / "a").stat()
    with (tmp_path / "b").open("w") as stream:
        pin = pin_of(None, gone, unlinked=True, held=stream.fileno())
        with pytest.raises(OSError, match=CHANGED):
            drop_file_cache(pin)
    assert advised == []


@pytest.mark.parametrize("path", [None, "memfd:x", "SYSV0000002a"])
def test_what_no_way_leads_to_is_said(path: str | None, advised: list[tuple[str, int]]) -> None:
    """Without a path that begins at the root, and without a holder, nothing is opened."""
    with pytest.raises(OSError, match="no way to the file is known"):
        drop_file_cache(pin_of(path, os.stat("/")))
    assert advised == []


def test_another_users_file_is_opened_with_its_access_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O_NOATIME is for the owner and root; without it the file is opened all the same, and never for writing."""
    file = tmp_path / "a"
    file.write_text("x")
    opened: list[int] = []
    real = os.open

    def refuse(path: str, flags: int) -> int:
        opened.append(flags)
        if flags & os.O_NOATIME:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        return real(path, flags)

    monkeypatch.setattr("unreclaim.apply.file_cache.os.open", refuse)
    os.close(open_pinning_file(pin_of(file, file.stat())))
    read = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    assert opened == [os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, read | os.O_NOATIME, read]


@pytest.mark.parametrize(
    ("code", "goes_on"), [(errno.EINVAL, True), (errno.EROFS, True), (errno.EIO, False), (errno.ENOSPC, False)]
)
def test_a_filesystem_that_cannot_sync_may_still_drop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, advised: list[tuple[str, int]], code: int, *, goes_on: bool
) -> None:
    """Where there is nothing to write fsync is no hindrance; a disk that fails is said."""
    file = tmp_path / "a"
    file.write_text("x")

    def fail(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("unreclaim.apply.file_cache.os.fsync", fail)
    if goes_on:
        drop_file_cache(pin_of(file, file.stat()))
    else:
        with pytest.raises(OSError, match=os.strerror(code)):
            drop_file_cache(pin_of(file, file.stat()))
    assert [name for name, _ in advised] == (["fadvise"] if goes_on else [])
