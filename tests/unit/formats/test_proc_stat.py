"""/proc/stat."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.proc_stat import parse_proc_stat

FILE = "/proc/stat"


def test_time_of_boot_is_read() -> None:
    """The parser gives the boot's time and passes over all else."""
    text = "cpu  1826 0 1104 6890 3 0 17 0 0 0\nintr 5 0 0\nbtime 1795373040\nprocesses 2915\n"
    assert parse_proc_stat(text) == 1_795_373_040


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "no btime line"),
        ("cpu  1826 0 1104\n", 0, "no btime line"),
        ("cpu  1826\nbtime soon\n", 2, f"expected a number up to {U64_MAX}, found 'soon'"),
        ("btime", 1, f"expected a number up to {U64_MAX}, found ''"),
    ],
)
def test_no_time_of_boot_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses a file without it."""
    assert refusal(parse_proc_stat, text) == (FILE, line, why)
