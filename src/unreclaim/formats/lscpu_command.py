"""Output of ``lscpu``: of all that it holds, how many NUMA nodes there are.

Source: lscpu(1); sys-utils/lscpu.c of util-linux
Needs: nothing. ``CPU(s)`` counts the CPUs that are present, not the possible ones, so it is not read.

Example::

    Architecture:            x86_64
    CPU(s):                  4
    NUMA:
      NUMA node(s):          1
      NUMA node0 CPU(s):     0-3
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, unsigned

FILE = "sos_commands/processor/lscpu"
_MOST_NODES = 1024


def parse_lscpu_command(text: str, *, file: str = FILE) -> int:
    """Give the number of NUMA nodes, at least 1.

    Raises:
        ParseError: no line ``NUMA node(s)``, or one that is not such a number.

    """
    for number, line in enumerate(lines_of(text), 1):
        name, _, value = line.partition(":")
        if name.strip() == "NUMA node(s)":
            nodes = unsigned(value.strip(), file, number, limit=_MOST_NODES)
            if not nodes:
                raise ParseError(file, number, "expected at least one NUMA node")
            return nodes
    raise ParseError(file, 0, "no line 'NUMA node(s)'")
