"""Unit files and time spans are read as the systemd that is installed here reads them."""

import math
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machine import skip_unless_forced
from unreclaim.base.errors import ParseError
from unreclaim.formats.time_span import parse_time_span
from unreclaim.formats.unit_file import parse_unit_file

pytestmark = [pytest.mark.live]

FATAL = re.compile(r"Invalid section header|not UTF-8 clean")
IGNORED = re.compile(r"Missing '='|Missing key name|outside of section")
# Each names itself in a warning, so that it is seen whether systemd came so far and what it took for name and value.
PIECES = ["[Service]", "[X-Mine]", "[Unit]", "ExecStart=/bin/true", "RestartSec=no-span", "no equals", "=nothing", ""]
PIECES += ["#", "Unknown= a b ", "RestartSec=a\\", "   b", "; comment \\", "\\", "k=v\\\\", "[Broken", "Type=\udcff"]
PIECES += ["RestartSec=c\\\n# between\n d"]


@pytest.fixture(autouse=True)
def analyze() -> None:
    """Skip where systemd is not installed."""
    if shutil.which("systemd-analyze") is None:
        skip_unless_forced("systemd-analyze is not installed")


def complaints(path: Path) -> tuple[list[tuple[str, int]], list[str]]:
    """Give the lines that systemd ignores or stops at, and the time spans that it takes for none."""
    command = ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(path)]
    result = subprocess.run(command, capture_output=True, check=False, timeout=60)
    said = result.stderr.decode("utf-8", "replace")
    found = []
    for line, text in re.findall(rf"^{re.escape(str(path))}:(\d+): (.*)$", said, re.MULTILINE):
        if FATAL.search(text) or IGNORED.search(text):
            found.append(("fatal" if FATAL.search(text) else "ignored", int(line)))
    return found, re.findall(r"Failed to parse sec value, ignoring: (.*)$", said, re.MULTILINE)


def test_what_is_ignored_and_what_is_fatal_is_what_systemd_says(tmp_path: Path) -> None:
    """Of 101 files of odd lines the same lines are ignored, and reading stops at the same one."""
    choose = random.Random(23)  # noqa: S311  the same texts each time
    compared = 0
    for number in range(101):
        end = choose.choice(["\n", "\r\n"])
        text = ("\n".join(["[Service]", *choose.choices(PIECES, k=choose.randint(3, 12))]) + "\n").replace("\n", end)
        path = tmp_path / f"unit-{number}.service"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        parsed = parse_unit_file(text, file=str(path))
        # systemd numbers a continued line by its last.
        ours = [("fatal" if problem.fatal else "ignored") for problem in parsed.problems]
        theirs, values = complaints(path)
        assert ours == [kind for kind, _ in theirs], text
        if "\\" not in text:
            assert [problem.line for problem in parsed.problems] == [line for _, line in theirs], text
        spans = [each.value for each in parsed.assignments if (each.section, each.name) == ("Service", "RestartSec")]
        assert [value.rstrip() for value in values] == [value.rstrip() for value in spans], text
        compared += len(theirs) + len(spans)
    assert compared > 150


def test_time_spans_are_what_systemd_makes_of_them() -> None:
    """Of 1,009 texts that look like time spans the same are refused, and the others are as long."""
    choose = random.Random(23)  # noqa: S311  the same texts each time
    parts = "5|0.5|1.25|100|9999999999999999999|ms|s|min|h|d|w|M|y|us| |.|x|+|-".split("|")  # noqa: SIM905
    texts = ["".join(choose.choices(parts, k=choose.randint(1, 6))) for _ in range(1009)]
    texts = [text for text in texts if not text.startswith("-") and text.strip()]
    read = 0
    for text in texts:
        result = subprocess.run(["systemd-analyze", "timespan", text], capture_output=True, check=False, text=True)
        shown = re.search(r"μs: (\d+)", result.stdout)
        try:
            seconds = parse_time_span(text)
        except ParseError:
            assert shown is None, text
            continue
        assert shown is not None, text
        assert math.isclose(seconds, int(shown[1]) / 1e6, rel_tol=1e-12), text
        read += 1
    assert read > 90
