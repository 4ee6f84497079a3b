"""Rates and what they mean."""

import pytest

from unreclaim.model.growth import Rate


@pytest.mark.parametrize(
    ("low", "high", "rising", "falling"),
    [(0.1, 5.0, True, False), (0.0, 5.0, False, False), (-5.0, 0.0, False, False), (-5.0, -0.1, False, True)],
)
def test_direction_is_that_of_the_whole_interval(low: float, high: float, rising: bool, falling: bool) -> None:  # noqa: FBT001
    """A rate rises or falls only where its interval leaves nothing else."""
    rate = Rate("bytes", (low + high) / 2, low, high, 1)
    assert (rate.rising, rate.falling) == (rising, falling)
