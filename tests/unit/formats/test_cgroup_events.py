"""cgroup.events."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.cgroup_events import CgroupEvents, parse_cgroup_events


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("populated 1\nfrozen 0\n", CgroupEvents(populated=True)),
        ("populated 0\n", CgroupEvents(populated=False)),
        ("populated 0\nfrozen 1\nlater 7\n", CgroupEvents(populated=False)),
    ],
)
def test_events_are_read(text: str, events: CgroupEvents) -> None:
    """The parser reads whether anybody is there, and leaves out other lines."""
    assert parse_cgroup_events(text) == events


def test_populated_is_always_there() -> None:
    """The parser refuses a file that does not say whether anybody is there."""
    why = "expected a line 'populated 0' or 'populated 1'"
    assert refusal(parse_cgroup_events, "frozen 0\n") == ("cgroup.events", 0, why)
