"""A bundle's archive is read in memory: whatever its names say, nothing reaches the disk or leaves the archive."""

import errno
import io
import tarfile
from pathlib import Path

import pytest

from unreclaim.base.errors import RootError
from unreclaim.host import archive as archive_module
from unreclaim.host.archive import Archive, ArchiveRoot


def pack(
    path: Path, files: dict[str, bytes], directories: tuple[str, ...] = (), links: dict[str, str] | None = None
) -> str:
    """Write a tar archive."""
    with tarfile.open(path, "w:gz") as tar:
        for name in directories:
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            tar.addfile(member)
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return str(path)


def test_it_reads_files_directories_and_links(tmp_path: Path) -> None:
    """Files come by path, directories are walked with the empty ones, links give their target."""
    path = pack(
        tmp_path / "b.tar.gz",
        {"top/proc/meminfo": b"MemTotal: 4 kB\n", "top/a/x/f": b""},
        ("top/a/empty",),
        {"top/proc/ns": "pid:[1]"},
    )
    root = ArchiveRoot(Archive(path), "top")
    assert root.read_text("/proc/meminfo") == "MemTotal: 4 kB\n"
    assert dict(root.walk("/a")) == {"": ["empty", "x"], "empty": [], "x": []}
    assert root.list_names("/proc") == ["meminfo", "ns"]
    assert root.read_link("/proc/ns") == "pid:[1]"
    assert root.inode("/a") is None


@pytest.mark.parametrize("ask", ["read_text", "list_names", "inode", "read_link"])
def test_what_is_not_there_is_enoent(tmp_path: Path, ask: str) -> None:
    """Every question about a path that the archive lacks ends as it would on a disk."""
    root = ArchiveRoot(Archive(pack(tmp_path / "b.tar.gz", {"a": b""})), "")
    with pytest.raises(OSError, match="No such file") as caught:
        getattr(root, ask)("/nowhere")
    assert caught.value.errno == errno.ENOENT


def test_names_that_climb_are_left_out(tmp_path: Path) -> None:
    """A member that would leave the archive is not there at all; an absolute name is taken as a relative one."""
    path = pack(tmp_path / "b.tar.gz", {"../../etc/passwd": b"x", "a/../../b": b"x", "/abs": b"y", "./dot/./f": b"z"})
    archive = Archive(path)
    assert archive.files == {"abs": b"y", "dot/f": b"z"}


def test_a_name_of_a_hundred_thousand_parts_costs_nothing(tmp_path: Path) -> None:
    """A path longer than any path is dropped instead of becoming as many directories."""
    archive = Archive(pack(tmp_path / "b.tar.gz", {"a/" * 100_000 + "f": b"x"}))
    assert archive.files == {}
    assert archive.children == {"": set()}


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to more than any bundle is refused with one line."""
    monkeypatch.setattr(archive_module, "MAX_TOTAL_BYTES", 1000)
    path = pack(tmp_path / "b.tar.gz", {"a": b"\0" * 600, "b": b"\0" * 600})
    with pytest.raises(RootError, match="holds more than 1000 bytes"):
        Archive(path)


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 150])
def test_a_damaged_archive_is_refused(tmp_path: Path, keep: int) -> None:
    """An archive cut off anywhere is refused as damaged, never with another error."""
    path = Path(pack(tmp_path / "b.tar.gz", {f"f{number}": bytes([number]) * 999 for number in range(23)}))
    raw = path.read_bytes()
    assert len(raw) > 150
    path.write_bytes(raw[:keep])
    with pytest.raises(RootError, match="no bundle"):
        Archive(str(path))


def test_text_is_no_archive(tmp_path: Path) -> None:
    """A file of another kind is refused with the way to make a bundle."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n" * 1000)
    with pytest.raises(RootError, match="no bundle") as caught:
        Archive(str(path))
    assert caught.value.hint == "a bundle is made by: unreclaim capture"
