"""The text of a drop-in: one file a unit, marked, with values that systemd reads as they are."""

import pytest

from unreclaim.advice.dropin import escape_value, write_drop_ins
from unreclaim.model.plan import DropIn, Setting

EXPECTED = """\
# Written by unreclaim (unreclaim apply app.service); unreclaim undo app.service removes it.
# Change its values by undo and apply: undo leaves a file alone that was edited since.

[Unit]
StartLimitBurst=5

[Service]
RestartSec=15s
Slice=100%%.slice
"""


def test_settings_stand_in_their_sections_and_units_have_files_of_their_own() -> None:
    """Settings of two units give two texts, each with its sections in systemd's order, and a % doubled."""
    settings = (
        Setting("app.service", "Service", "RestartSec", "15s"),
        Setting("app.slice", "Slice", "DisableControllers", "memory"),
        Setting("app.service", "Unit", "StartLimitBurst", "5"),
        Setting("app.service", "Service", "Slice", "100%.slice"),
    )
    service, of_slice = write_drop_ins(settings, "app.service")
    assert service == DropIn("app.service", EXPECTED)
    assert of_slice.unit == "app.slice"
    assert of_slice.text.endswith(
        "removes it.\n" + EXPECTED.splitlines()[1] + "\n\n[Slice]\nDisableControllers=memory\n"
    )
    assert write_drop_ins((), "app.service") == ()


@pytest.mark.parametrize("value", ["a\nExecStart=/bin/sh", "a\x00", " a", "a ", "a\\"])
def test_a_value_that_would_be_another_line_is_refused(value: str) -> None:
    """What would end the line, go on in the next or lose its ends is no value."""
    with pytest.raises(ValueError, match="cannot be the value of a setting"):
        escape_value(value)
