"""Options that several commands share."""

import click
import pytest

from unreclaim.cli.options import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("30s", 30.0),
        (" 30s ", 30.0),
        ("0", 0.0),
        ("0.5", 0.5),
        ("250ms", 0.25),
        ("10m", 600.0),
        ("1.5h", 5400.0),
        ("2d", 172_800.0),
        (10, 10.0),
        (2.5, 2.5),
    ],
)
def test_duration_is_a_number_with_a_unit(text: object, seconds: float) -> None:
    """A duration is seconds unless its unit says otherwise."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "+1", "1e9", "1.", ".5", "10 m", "10min", "1h30m", "inf", "nan", "9999999"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    """What could be meant in two ways, or would wait for years, is refused with examples."""
    with pytest.raises(click.BadParameter, match="is no duration; write 30s, 10m, 1h or a number of seconds"):
        Duration().convert(text, None, None)
