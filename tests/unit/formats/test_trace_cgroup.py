"""trace_pipe of a tracefs instance with events of cgroups."""

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.trace_cgroup import FILE, CgroupEvent, CgroupTrace, MemcgEvents, parse_trace_cgroup


def test_events_of_6_18_are_read() -> None:
    """Every event of a cgroup is read in order, whatever the columns before it; lines of other events are not."""
    text = (
        "      systemd-1    [001] d..1.  7402.232571: cgroup_mkdir: root=9 id=41 level=3 path=/x.slice/a b.service\n"
        "            <...>-7       [000] .....  7402.300000: sched_switch: prev_comm=cgroup_mkdir\n"
        "CPU:1 [LOST 23 EVENTS]\n"
        "      systemd-1    [001] d..1.  7402.400000: cgroup_rmdir: root=9 id=41 level=3 path=/x.slice/a b.service\n"
        "CPU:0 [LOST 211 EVENTS]\n"
        "     kworker/0:1-16      [000] d..1.  7402.500000: cgroup_release: root=0 id=42 level=3 path=/\n"
    )
    assert parse_trace_cgroup(text) == CgroupTrace(
        (
            CgroupEvent("mkdir", 9, 41, "/x.slice/a b.service", 7402.232571),
            CgroupEvent("rmdir", 9, 41, "/x.slice/a b.service", 7402.4),
            CgroupEvent("release", 0, 42, "/", 7402.5),
        ),
        MemcgEvents(),
        lost=234,
    )


def test_events_of_4_15_are_read() -> None:
    """Without the column of preemption, and with ids that are small numbers."""
    text = "           mkdir-1042  [000] ....    99.123456: cgroup_mkdir: root=4 id=2 level=1 path=/x\n"
    assert parse_trace_cgroup(text).events == (CgroupEvent("mkdir", 4, 2, "/x", 99.123456),)


def test_calls_of_the_kernels_functions_are_counted() -> None:
    """Each probe of ours is told by its event's name."""
    calls = [*5 * ["alloc"], *3 * ["offline"], *2 * ["free"]]
    lines = [f"  a-1  [000] d..1.  1.000000: memcg_{name}: (mem_cgroup_css_{name}+0x0/0x40)\n" for name in calls]
    assert parse_trace_cgroup("".join(lines)) == CgroupTrace((), MemcgEvents(5, 3, 2))


def test_what_a_path_or_a_command_holds_is_no_event() -> None:
    """Names may look like an event: a path is read to its end, and a command's name is too short for one."""
    path = "/a 1.000000: cgroup_rmdir: root=1 id=1 level=1 path=/b [LOST 5 EVENTS]"
    text = (
        f"  : cgroup_rmdir:-7 [0] . 1.500000: cgroup_mkdir: root=1 id=2 level=1 path={path}\n"
        " 1.000000: cgrou-7 [0] . 1.600000: cgroup_mkdir: root=1 id=3 level=1 path=\r\n"
    )
    assert parse_trace_cgroup(text) == CgroupTrace(
        (CgroupEvent("mkdir", 1, 2, path, 1.5), CgroupEvent("mkdir", 1, 3, "\r", 1.6))
    )


def test_nothing_is_no_error() -> None:
    """An empty pipe is a trace without events."""
    assert parse_trace_cgroup("") == CgroupTrace()


def test_numbers_are_those_of_the_kernel() -> None:
    """An id of more than 64 bits is refused."""
    text = f" a-1 [0] . 1.000000: cgroup_mkdir: root=0 id={U64_MAX + 1} level=1 path=/x\n"
    assert refusal(parse_trace_cgroup, text) == (FILE, 0, f"expected a number up to {U64_MAX}, found '{U64_MAX + 1}'")
