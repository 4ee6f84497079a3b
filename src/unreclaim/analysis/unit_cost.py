"""What a start costs, from growth and starts over a window.

Method. Least squares without a constant: in each interval between two readings, growth = sum of (starts x bytes each) +
rest. So what else grows is the rest, and only what grows at the very pace of the starts is taken for theirs. Interval:
Student's, from the scatter of the rests (Draper & Smith 1998, 3.1 and 5.1). Sources are taken in the order of their
starts; one whose starts came at the pace of those before it (less than a twentieth of its own variation is left) cannot
be told from them. Bytes of a row are rounded, and what no row explains is growth minus the rows: they add up exactly.
"""

import math
from bisect import bisect_right
from itertools import pairwise

from msgspec import Struct

from unreclaim.analysis.comparison import student_t95
from unreclaim.model.units import CycleCost, WindowCost

_MOST_SOURCES = 5
_FEWEST_STARTS = 5
_OWN_SHARE = 0.05
_INTERVALS_EACH = 3
"""Intervals for each source that is priced: fewer would fit any figures."""

Vector = tuple[float, ...]


class Reading(Struct, frozen=True):
    """Kernel memory at a moment: SUnreclaim and Percpu together, in bytes."""

    unix_seconds: float
    bytes: int


def price_cycles(readings: tuple[Reading, ...], times: dict[str, tuple[float, ...]]) -> WindowCost | None:
    """Price the starts of each source; None: fewer than two readings.

    times: of the starts of each source, in seconds since 1970, sorted.
    """
    if len(readings) < 2:
        return None
    first, last = readings[0], readings[-1]
    growth = last.bytes - first.bytes
    steps = list(pairwise(readings))
    columns = {
        name: tuple(
            float(bisect_right(moments, b.unix_seconds) - bisect_right(moments, a.unix_seconds)) for a, b in steps
        )
        for name, moments in times.items()
    }
    started = {name: round(sum(column)) for name, column in columns.items()}
    names = sorted((name for name, starts in started.items() if starts), key=lambda name: (-started[name], name))
    chosen, likes = _choose(names, columns, started, len(steps))
    prices = _fit([columns[name] for name in chosen], tuple(float(b.bytes - a.bytes) for a, b in steps))
    rows = []
    for name in names:
        price = prices[chosen.index(name)] if name in chosen else None
        size = 0 if price is None else round(price[0] * started[name])
        each, half = price or (None, None)
        low, high = (None, None) if each is None or half is None else (each - half, each + half)
        rows.append(CycleCost(name, started[name], size, each, low, high, likes.get(name)))
    return WindowCost(
        last.unix_seconds - first.unix_seconds, growth, tuple(rows), growth - sum(row.bytes for row in rows)
    )


def _choose(
    names: list[str], columns: dict[str, Vector], started: dict[str, int], intervals: int
) -> tuple[list[str], dict[str, str]]:
    """Give those that can be told apart, and for each of the others the one that it cannot be told from."""
    chosen: list[str] = []
    basis: list[Vector] = []
    likes: dict[str, str] = {}
    for name in names:
        if started[name] < _FEWEST_STARTS or len(chosen) >= min(_MOST_SOURCES, intervals // _INTERVALS_EACH):
            continue
        column = columns[name]
        parts = [_dot(column, unit) for unit in basis]
        rest = tuple(
            value - sum(part * unit[place] for part, unit in zip(parts, basis, strict=True))
            for place, value in enumerate(column)
        )
        if _dot(rest, rest) <= _OWN_SHARE * _dot(column, column):
            nearest = max(range(len(chosen)), key=lambda place: abs(parts[place]))
            likes[name] = chosen[nearest]
            continue
        length = math.sqrt(_dot(rest, rest))
        basis.append(tuple(value / length for value in rest))
        chosen.append(name)
    return chosen, likes


def _fit(columns: list[Vector], growth: Vector) -> list[tuple[float, float]]:
    """Give for each column its slope and the half of its 95 % interval."""
    matrix = [[_dot(one, other) for other in columns] for one in columns]
    inverse = _inverse(matrix)
    slopes = [sum(entry * _dot(column, growth) for entry, column in zip(row, columns, strict=True)) for row in inverse]
    rests = [
        value - sum(slope * column[place] for slope, column in zip(slopes, columns, strict=True))
        for place, value in enumerate(growth)
    ]
    degrees = len(growth) - len(columns)
    variance = sum(rest * rest for rest in rests) / degrees
    return [
        (slope, student_t95(degrees) * math.sqrt(variance * inverse[place][place]))
        for place, slope in enumerate(slopes)
    ]


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Invert a positive definite matrix of a few rows (Gauss-Jordan)."""
    size = len(matrix)
    rows = [[*row, *(float(place == number) for place in range(size))] for number, row in enumerate(matrix)]
    for pivot in range(size):
        rows[pivot] = [value / rows[pivot][pivot] for value in rows[pivot]]
        for other in range(size):
            if other != pivot:
                factor = rows[other][pivot]
                rows[other] = [value - factor * base for value, base in zip(rows[other], rows[pivot], strict=True)]
    return [row[size:] for row in rows]


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
