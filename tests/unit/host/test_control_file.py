"""Writing control files."""

import pytest

from unreclaim.host.control_file import write_file


def test_a_file_that_refuses_what_is_written_is_named() -> None:
    """The kernel refuses the write and not the opening; the error says which file it was all the same."""
    with pytest.raises(OSError, match="No space left") as caught:
        write_file("/dev/full", "1")
    assert caught.value.filename == "/dev/full"
