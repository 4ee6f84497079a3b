"""per_cpu/cpuN/stats of a tracefs instance."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.trace_cpu_stats import FILE, TraceCpuStats, parse_trace_cpu_stats


def test_all_that_was_lost_is_added_up() -> None:
    """Overwritten events and such as had no room are lost; events that were read are not."""
    text = "entries: 5\noverrun: 23\ncommit overrun: 2\nbytes: 7\nnow ts: 1.5\ndropped events: 211\nread events: 9\n"
    assert parse_trace_cpu_stats(text) == TraceCpuStats(236)


def test_nothing_lost_is_zero() -> None:
    """A kernel that says so has lost nothing."""
    assert parse_trace_cpu_stats("overrun: 0\n") == TraceCpuStats(0)


@pytest.mark.parametrize("text", ["", "entries: 5\n"])
def test_what_does_not_say_is_refused(text: str) -> None:
    """Never zero for unknown."""
    assert refusal(parse_trace_cpu_stats, text) == (FILE, 0, "no line with the number of lost events")


def test_a_count_is_a_number() -> None:
    """The line is named."""
    assert refusal(parse_trace_cpu_stats, "entries: 5\noverrun: -1\n")[1] == 2
