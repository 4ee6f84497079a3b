"""What libbpf says is formatted as printf does."""

import ctypes
from pathlib import Path

from unreclaim.formats.proc_pid_status import parse_proc_pid_status
from unreclaim.host.bpf import libbpf


def _resident() -> int:
    status = parse_proc_pid_status(Path("/proc/self/status").read_text(encoding="ascii"))
    assert status.rss_bytes is not None
    return status.rss_bytes


def test_many_lines_take_the_memory_of_the_longest_one() -> None:
    """A log of 23 lines, of which later ones are shorter, is given line by line, and takes no room for long ones."""
    said: list[str] = []
    before = _resident()
    show = libbpf._printer(said.append)
    # Where a va_list of no arguments would be.
    nothing = (ctypes.c_char * 64)()
    lines = ["x" * (23 - number) for number in range(23)]
    assert [show(0, f"{line}\n".encode(), ctypes.addressof(nothing)) for line in lines] == list(range(24, 1, -1))
    assert said == lines
    assert _resident() - before < libbpf._MAX_LOG_BYTES / 2
