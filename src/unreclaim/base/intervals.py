"""Intervals of what was counted: of a count itself, and of a share. Their width is told in standard deviations."""

import math

Z90, Z95 = 1.644854, 1.959964
"""The normal distribution's quantiles for two-sided intervals of 90 and 95 %."""


def poisson_limit(count: int, z: float) -> float:
    """Give one end of the interval of a count of events: `z` below 0 is the lower end of `count`.

    The upper end of n events is that of n + 1 with `z` above 0. `count` is 1 or more.

    Source: Byar's approximation; Breslow & Day 1987, "Statistical Methods in Cancer Research II", eq. 2.13.
    """
    return float(count * max(0.0, 1 - 1 / (9 * count) + z / (3 * math.sqrt(count))) ** 3)


def share_interval(some: int, of: int, z: float) -> tuple[float, float]:
    """Give the interval of a share, `some` of `of` (which is not 0).

    Source: Wilson 1927, "Probable inference", eq. 4.
    """
    share, z2 = min(some, of) / of, z * z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
