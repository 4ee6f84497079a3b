"""Listing of /sys/kernel/slab by ``ls -lt`` or ``ls -alZ``: which caches SLUB has merged.

Source: ls(1) in the C locale; the links are made by sysfs_slab_alias() in mm/slub.c
Needs: CONFIG_SYSFS and SLUB. ``-Z`` adds a column (SELinux), which is ``?`` where SELinux is off.

Example::

    total 0
    drwxr-xr-x 2 root root 0 Feb 11 19:23 :0000072
    lrwxrwxrwx 1 root root 0 Feb 11 19:23 Acpi-Operand -> :0000072
    drwxr-xr-x 2 root root ? 0 Feb 11 19:23 kmalloc-8k
"""

import re

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown

FILE = "sos_commands/kernel/ls_-lt_.sys.kernel.slab"
_ENTRY = re.compile(
    r"(?P<kind>[-dl])[-rwxsStT]{9}[.+@]? +[0-9]+ +\S+ +\S+ +(?:\S+ +)?[0-9]+ +"
    r"[A-Z][a-z]{2} +[0-9]{1,2} +(?:[0-9]{2}:[0-9]{2}|[0-9]{4}) (?P<name>.+)"
)


def parse_slab_listing(text: str, *, file: str = FILE) -> dict[str, str]:
    """Give the target of each link by its name; directories, which are caches of their own, are passed over.

    Raises:
        ParseError: a line that is none of ls, or a link without a target.

    """
    links = {}
    for number, line in enumerate(lines_of(text), 1):
        if line.startswith("total "):
            continue
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            raise ParseError(file, number, f"expected a line of ls, found {shown(line)}")
        if entry["kind"] == "l":
            name, arrow, target = entry["name"].partition(" -> ")
            if not arrow:
                raise ParseError(file, number, f"expected a link, found {shown(line)}")
            links[name] = target
    return links
