"""The list of a bundle's files that could not be read."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.unreadable import parse_unreadable

FILE = "unreadable"


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("", {}),
        (
            "EACCES /proc/slabinfo\nEOPNOTSUPP /proc/pressure/irq\n",
            {"/proc/slabinfo": "EACCES", "/proc/pressure/irq": "EOPNOTSUPP"},
        ),
        ("ENOENT /sys/fs/cgroup/a b\udcff\x0c\n\nE2BIG /\n", {"/sys/fs/cgroup/a b\udcff\x0c": "ENOENT", "/": "E2BIG"}),
    ],
    ids=ascii,
)
def test_errors_are_read_by_path(text: str, errors: dict[str, str]) -> None:
    """The parser gives the error of each path, whatever the path is made of."""
    assert parse_unreadable(text) == errors


@pytest.mark.parametrize(
    "line",
    [
        "EACCES",
        "EACCES slabinfo",
        "/proc/slabinfo",
        "eacces /proc/slabinfo",
        "E-ACCES /proc/slabinfo",
        "\u00c9ACCES /proc/slabinfo",
        " EACCES /proc/slabinfo",
    ],
    ids=ascii,
)
def test_other_lines_are_refused(line: str) -> None:
    """The parser refuses a line that is not a name in capitals and an absolute path, and counts blank lines."""
    expected = (FILE, 3, f"expected an error's name and a path, found {line!r}")
    assert refusal(parse_unreadable, f"EPERM /a\n\n{line}\n") == expected
