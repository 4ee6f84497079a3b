"""/proc/cgroups: every controller, the hierarchy it is on, and how many cgroups that hierarchy has.

Source: Documentation/admin-guide/cgroup-v1/cgroups.rst 1.1; proc_cgroupstats_show() in kernel/cgroup/cgroup-v1.c
Needs: nothing. num_cgroups counts live *and dying* cgroups of the hierarchy (cgroup_root.nr_cgrps, decremented only
    in css_free_rwork_fn()). On cgroup v2 every row therefore shows the same figure, that of the whole hierarchy.
    Since 6.12 controllers without v1 code have no row (af000ce85293), so the memory row can be missing.

Example::

    #subsys_name	hierarchy	num_cgroups	enabled
    cpuset	3	1	1
    memory	4	43	1
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import lines_of, shown, unsigned

FILE = "/proc/cgroups"


class ControllerRow(Struct, frozen=True):
    """One row: hierarchy 0 is the unified one (v2), or none where v2 is not mounted."""

    name: str
    hierarchy: int
    num_cgroups: int
    enabled: bool


def parse_proc_cgroups(text: str, *, file: str = FILE) -> tuple[ControllerRow, ...]:
    """Read every row in the file's order.

    Raises:
        ParseError: no header, a row of another form, or a controller that occurs twice.

    """
    lines = lines_of(text)
    if not lines or not lines[0].startswith("#subsys_name"):
        raise ParseError(file, 1, "expected the header '#subsys_name hierarchy num_cgroups enabled'")
    rows: dict[str, ControllerRow] = {}
    for number, line in enumerate(lines[1:], 2):
        words = line.split()
        if len(words) != 4 or words[3] not in ("0", "1"):
            raise ParseError(file, number, f"expected a name and three numbers, found {shown(line)}")
        if words[0] in rows:
            raise ParseError(file, number, f"controller {shown(words[0])} occurs twice")
        hierarchy, count = (unsigned(word, file, number) for word in words[1:3])
        rows[words[0]] = ControllerRow(words[0], hierarchy, count, words[3] == "1")
    return tuple(rows.values())
