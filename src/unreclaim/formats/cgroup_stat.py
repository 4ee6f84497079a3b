"""cgroup.stat: how many descendants of a cgroup live, and how many are dying.

Source: Documentation/admin-guide/cgroup-v2.rst "cgroup.stat"; cgroup_stat_show() in kernel/cgroup/cgroup.c
Needs: cgroup v2, 4.14. nr_subsys_* and nr_dying_subsys_* since 6.12 (ab0312526867); they briefly read 0 right after
    rmdir until 13e786b64bd3. nr_descendants leaves out the cgroup itself, nr_subsys_* counts it.

Example::

    nr_descendants 17
    nr_subsys_memory 18
    nr_dying_descendants 16
    nr_dying_subsys_memory 15
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import keyed_counts

FILE = "cgroup.stat"


class CgroupStat(Struct, frozen=True):
    """Counts below one cgroup; None or an absent controller: this kernel does not say."""

    nr_descendants: int
    nr_dying_descendants: int
    nr_subsys: dict[str, int] = {}
    nr_dying_subsys: dict[str, int] = {}


def parse_cgroup_stat(text: str, *, file: str = FILE) -> CgroupStat:
    """Read the counts; lines of other names (``frozen_usec`` …) are left aside.

    Raises:
        ParseError: a line that is not a name and a number, or the two counts missing.

    """
    counts = keyed_counts(text, file)
    if "nr_descendants" not in counts or "nr_dying_descendants" not in counts:
        raise ParseError(file, 0, "nr_descendants or nr_dying_descendants is missing")
    return CgroupStat(
        counts["nr_descendants"],
        counts["nr_dying_descendants"],
        _by_controller(counts, "nr_subsys_"),
        _by_controller(counts, "nr_dying_subsys_"),
    )


def _by_controller(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {name[len(prefix) :]: count for name, count in counts.items() if name.startswith(prefix)}
