"""What a loop comes to: systemd's own delays, rates with intervals, and a rate under another delay."""

import math

import pytest

from unreclaim.advice.prediction import loop_rate, rate_per_day, restart_delay, share, times
from unreclaim.model.plan import Estimate

DAY = 86_400


def ends(estimate: Estimate | None) -> tuple[float, float, float]:
    """Give the figures of an estimate, to be compared roughly."""
    assert estimate is not None
    return estimate.middle, estimate.low, estimate.high


def test_delays_grow_from_the_first_to_the_last_by_equal_ratios() -> None:
    """With six steps from 1 s to 64 s each delay is twice the one before, and then they stay."""
    delays = [restart_delay(number, 1.0, 6, 64.0) for number in range(1, 10)]
    assert delays == pytest.approx([1, 2, 4, 8, 16, 32, 64, 64, 64])


def test_delays_are_those_of_the_formula_in_the_source() -> None:
    """The i-th delay is r0 (rn/r0)^(i/n), for numbers that come out odd."""
    delays = [restart_delay(number, 0.1, 4, 5.0) for number in range(1, 7)]
    assert delays == pytest.approx([0.1, 0.1 * 50**0.25, 0.1 * 50**0.5, 0.1 * 50**0.75, 5.0, 5.0])


@pytest.mark.parametrize(
    ("start", "steps", "most"),
    [(0.1, 0, 5.0), (0.0, 4, 5.0), (0.1, 4, None), (0.1, 4, math.inf), (5.0, 4, 5.0), (6.0, 4, 5.0)],
    ids=["no steps", "no delay", "no most", "infinite", "as long", "longer"],
)
def test_delays_do_not_grow_where_systemd_ignores_the_setting(start: float, steps: int, most: float | None) -> None:
    """Each of the conditions that systemd asks for leaves the delay what it is."""
    assert {restart_delay(number, start, steps, most) for number in range(9)} == {start}


def test_rate_has_the_poisson_interval_of_the_count() -> None:
    """23 starts in a minute: the exact 90 % interval of a Poisson count of 23 is 15.7 to 32.6 (chi-squared)."""
    rate = rate_per_day(23, 60.0)
    assert rate.middle == 23 * 1440
    assert rate.low / 1440 == pytest.approx(15.72, abs=0.05)
    assert rate.high / 1440 == pytest.approx(32.59, abs=0.05)


def test_no_start_at_all_allows_for_three() -> None:
    """Nothing seen: 0, up to what would be seen in one of twenty times (2.996)."""
    rate = rate_per_day(0, DAY)
    assert (rate.middle, rate.low) == (0.0, 0.0)
    assert rate.high == pytest.approx(2.996, abs=0.07)


def test_share_has_wilsons_interval() -> None:
    """0 of 23 is up to 10.5 %, 23 of 23 from 89.5 % on, and more than all are all."""
    assert ends(share(0, 23)) == pytest.approx((0.0, 0.0, 0.1053), abs=5e-5)
    assert ends(share(23, 23)) == pytest.approx((1.0, 0.8947, 1.0), abs=5e-5)
    assert share(29, 23) == share(23, 23)


def test_products_hold_the_ends() -> None:
    """The ends of a product are the products of the ends."""
    assert times(Estimate(2, 1, 3), Estimate(10, 5, 20)) == Estimate(20, 5, 60)


def test_a_loop_of_a_second_comes_to_5760_a_day_by_15_seconds() -> None:
    """86,400 a day, all of it delay, become 5,760, give or take the quarter of a second that systemd may be late."""
    found = loop_rate(Estimate(DAY, DAY, DAY), 1.0, 15.0)
    assert found.middle == pytest.approx(DAY / 15.125)
    assert (found.low, found.high) == pytest.approx((DAY / 15.25, DAY / 15))


def test_the_run_time_stays() -> None:
    """A service that runs five seconds and waits one comes to 20 s a cycle by a delay of 15 s."""
    found = loop_rate(Estimate(DAY / 6.125, DAY / 6.5, DAY / 6), 1.0, 15.0)
    assert found.middle == pytest.approx(DAY / 20.125)
    assert found.low == pytest.approx(DAY / (5.5 + 15.25))
    assert found.high == pytest.approx(DAY / (4.75 + 15))


def test_a_rate_that_may_be_zero_stays_one_that_may() -> None:
    """Where no start was seen the new rate is zero too, and its upper end is bounded by the delay."""
    found = loop_rate(Estimate(0.0, 0.0, DAY), 1.0, 15.0)
    assert (found.middle, found.low, found.high) == (0.0, 0.0, DAY / 15)
    nothing = Estimate(0.0, 0.0, 0.0)
    assert loop_rate(nothing, 1.0, 15.0) == nothing


def test_no_delay_and_no_run_is_bounded_by_what_was_seen() -> None:
    """A loop without a delay cannot become endlessly fast."""
    now = Estimate(10 * DAY, 10 * DAY, 10 * DAY)
    assert loop_rate(now, 1.0, 0.0).high == 10 * DAY
