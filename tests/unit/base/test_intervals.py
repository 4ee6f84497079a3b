"""Intervals are those that are published."""

import pytest

from unreclaim.base.intervals import Z95, poisson_limit, share_interval


@pytest.mark.parametrize(
    ("some", "of", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(some: int, of: int, low: float, high: float) -> None:
    """As published."""
    assert share_interval(some, of, Z95) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Exact limits, from the chi-squared distribution's quantiles (Garwood 1936); Byar's are within 0.05 of them.
    [(1, 0.025, 5.572), (5, 1.623, 11.668), (23, 14.580, 34.511)],
)
def test_the_interval_of_a_count_is_near_the_exact_one(count: int, low: float, high: float) -> None:
    """The lower end is that of the count, the upper one of the next."""
    ends = poisson_limit(count, -Z95), poisson_limit(count + 1, Z95)
    assert ends == pytest.approx((low, high), abs=0.05)
