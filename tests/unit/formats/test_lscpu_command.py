"""Output of lscpu."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.lscpu_command import parse_lscpu_command

FILE = "sos_commands/processor/lscpu"


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("CPU(s):                          2\nNUMA node(s):                    1\nNUMA node0 CPU(s):  0,1\n", 1),
        ("CPU(s):                  64\nNUMA:\n  NUMA node(s):          8\n  NUMA node0 CPU(s):     0-7\n", 8),
    ],
)
def test_nodes_are_read(text: str, nodes: int) -> None:
    """The parser reads the output of old and, indented, of newer versions."""
    assert parse_lscpu_command(text) == nodes


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "no line 'NUMA node(s)'"),
        ("CPU(s): 2\n", 0, "no line 'NUMA node(s)'"),
        ("CPU(s): 2\nNUMA node(s): 0\n", 2, "expected at least one NUMA node"),
        ("NUMA node(s): 1025\n", 1, "expected a number up to 1024, found '1025'"),
        ("NUMA node(s):\n", 1, "expected a number up to 1024, found ''"),
    ],
)
def test_no_nodes_are_refused(text: str, line: int, why: str) -> None:
    """The parser refuses an output without nodes, and more than any kernel has."""
    assert refusal(parse_lscpu_command, text) == (FILE, line, why)
