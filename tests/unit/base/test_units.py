"""Numbers as people read them."""

import pytest

from unreclaim.base.units import (
    KIB,
    SECONDS_PER_DAY,
    format_bytes,
    format_count,
    format_duration,
    format_percent,
)


def test_constants_are_what_they_say() -> None:
    """A KiB is 1024 bytes and a day 86,400 seconds."""
    assert (KIB, SECONDS_PER_DAY) == (1024, 24 * 60 * 60)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (0.4, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (999.4, "999 B"),
        (999.5, "1.0 kB"),
        (1000, "1.0 kB"),
        (1024, "1.0 kB"),
        (6_900, "6.9 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (10_000, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (58_000_000, "58 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1.0 GB"),
        (999_500_000_000, "1.0 TB"),
        (9_950_000_000_000, "10 TB"),
        (1_234_000_000_000_000, "1,234 TB"),
        (-0.4, "0 B"),
        (-0.5, "0 B"),
        (-0.6, "-1 B"),
        (-999, "-999 B"),
        (-999.5, "-1.0 kB"),
        (-6_900, "-6.9 kB"),
        (-999_500, "-1.0 MB"),
    ],
)
def test_bytes_have_two_or_three_digits(value: float, text: str) -> None:
    """Bytes are written in the unit that leaves two or three digits: never "1000 kB", "10.0 MB" or "-0 B"."""
    assert format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (23.0, "23"),
        (8_412, "8,412"),
        (1_234_567.8, "1,234,568"),
        (0.04, "under 0.1"),
        (0.1, "0.1"),
        (2.5, "2.5"),
        (9.94, "9.9"),
        (9.95, "10"),
        (9.96, "10"),
        (12.6, "13"),
        (-1, "-1"),
        (-2.5, "-2.5"),
        (-9.96, "-10"),
        (-0.04, "under 0.1"),
        (-8_412, "-8,412"),
    ],
)
def test_counts_are_broken_only_where_small(value: float, text: str) -> None:
    """A count has one decimal only where it is small and broken, and "0" means none at all."""
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (0.04, "under 0.1 seconds"),
        (0.5, "0.5 seconds"),
        (0.94, "0.9 seconds"),
        (0.95, "1 second"),
        (1, "1 second"),
        (2, "2 seconds"),
        (90, "90 seconds"),
        (119.4, "119 seconds"),
        (119.5, "2 minutes"),
        (120, "2 minutes"),
        (150.6, "3 minutes"),
        (7_169, "119 minutes"),
        (7_170, "2 hours"),
        (7_200, "2 hours"),
        (170_999, "47 hours"),
        (171_000, "2 days"),
        (23 * 86_400, "23 days"),
        (4_000 * 86_400, "4,000 days"),
    ],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    """A duration is written in the largest unit of which there are two, also after rounding up; "0" means none."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0 %"),
        (-0.0, "0 %"),
        (1e-9, "under 0.1 %"),
        (0.000_99, "under 0.1 %"),
        (0.001, "0.1 %"),
        (0.0234, "2.3 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.94, "94 %"),
        (1, "100 %"),
        (2.344, "234 %"),
        (-0.000_4, "under 0.1 %"),
        (-0.0234, "-2.3 %"),
        (-0.5, "-50 %"),
    ],
)
def test_percentages_are_broken_only_where_small(fraction: float, text: str) -> None:
    """A percentage below ten has one decimal, and "0 %" means none at all."""
    assert format_percent(fraction) == text
