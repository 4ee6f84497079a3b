"""A bundle replaces a file and nothing else."""

import os
from pathlib import Path

import pytest

from unreclaim.base.errors import OutputError
from unreclaim.host.bundle import open_bundle


@pytest.mark.parametrize("kind", ["pipe", "directory", "dangling link"])
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    """A pipe, a device (as root: /dev/null), a directory or a link to nothing is refused and stays what it is."""
    place = tmp_path / "place"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "directory":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = place.lstat()
    with pytest.raises(OutputError, match="no regular file"), open_bundle(str(place), 0):
        pytest.fail("it was opened")
    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_is_there_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    """An older bundle stays until the new one is complete."""
    place = tmp_path / "it.tar.gz"
    place.write_text("older")
    with open_bundle(str(place), 0) as writer:
        assert place.read_text() == "older"
        writer.finish(page_size_bytes=None, architecture=None)
    assert place.read_bytes()[:2] == b"\x1f\x8b"
    assert list(tmp_path.iterdir()) == [place]
