"""Compares two units by what each start makes and leaves, from batches of starts that were run in turns.

Method. Cgroups: the rate of each unit is its count over its starts; the variance of the difference is that of two
Poisson counts, scaled by the dispersion that its batches show (Pearson's chi-squared over its degrees of freedom,
McCullagh & Nelder 1989, 4.5.2). Starts that all make the same number show no dispersion at all; what no start did may
still happen in three of n (the rule of three, Hanley & Lippman-Hand 1983), so no interval is narrower than that.
Bytes: Student's interval of the mean of the differences within each round, so that what a host does over time, and
what the first of two finds ready made, is in both.
"""

import math
from itertools import pairwise

from unreclaim.base.intervals import Z95
from unreclaim.base.units import format_bytes, format_count
from unreclaim.model.gap import Gap
from unreclaim.model.lab import Batch, Comparison, Difference

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t, two-sided 95 %, for 1 to 15 degrees of freedom."""


def student_t95(degrees: int) -> float:
    """Give Student's t of the two-sided 95 % interval; above 15 degrees of freedom that of 15, which is wider."""
    return _T95[min(degrees, len(_T95)) - 1]


def compare(labels: tuple[str, str], system: str, batches: tuple[Batch, ...], gaps: tuple[Gap, ...] = ()) -> Comparison:
    """Compare two units; each must have been started."""
    first, second = (tuple(batch for batch in batches if batch.second is which) for which in (False, True))
    made = difference(first, second, tuple(batch.made for batch in first), tuple(batch.made for batch in second))
    ours, theirs = (tuple(batch.left for batch in batches if batch.left is not None) for batches in (first, second))
    known = len(ours) + len(theirs) == len(batches)
    left = difference(first, second, ours, theirs) if known else None
    size = _difference_of_bytes(first, second)
    starts = sum(batch.starts for batch in batches)
    conclusions = [conclude("cgroups per start", labels, made, starts, _places(batches))]
    if left is not None:
        conclusions.append(conclude("cgroups left dying per start", labels, left, starts, ""))
    if size is not None:
        conclusions.append(_conclude_bytes(labels, size, starts))
    each = min(sum(batch.starts for batch in first), sum(batch.starts for batch in second))
    return Comparison(labels, each, system, made, left, size, tuple(conclusions), batches, gaps)


def difference(
    first: tuple[Batch, ...], second: tuple[Batch, ...], ours: tuple[int, ...], theirs: tuple[int, ...]
) -> Difference:
    """Compare two counts per start."""
    starts = [sum(batch.starts for batch in batches) for batches in (first, second)]
    rates = [sum(counts) / number for counts, number in zip((ours, theirs), starts, strict=True)]
    variances = [
        _dispersion(batches, counts, rate) * rate / number
        for batches, counts, rate, number in zip((first, second), (ours, theirs), rates, starts, strict=True)
    ]
    half = max(Z95 * math.sqrt(sum(variances)), 3 / min(starts))
    middle = rates[0] - rates[1]
    return Difference(rates[0], rates[1], middle - half, middle + half)


def _dispersion(batches: tuple[Batch, ...], counts: tuple[int, ...], rate: float) -> float:
    """Give how many times more batches differ than Poisson counts would; 1 where there is but one."""
    if len(batches) < 2 or not rate:
        return 1.0
    squares = sum(
        (count - rate * batch.starts) ** 2 / (rate * batch.starts) for batch, count in zip(batches, counts, strict=True)
    )
    return squares / (len(batches) - 1)


def _difference_of_bytes(first: tuple[Batch, ...], second: tuple[Batch, ...]) -> Difference | None:
    """Compare bytes per start, round by round; None: not known, or fewer than two rounds."""
    ours, theirs = (_bytes_per_start(batches) for batches in (first, second))
    number = min(len(ours), len(theirs))
    if number < 2 or None in ours or None in theirs:
        return None
    pairs = [(one, other) for one, other in zip(ours, theirs, strict=False) if one is not None and other is not None]
    gaps = [one - other for one, other in pairs]
    middle = sum(gaps) / number
    variance = sum((gap - middle) ** 2 for gap in gaps) / (number - 1)
    half = student_t95(number - 1) * math.sqrt(variance / number)
    means = [sum(pair[side] for pair in pairs) / number for side in (0, 1)]
    return Difference(means[0], means[1], middle - half, middle + half)


def _bytes_per_start(batches: tuple[Batch, ...]) -> list[float | None]:
    return [
        None if batch.sunreclaim_bytes is None else (batch.sunreclaim_bytes + (batch.percpu_bytes or 0)) / batch.starts
        for batch in batches
    ]


def conclude(what: str, labels: tuple[str, str], found: Difference, starts: int, where: str) -> str:
    """Say in a sentence whether two rates differ."""
    rates = f"{found.first:.2f} vs {found.second:.2f}{where}, {format_count(starts)} starts"
    if not found.shown:
        seen = max(abs(found.low), abs(found.high))
        return f"no difference in {what}: {rates}; one of more than {seen:.3f} would have been seen"
    more, fewer = labels if found.low > 0 else labels[::-1]
    low, high = sorted((abs(found.low), abs(found.high)))
    return f"{more} has more {what} than {fewer}: {rates}; by {low:.2f} to {high:.2f}"


def _conclude_bytes(labels: tuple[str, str], found: Difference, starts: int) -> str:
    rates = f"{format_bytes(found.first)} vs {format_bytes(found.second)}, {format_count(starts)} starts"
    between = f"{format_bytes(found.low)} to {format_bytes(found.high)}"
    if not found.shown:
        return f"no difference in bytes per start was seen: {rates}; it is between {between}"
    more, fewer = labels if found.low > 0 else labels[::-1]
    return f"{more} takes more bytes per start than {fewer}: {rates}; the difference is {between}"


def _places(batches: tuple[Batch, ...]) -> str:
    most = max(batch.hierarchies for batch in batches)
    return f" in each of {most} hierarchies" if most > 1 else ""


def in_turns(rounds: int) -> tuple[bool, ...]:
    """Give for each batch whether it is of the second unit: A B, B A, A B, so that neither is always the first."""
    order: tuple[bool, ...] = ()
    for number in range(rounds):
        order += (False, True) if number % 2 == 0 else (True, False)
    return order


def share_starts(starts: int, rounds: int) -> tuple[int, ...]:
    """Share so many starts out among rounds as evenly as can be."""
    ends = [starts * number // rounds for number in range(rounds + 1)]
    return tuple(end - begin for begin, end in pairwise(ends))
