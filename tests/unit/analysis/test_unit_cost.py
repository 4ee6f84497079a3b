"""What a start costs, by least squares over a window; rows and the rest add up to growth."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreclaim.analysis.unit_cost import Reading, price_cycles
from unreclaim.model.units import CycleCost, WindowCost

Times = dict[str, tuple[float, ...]]


def watch(steps: list[int], starts: dict[str, list[int]]) -> tuple[tuple[Reading, ...], Times]:
    """Give a reading a second, with these bytes more each, and the starts of each source in each second."""
    readings = tuple(Reading(float(at), size) for at, size in enumerate(accumulate(steps, initial=10**9)))
    times = {
        name: tuple(at + (number + 1) / (count + 1) for at, count in enumerate(counts) for number in range(count))
        for name, counts in starts.items()
    }
    return readings, times


def test_a_steady_loop_has_all_growth() -> None:
    """23 starts a second at 17,000 bytes each, and nothing else: the price is exact, and nothing is unexplained."""
    readings, times = watch([23 * 17_000] * 10, {"a": [23] * 10})
    assert price_cycles(readings, times) == WindowCost(
        10.0, 3_910_000, (CycleCost("a", 230, 3_910_000, 17_000.0, 17_000.0, 17_000.0),), 0
    )


def test_two_sources_are_told_apart_by_their_pace() -> None:
    """Sources that start in other seconds have prices of their own, and growth besides is the rest."""
    ours, theirs = [23, 0] * 6, [0, 7, 0, 3] * 3
    steps = [one * 17_000 + other * 5_000 for one, other in zip(ours, theirs, strict=True)]
    found = price_cycles(*watch(steps, {"a": ours, "b": theirs}))
    assert found is not None
    assert [(row.name, row.starts, row.bytes, round(row.bytes_each or 0)) for row in found.rows] == [
        ("a", 138, 138 * 17_000, 17_000),
        ("b", 30, 30 * 5_000, 5_000),
    ]
    assert found.unexplained_bytes == 0


def test_growth_besides_widens_the_interval_and_is_the_rest() -> None:
    """A step of 50 MB in a second without starts is no start's."""
    found = price_cycles(*watch([170_000, 0, 170_000, 50_000_000, 170_000, 0], {"a": [10, 0, 10, 0, 10, 0]}))
    assert found is not None
    (row,) = found.rows
    assert (row.bytes, row.bytes_each, found.unexplained_bytes) == (510_000, 17_000.0, 50_000_000)
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0
    assert row.high > 34_000


def test_sources_of_one_pace_cannot_be_told_apart() -> None:
    """The second of them names the first, whose row has the bytes of both; few starts are not priced."""
    found = price_cycles(*watch([200_000] * 8, {"a": [20] * 8, "b": [10] * 8, "c": [1] + [0] * 7, "d": [0] * 8}))
    assert found is not None
    assert found.rows == (
        CycleCost("a", 160, 1_600_000, 10_000.0, 10_000.0, 10_000.0),
        CycleCost("b", 80, 0, None, None, None, "a"),
        CycleCost("c", 1, 0, None, None, None),
    )


def test_no_price_without_readings_or_with_few_intervals() -> None:
    """One reading shows no growth; two intervals fit any price."""
    assert price_cycles((Reading(0.0, 7),), {"a": (0.5,)}) is None
    readings, times = watch([230, 230], {"a": [23, 23]})
    assert price_cycles(readings, times) == WindowCost(2.0, 460, (CycleCost("a", 46, 0, None, None, None),), 460)


def test_starts_outside_the_window_do_not_count() -> None:
    """A start at the first reading was before it, one at the last is in it."""
    readings, _ = watch([10] * 3, {})
    found = price_cycles(readings, {"a": (0.0, 1.0, 2.0, 3.0, 3.5)})
    assert found is not None
    assert [row.starts for row in found.rows] == [3]


counts = st.lists(st.integers(0, 40), min_size=12, max_size=12)


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=12, max_size=12),
    st.dictionaries(st.text(max_size=3), counts, max_size=7),
)
def test_rows_and_the_rest_add_up(steps: list[int], starts: dict[str, list[int]]) -> None:
    """Whatever grew and whatever started, rows and the rest are the growth, to the byte."""
    readings, times = watch(steps, starts)
    found = price_cycles(readings, times)
    assert found is not None
    assert sum(row.bytes for row in found.rows) + found.unexplained_bytes == sum(steps) == found.growth_bytes
    assert {row.name: row.starts for row in found.rows} == {name: sum(of) for name, of in starts.items() if sum(of)}
    for row in found.rows:
        if row.bytes_each is not None and row.low is not None and row.high is not None:
            assert row.low <= row.bytes_each <= row.high


@given(st.integers(1_000, 50_000), st.integers(1_000, 50_000), counts, counts)
def test_known_prices_are_found(one: int, other: int, ours: list[int], theirs: list[int]) -> None:
    """Where growth is exactly the starts' and both are priced, the prices are those."""
    steps = [a * one + b * other for a, b in zip(ours, theirs, strict=True)]
    found = price_cycles(*watch(steps, {"a": ours, "b": theirs}))
    assert found is not None
    if len(found.rows) == 2 and all(row.bytes_each is not None for row in found.rows):
        prices = {row.name: row.bytes_each for row in found.rows}
        assert prices == {"a": pytest.approx(one), "b": pytest.approx(other)}
