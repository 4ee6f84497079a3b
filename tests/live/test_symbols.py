"""The names of the running kernel's functions, looked up piece by piece."""

from pathlib import Path

import pytest

from unreclaim.host import root
from unreclaim.host.root import LiveRoot

pytestmark = pytest.mark.live


def test_every_symbol_on_the_edge_of_a_piece_is_found() -> None:
    """A name that one piece ends in the middle of is found as well as any other, and half of it is no symbol."""
    symbols = Path("/proc/kallsyms").read_bytes()
    edges = range(root._CHUNK, len(symbols), root._CHUNK)
    lines = [symbols[symbols.rfind(b"\n", 0, edge) + 1 : symbols.find(b"\n", edge)] for edge in edges]
    names = {line.split()[2].decode() for line in lines[:23] if line}
    assert len(names) > 1
    live = LiveRoot()
    assert {name for name in names if live.has_symbol(name)} == names
    assert live.has_symbol("unreclaim_is_no_function_of_the_kernel") is False
