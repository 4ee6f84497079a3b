"""/proc/PID/status."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.proc_pid_status import ProcessStatus, parse_proc_pid_status

FILE = "/proc/1/status"
LARGEST = U64_MAX // 1024
# PID 1 of 4.15.
SYSTEMD = """\
Name:\tsystemd
Umask:\t0000
State:\tS (sleeping)
Tgid:\t1
Ngid:\t0
Pid:\t1
PPid:\t0
TracerPid:\t0
Uid:\t0\t0\t0\t0
FDSize:\t64
Groups:\t\x20
NSpid:\t1
VmPeak:\t   15688 kB
VmSize:\t   15624 kB
VmLck:\t       0 kB
VmHWM:\t    8996 kB
VmRSS:\t    8990 kB
RssAnon:\t    1628 kB
RssFile:\t    7368 kB
HugetlbPages:\t       0 kB
SigQ:\t0/5976
Cpus_allowed_list:\t0
voluntary_ctxt_switches:\t136
"""


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (SYSTEMD, ProcessStatus("systemd", 1, 8990 * 1024, 1628 * 1024)),
        # A kernel thread has no Vm lines; 4.4 had no RssAnon.
        (
            "Name:\tkthreadd\nState:\tS (sleeping)\nTgid:\t2\nPid:\t2\nPPid:\t0\n",
            ProcessStatus("kthreadd", 2),
        ),
        ("Name:\tcron\nPid:\t23\nVmRSS:\t    0 kB\n", ProcessStatus("cron", 23, 0)),
        # A process chooses its name: with a colon, a newline as the kernel escapes it, or like another line.
        ("Name:\tPid: 7\\nPid:8\nPid:\t23\n", ProcessStatus("Pid: 7\\nPid:8", 23)),
        ("Name:\tVmRSS:\udcff\x0cPid:\t9\nPid:\t23\n", ProcessStatus("VmRSS:\udcff\x0cPid:\t9", 23)),
        ("Name:\t\nPid:\t23\n", ProcessStatus("", 23)),
        # Of two lines of one name the kernel's comes first.
        ("Name:\tcron\nPid:\t23\nPid:\t24\nno colon\n", ProcessStatus("cron", 23)),
    ],
    ids=["4.15", "kernel thread", "no RssAnon", "colon", "not UTF-8", "no name", "twice"],
)
def test_name_pid_and_memory_are_read(text: str, status: ProcessStatus) -> None:
    """The parser reads what is there of name, pid and resident memory, and nothing out of the name."""
    assert parse_proc_pid_status(text) == status


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "no Name or no Pid line"),
        ("Name:\tcron\n", 0, "no Name or no Pid line"),
        ("Pid:\t23\n", 0, "no Name or no Pid line"),
        ("Name:\tcron\nPid:\t-1\n", 2, f"expected a number up to {U64_MAX}, found '-1'"),
        ("Name:\tcron\nPid:\t23\nVmRSS:\t1 MB\n", 3, "expected a number of kB, found '1 MB'"),
        ("Name:\tcron\nPid:\t23\nVmRSS:\n", 3, "expected a number of kB, found ''"),
        ("Name:\tcron\nPid:\t23\n\nRssAnon:\t1\n", 4, "expected a number of kB, found '1'"),
        ("Name:\tcron\nPid:\t23\nRssAnon:\t1 kB kB\n", 3, "expected a number of kB, found '1 kB kB'"),
        ("Name:\tcron\nPid:\t23\nVmRSS:\t1_0 kB\n", 3, f"expected a number up to {LARGEST}, found '1_0'"),
        (
            f"Name:\tcron\nPid:\t23\nVmRSS:\t{LARGEST + 1} kB\n",
            3,
            f"expected a number up to {LARGEST}, found '{LARGEST + 1}'",
        ),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses a file without name or pid, and sizes of another form."""
    assert refusal(parse_proc_pid_status, text) == (FILE, line, why)
