"""/proc/cgroups."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.proc_cgroups import ControllerRow, parse_proc_cgroups

FILE = "/proc/cgroups"
HEADER = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"


def row(name: str, hierarchy: int, num_cgroups: int, *, enabled: bool = True) -> ControllerRow:
    """Give a row of a controller that is enabled."""
    return ControllerRow(name, hierarchy, num_cgroups, enabled)


def test_rows_of_4_15_are_read() -> None:
    """The parser reads every row in the file's order."""
    text = HEADER + (
        "cpuset\t5\t1\t1\ncpu\t7\t1\t1\ncpuacct\t7\t1\t1\nblkio\t10\t1\t1\nmemory\t8\t999\t1\n"
        "devices\t12\t15\t1\nfreezer\t4\t1\t1\nnet_cls\t2\t1\t1\nperf_event\t9\t1\t1\n"
        "net_prio\t2\t1\t1\nhugetlb\t3\t1\t1\npids\t11\t15\t1\nrdma\t6\t1\t1\n"
    )
    assert parse_proc_cgroups(text) == (
        row("cpuset", 5, 1),
        row("cpu", 7, 1),
        row("cpuacct", 7, 1),
        row("blkio", 10, 1),
        row("memory", 8, 999),
        row("devices", 12, 15),
        row("freezer", 4, 1),
        row("net_cls", 2, 1),
        row("perf_event", 9, 1),
        row("net_prio", 2, 1),
        row("hugetlb", 3, 1),
        row("pids", 11, 15),
        row("rdma", 6, 1),
    )


def test_memory_row_may_be_missing() -> None:
    """The parser reads the file of 7.2, without rows of memory and cpuset, and a disabled controller."""
    text = HEADER + "cpu\t0\t27\t1\nblkio\t0\t27\t1\ndevices\t0\t27\t1\npids\t0\t1\t0\n"
    assert parse_proc_cgroups(text) == (
        row("cpu", 0, 27),
        row("blkio", 0, 27),
        row("devices", 0, 27),
        row("pids", 0, 1, enabled=False),
    )


def test_no_rows_are_no_error() -> None:
    """The parser reads a file of nothing but its header."""
    assert parse_proc_cgroups(HEADER) == ()


@pytest.mark.parametrize("text", ["", "\n", "memory\t8\t999\t1\n", " " + HEADER])
def test_header_is_asked_for(text: str) -> None:
    """The parser refuses a file without its header."""
    why = "expected the header '#subsys_name hierarchy num_cgroups enabled'"
    assert refusal(parse_proc_cgroups, text) == (FILE, 1, why)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "expected a name and three numbers, found ''"),
        ("memory\t8\t999", r"expected a name and three numbers, found 'memory\t8\t999'"),
        ("memory\t8\t999\t1\t1", r"expected a name and three numbers, found 'memory\t8\t999\t1\t1'"),
        ("memory\t8\t999\t2", r"expected a name and three numbers, found 'memory\t8\t999\t2'"),
        ("cpu\t8\t999\t1", "controller 'cpu' occurs twice"),
        ("memory\t-8\t999\t1", f"expected a number up to {U64_MAX}, found '-8'"),
        ("memory\t8\t9_9\t1", f"expected a number up to {U64_MAX}, found '9_9'"),
    ],
)
def test_other_rows_are_refused(line: str, why: str) -> None:
    """The parser refuses a row of another form, and a second one of a controller."""
    assert refusal(parse_proc_cgroups, f"{HEADER}cpu\t0\t27\t1\n{line}\n") == (FILE, 3, why)
