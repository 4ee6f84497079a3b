"""/proc/zoneinfo."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.proc_zoneinfo import parse_proc_zoneinfo


def test_nodes_are_read() -> None:
    """The parser gives each node once, however many zones it has."""
    text = (
        "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 72\n  pages free     3840\n"
        "Node 0, zone   Normal\n  pages free     12\nNode 10, zone  Movable\n  pages free     0\n"
    )
    assert parse_proc_zoneinfo(text) == {0, 10}


@pytest.mark.parametrize("text", ["", "\n", "  Node 0, zone DMA\n", "Node x, zone DMA\n", "Node 12345, zone DMA\n"])
def test_no_node_is_refused(text: str) -> None:
    """The parser refuses a file without nodes."""
    assert refusal(parse_proc_zoneinfo, text) == ("/proc/zoneinfo", 0, "no line of a node")
