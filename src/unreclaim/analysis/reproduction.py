"""What each reproducer of the laboratory must leave on this kernel, and whether what was seen agrees.

The expectations are measured facts (docs/kernel-notes/dying.md, census.md), chosen by what the kernel can do and never
by its version.
"""

from msgspec import Struct

from unreclaim.analysis.growth import Points, sen_slope
from unreclaim.base.units import format_bytes
from unreclaim.formats.meminfo import MemInfo
from unreclaim.model.diagnosis import Span
from unreclaim.model.lab import Each, Expectation, Moment, Terms

MOST_BYTES = 1 << 30
"""No experiment takes more than this, as far as can be told before."""
_LEAST_AVAILABLE_BYTES, _LEAST_AVAILABLE_SHARE = 512 << 20, 0.1
_LEAST_DISK_BYTES = 256 << 20
_SLACK_SHARE = 0.03
# Half the width of the bounds over the figure itself: above it a figure says more of the noise than of cgroups.
_TOLD = 0.25
# The kernel fills slabs and per-CPU pages that are partly free before it takes new ones: 200 cgroups took 3 to 5 kB of
# new slab each on 6.18, 2,000 took 11.8 of the 12.6 kB that they cost (docs/kernel-notes/cost.md).
TOLD_FROM = 2000


class Kind(Struct, frozen=True):
    """A reproducer.

    does: what the process in each cgroup does, as part of a sentence. needs_process: what holds the cgroups is held by
    the laboratory's own process and goes with it. bytes_each: pages that each takes.
    """

    title: str
    does: str
    needs_process: bool = False
    bytes_each: int = 0
    on_disk: bool = False


PAGE = 4096
KINDS = {
    "empty": Kind("churn of empty cgroups", "did nothing"),
    "page-cache": Kind("page cache, a file each", "wrote a page of a file of its own", bytes_each=PAGE, on_disk=True),
    "shared-log": Kind("page cache, one log of all", "appended a page to a log of all", bytes_each=PAGE, on_disk=True),
    "tmpfs": Kind("tmpfs, a file each", "wrote a page of a file in tmpfs", bytes_each=PAGE),
    "memfd": Kind(
        "a memfd that lives on",
        "wrote a page of a memfd that another process holds",
        needs_process=True,
        bytes_each=PAGE,
    ),
    "mlock": Kind(
        "a file that is locked in memory",
        "wrote a page of a file that another process then locks",
        needs_process=True,
        bytes_each=PAGE,
        on_disk=True,
    ),
    "mapped": Kind(
        "a file that is mapped",
        "wrote a page of a file that another process then maps",
        needs_process=True,
        bytes_each=PAGE,
        on_disk=True,
    ),
    "dentries": Kind("names in the directory cache", "looked up 30 names that do not exist"),
    "sockets": Kind("sockets that live on", "opened a TCP socket that another process keeps", needs_process=True),
    "live-cgroups": Kind("cgroups that nobody removes", "did nothing, and its cgroup was not removed"),
    "unit-loop": Kind(
        "a systemd unit in a restart loop",
        "appended a page to a log, being a start of the unit,",
        bytes_each=PAGE,
        on_disk=True,
    ),
}
"""Every reproducer by the name that it has on the command line."""
_BY_PAGES = frozenset({"page-cache", "shared-log", "tmpfs", "memfd", "mlock", "mapped", "unit-loop"})


def expect(kind: str, terms: Terms) -> Expectation:
    """Say how many dying cgroups one of a kind must leave on such a kernel."""
    if kind in _BY_PAGES:
        return _expect_of_pages(terms)
    if kind == "dentries":
        return _expect_of_objects(terms, "names")
    if kind == "sockets":
        if terms.version == 2:
            return Expectation(1, 1, "on cgroup v2 an open socket holds the cgroup that it was opened in")
        if terms.kernel_objects_reparented:
            return Expectation(0, 0, "on cgroup v1 no open socket holds a cgroup")
        return _expect_of_objects(terms, "sockets")
    return Expectation(0, 0, "nothing stays that could hold one" if kind == "empty" else "none is removed")


