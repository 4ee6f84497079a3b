"""Output of uname -a."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.uname_command import Uname, parse_uname_command


@pytest.mark.parametrize(
    ("text", "uname"),
    [
        (
            "Linux web-07 5.4.0-99-generic #112-Ubuntu SMP Thu Feb 3 13:50 2026 x86_64 x86_64 x86_64 GNU/Linux\n",
            Uname("web-07", "5.4.0-99-generic", "x86_64"),
        ),
        (
            "Linux node1.example.com 4.18.0-513.el8.s390x #1 SMP Fri Sep 29 05:21 2023 s390x s390x s390x GNU/Linux\n",
            Uname("node1.example.com", "4.18.0-513.el8.s390x", "s390x"),
        ),
        (
            "Linux deb 6.1.0-18-arm64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) aarch64 GNU/Linux",
            Uname("deb", "6.1.0-18-arm64", "aarch64"),
        ),
        (
            "Linux old 3.10.0 #1 SMP Tue Jan 5 10:00:00 CET 2016 i686 i686 i386 GNU/Linux\n",
            Uname("old", "3.10.0", "i686"),
        ),
    ],
)
def test_each_distribution_is_read(text: str, uname: Uname) -> None:
    """The parser finds the machine behind any version, with or without processor and platform."""
    assert parse_uname_command(text) == uname


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Linux\n",
        "FreeBSD b 14.0 #0 x amd64\n",
        "Linux a 5.4 #1 X86 GNU/Linux\n",
        "Linux a 5.4 #1 x y GNU/Linux\nz\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """The parser refuses other systems and other forms."""
    why = f"expected the line of uname -a, found {text!r}"
    assert refusal(parse_uname_command, text) == ("sos_commands/kernel/uname_-a", 1, why)
