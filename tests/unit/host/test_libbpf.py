"""What libbpf says is formatted as printf does."""

import ctypes

import pytest

from unreclaim.host.bpf import libbpf


def test_many_lines_take_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of 23 lines, of which later ones are shorter, is given line by line; its room is made once."""
    make, made = ctypes.create_string_buffer, []

    def count(size: int) -> object:
        made.append(size)
        return make(size)

    monkeypatch.setattr(ctypes, "create_string_buffer", count)
    said: list[str] = []
    show = libbpf._printer(said.append)
    # Where a va_list of no arguments would be.
    nothing = (ctypes.c_char * 64)()
    lines = ["x" * (23 - number) for number in range(23)]
    assert [show(0, f"{line}\n".encode(), ctypes.addressof(nothing)) for line in lines] == list(range(24, 1, -1))
    assert (said, len(made)) == (lines, 1)
