"""trace of a tracefs instance with events of cgroups."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.trace_cgroup import FILE, CgroupEvent, CgroupTrace, parse_trace_cgroup

HEADER = "# tracer: nop\n#\n# entries-in-buffer/entries-written: {}/{}   #P:2\n#\n#    TASK-PID     CPU#\n"


def test_events_of_6_18_are_read() -> None:
    """Every event of a cgroup is read in order, whatever the columns before it; lines of other events are not."""
    text = HEADER.format(4, 7) + (
        "         systemd-1       [001] d..1.  7402.2: cgroup_mkdir: root=9 id=41 level=3 path=/x.slice/a b.service\n"
        "            <...>-7       [000] .....  7402.3: sched_switch: prev_comm=cgroup_mkdir\n"
        "         systemd-1       [001] d..1.  7402.4: cgroup_rmdir: root=9 id=41 level=3 path=/x.slice/a b.service\n"
        "     kworker/0:1-16      [000] d..1.  7402.5: cgroup_release: root=0 id=42 level=3 path=/\n"
    )
    assert parse_trace_cgroup(text) == CgroupTrace(
        (
            CgroupEvent("mkdir", 9, 41, "/x.slice/a b.service"),
            CgroupEvent("rmdir", 9, 41, "/x.slice/a b.service"),
            CgroupEvent("release", 0, 42, "/"),
        ),
        lost=3,
    )


def test_no_events_are_no_error() -> None:
    """An empty buffer has its header."""
    assert parse_trace_cgroup(HEADER.format(0, 0)) == CgroupTrace((), 0)


@pytest.mark.parametrize("text", ["", "# tracer: nop\n", "# entries-in-buffer/entries-written: 1/x\n"])
def test_without_a_count_of_entries_it_is_no_trace(text: str) -> None:
    """What does not say whether it is whole cannot be counted by."""
    file, line, why = refusal(parse_trace_cgroup, text)
    assert (file, line) == (FILE, 0)
    assert why.startswith("no line with the number of entries, found ")


def test_numbers_are_those_of_the_kernel() -> None:
    """An id of more than 64 bits is refused with its line."""
    text = HEADER.format(1, 1) + f" a-1 [0] . 1.0: cgroup_mkdir: root=0 id={U64_MAX + 1} level=1 path=/x\n"
    assert refusal(parse_trace_cgroup, text) == (FILE, 6, f"expected a number up to {U64_MAX}, found '{U64_MAX + 1}'")
