"""Output of ps."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.ps_command import Process, parse_ps_command

FILE = "sos_commands/process/ps_alxwww"
LONG = "F   UID     PID    PPID PRI  NI    VSZ   RSS WCHAN  STAT TTY        TIME COMMAND\n"
WIDE = "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"


def test_long_format_is_read() -> None:
    """The parser reads "ps alxwww" and leaves out kernel threads and zombies."""
    text = LONG + (
        "4     0       1       0  20   0 105868 13604 ep_pol Ss   ?          0:22 /sbin/init\n"
        "1     0       2       0  20   0      0     0 kthrea S    ?          0:00 [kthreadd]\n"
        "0  1000      77       1  20   0      0     0 -      Z    ?          0:00 [sh] <defunct>\n"
        "4     0   32062       1  20   0 975960 53016 futex_ Ssl  ?          0:00 /usr/bin/containerd\n"
        "0     0   35149       1  20   0 112692  7692 futex_ Sl   ?          0:00 /usr/bin/containerd-shim -id /x/y\n"
    )
    assert parse_ps_command(text) == (
        Process(1, 13_604 * 1024, "init"),
        Process(32_062, 53_016 * 1024, "containerd"),
        Process(35_149, 7_692 * 1024, "containerd-shim"),
    )


def test_threads_are_passed_over() -> None:
    """The parser reads "ps auxwwwm", where each process is followed by its threads."""
    text = WIDE + (
        "root           1  1.4  0.3 105868 13604 ?        -    18:58   0:22 /usr/lib/systemd/systemd --system\n"
        "root           -  1.4    -      -     - -        Ss   18:58   0:22 -\n"
        "systemd+     699  0.0  0.1  16868  7796 ?        -    Feb11   0:01 /lib/systemd/systemd-resolved\n"
        "systemd+       -  0.0    -      -     - -        Ss   Feb11   0:01 -\n"
    )
    assert parse_ps_command(text) == (
        Process(1, 13_604 * 1024, "systemd"),
        Process(699, 7_796 * 1024, "systemd-resolved"),
    )


def test_tree_is_read() -> None:
    r"""The parser reads "ps auxfwww", which draws a tree before the command, and a warning above the header."""
    text = (
        "Warning: something old\n"
        + WIDE
        + (
            "root         699  0.0  0.1  16868  7796 ?        Ss   2022    0:01 /usr/sbin/sshd -D\n"
            "root         700  0.0  0.1  16868     8 ?        Ss   2022    0:01  |   \\_ kubelet --v=2\n"
        )
    )
    assert parse_ps_command(text) == (Process(699, 7_796 * 1024, "sshd"), Process(700, 8 * 1024, "kubelet"))


def test_a_header_alone_is_no_error() -> None:
    """The parser reads an output without processes."""
    assert parse_ps_command(WIDE) == ()


@pytest.mark.parametrize(
    "text", ["", "error: unsupported option\n", "PID COMMAND\n1 init\n", "RSS PID\n", "PID RSS COMMAND CGROUP\n"]
)
def test_header_is_asked_for(text: str) -> None:
    """The parser refuses an output whose columns are not those that it needs."""
    assert refusal(parse_ps_command, text) == (FILE, 0, "no header with PID, RSS and COMMAND")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("", "expected 3 columns, found ''"),
        ("1 13604", "expected 3 columns, found '1 13604'"),
        ("one 13604 init", "expected a number up to 4194304, found 'one'"),
        ("4194305 1 init", "expected a number up to 4194304, found '4194305'"),
        ("1 -1 init", f"expected a number up to {U64_MAX // 1024}, found '-1'"),
        ("1 18446744073709551615 init", f"expected a number up to {U64_MAX // 1024}, found '18446744073709551615'"),
    ],
)
def test_other_rows_are_refused(row: str, why: str) -> None:
    """The parser refuses a row that does not fit the header."""
    assert refusal(parse_ps_command, f"PID RSS COMMAND\n1 1 init\n{row}\n") == (FILE, 3, why)
