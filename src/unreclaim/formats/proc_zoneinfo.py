"""/proc/zoneinfo: of all that it holds, which NUMA nodes there are.

Source: Documentation/filesystems/proc.rst (no section of its own); zoneinfo_show_print() in mm/vmstat.c
Needs: nothing. Only nodes that are online; /sys/devices/system/node/possible may know more.

Example::

    Node 0, zone      DMA
      pages free     3840
            min      67
    Node 1, zone   Normal
      pages free     13421
"""

import re

from unreclaim.base.errors import ParseError

FILE = "/proc/zoneinfo"
# MAX_NUMNODES is 1024 at most (CONFIG_NODES_SHIFT), which has four digits.
_NODE = re.compile(r"^Node ([0-9]{1,4}), zone ", re.MULTILINE)


def parse_proc_zoneinfo(text: str, *, file: str = FILE) -> frozenset[int]:
    """Give the numbers of the nodes.

    Raises:
        ParseError: there is no line of a node.

    """
    nodes = frozenset(map(int, _NODE.findall(text)))
    if not nodes:
        raise ParseError(file, 0, "no line of a node")
    return nodes
