"""Only files of the kernel that reclaim are ever written."""

import errno
import os
from pathlib import Path

import pytest

from unreclaim.apply.kernel_files import write_texts


@pytest.mark.parametrize("name", ["memory.reclaim", "memory.force_empty"])
def test_texts_are_written_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each text is a write of its own, as the kernel takes it; the file is neither made nor cut."""
    (tmp_path / name).write_text("")
    written: list[bytes] = []
    signs: list[int] = []
    monkeypatch.setattr("unreclaim.apply.kernel_files.os.write", lambda _fd, text: written.append(text))
    assert write_texts(f"{tmp_path}/{name}", ("16777216", "16777216"), lambda: signs.append(len(written))) is None
    assert (written, signs) == ([b"16777216"] * 2, [1, 2])


@pytest.mark.parametrize("name", ["memory.max", "notes", "memory.reclaim.bak", "drop_caches"])
def test_any_other_file_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever a plan says, no other file is opened for writing."""
    file = tmp_path / name
    file.write_text("precious")
    with pytest.raises(PermissionError, match="no file that reclaims memory"):
        write_texts(str(file), ("0",), lambda: None)
    assert file.read_text() == "precious"


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    """The living ancestor may be gone by now; a link in its place is not followed."""
    with pytest.raises(FileNotFoundError):
        write_texts(f"{tmp_path}/memory.reclaim", ("1",), lambda: None)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "memory.reclaim").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        write_texts(f"{tmp_path}/memory.reclaim", ("1",), lambda: None)
    assert (tmp_path / "precious").read_text() == "precious"


def test_less_than_asked_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EAGAIN ends it, and what was reclaimed until then is told."""
    (tmp_path / "memory.reclaim").write_text("")
    written: list[bytes] = []

    def take(_descriptor: int, text: bytes) -> None:
        written.append(text)
        if len(written) == 3:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("unreclaim.apply.kernel_files.os.write", take)
    note = write_texts(f"{tmp_path}/memory.reclaim", ("1000000",) * 5, lambda: None)
    assert (note, len(written)) == ("less than 3.0 MB could be reclaimed", 3)