def _expect_of_pages(terms: Terms) -> Expectation:
    if terms.pages_reparented is None:
        return Expectation(0, 1, "the kernel's symbols do not show whether it hands pages to the parent")
    if terms.pages_reparented:
        return Expectation(0, 0, "this kernel hands the pages of a removed cgroup to its parent")
    return Expectation(1, 1, "this kernel leaves pages with the cgroup that first used them")


def _expect_of_objects(terms: Terms, what: str) -> Expectation:
    if terms.kernel_objects_reparented:
        return Expectation(0, 0, "this kernel hands the kernel objects of a removed cgroup to its parent")
    return Expectation(0, 1, f"kernels before 5.9 differ: {what} hold cgroups on 4.15 and none on 5.4")


def agrees(expected: Expectation, made: int, dying: int | None) -> bool | None:
    """Tell whether a count fits; None: there is none, or nothing definite was expected.

    Something else may hold one now and then (a block of the filesystem's metadata), or free one (reclaim): 3 % of
    those made, and always one, are let pass.
    """
    if dying is None or expected.low != expected.high:
        return None
    slack = max(1, round(made * _SLACK_SHARE))
    return expected.low * made - slack <= dying <= expected.high * made + slack


def share_out(points: Points, number: int, error_bytes: float) -> Each | None:
    """Give what each of `number` cgroups took; None: nothing to share out, or not known.

    points: (cgroups made, bytes) of readings on the way, in order. error_bytes: how far readings are off by what else
    goes on. The Theil-Sen slope (analysis/growth.py) is taken and not the difference between the ends, for on a busy
    host somebody else takes or frees some memory within the run, and its interval shows how much the readings scatter.
    """
    if number <= 0 or len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    share = points[-1][0] / number
    low, middle, high = (slope * share for slope in sen_slope(points))
    error = error_bytes / number
    span = Span(round(middle), round(min(low, middle - error)), round(max(high, middle + error)))
    narrow = max(span.high - middle, middle - span.low) <= _TOLD * middle
    return Each(span, number >= TOLD_FROM and middle > 0 and narrow)


def spread(moments: tuple[Moment, ...]) -> tuple[int, int]:
    """Give how far SUnreclaim and Percpu moved, in bytes, while nothing was done yet."""
    slab = [moment.sunreclaim_bytes for moment in moments if moment.sunreclaim_bytes is not None]
    percpu = [moment.percpu_bytes for moment in moments if moment.percpu_bytes is not None]
    return max(slab, default=0) - min(slab, default=0), max(percpu, default=0) - min(percpu, default=0)


def why_no_room(info: MemInfo, needed_bytes: int, disk_free_bytes: int | None = None) -> str | None:
    """Say why an experiment that takes so many bytes must not be made here, or not go on; None: it may.

    disk_free_bytes: of the disk that it writes to; None: it writes to none.
    """
    available = info.get("mem_available_bytes")
    if available is None:
        # Before 3.14, and never more than what is available.
        available = info.get("mem_free_bytes") or 0
    least = max(_LEAST_AVAILABLE_BYTES, round(info.mem_total_bytes * _LEAST_AVAILABLE_SHARE))
    needed = format_bytes(needed_bytes)
    if needed_bytes > MOST_BYTES:
        return f"it would take about {needed}, and no experiment takes over {format_bytes(MOST_BYTES)}"
    if available < least:
        return f"this host is short of memory: {format_bytes(available)} available, and {format_bytes(least)} must stay"
    if available - needed_bytes < least:
        return (
            f"it would take about {needed} of the {format_bytes(available)} that are available, "
            f"and {format_bytes(least)} must stay"
        )
    if disk_free_bytes is not None and disk_free_bytes < _LEAST_DISK_BYTES:
        free = format_bytes(disk_free_bytes)
        return f"the disk is nearly full: {free} free, {format_bytes(_LEAST_DISK_BYTES)} must be"
    return None
