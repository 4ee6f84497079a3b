"""/proc/PID/cgroup."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.proc_pid_cgroup import Membership, parse_proc_pid_cgroup

FILE = "/proc/self/cgroup"


def test_hybrid_hierarchies_are_read() -> None:
    """The parser reads controllers that share a hierarchy, the named one, and the unified one."""
    text = "12:perf_event:/\n7:cpu,cpuacct:/\n2:memory:/system.slice/x.service\n1:name=systemd:/x\n0::/x\n"
    assert parse_proc_pid_cgroup(text) == (
        Membership(12, ("perf_event",), "/"),
        Membership(7, ("cpu", "cpuacct"), "/"),
        Membership(2, ("memory",), "/system.slice/x.service"),
        Membership(1, ("name=systemd",), "/x"),
        Membership(0, (), "/x"),
    )


@pytest.mark.parametrize(
    ("printed", "path", "deleted"),
    [
        ("/system.slice/x.service (deleted)", "/system.slice/x.service", True),
        ("/x (deleted) (deleted)", "/x (deleted)", True),
        ("/x (deleted)/y", "/x (deleted)/y", False),
        ("/x(deleted)", "/x(deleted)", False),
        # Outside the reader's cgroup namespace; a colon and a space; bytes that are no UTF-8.
        ("/../../init.scope", "/../../init.scope", False),
        ("/a:b c", "/a:b c", False),
        ("/\udcff\x0c\x85", "/\udcff\x0c\x85", False),
    ],
    ids=ascii,
)
def test_path_is_kept_and_death_noted(printed: str, path: str, deleted: bool) -> None:  # noqa: FBT001
    """The parser gives the path as it is, and takes only the kernel's last word for the cgroup's death."""
    assert parse_proc_pid_cgroup(f"0::{printed}\n") == (Membership(0, (), path, deleted),)


def test_no_lines_are_no_error() -> None:
    """The parser reads an empty file."""
    assert parse_proc_pid_cgroup("") == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("4:memory", "expected 'number:controllers:/path', found '4:memory'"),
        ("4:memory:", "expected 'number:controllers:/path', found '4:memory:'"),
        ("4:memory:x/y", "expected 'number:controllers:/path', found '4:memory:x/y'"),
        (" ", "expected 'number:controllers:/path', found ' '"),
        ("x:memory:/", f"expected a number up to {U64_MAX}, found 'x'"),
        ("-4:memory:/", f"expected a number up to {U64_MAX}, found '-4'"),
    ],
)
def test_other_lines_are_refused(line: str, why: str) -> None:
    """The parser refuses a line of another form, and counts blank lines."""
    assert refusal(parse_proc_pid_cgroup, f"0::/\n\n{line}\n") == (FILE, 3, why)
