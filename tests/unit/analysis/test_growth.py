"""How fast figures change, against oracles of their own: brute force, exact distributions, printed tables."""

import itertools
import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.fakes.build import GIB, HOUR, beside, host, light, meminfo, observation, sample, v1
from unreclaim.analysis.growth import (
    Points,
    measure_growth,
    monotone,
    poisson_interval,
    read_points,
    reading_error_bytes,
    sen_slope,
)
from unreclaim.model.fields import FIELDS
from unreclaim.model.growth import Growth, Rate, SinceBoot
from unreclaim.model.sample import Sample

DAY = 86_400
LIVE, DYING, SLAB = "cgroups.memory.live", "cgroups.memory.dying", "meminfo.sunreclaim_bytes"

# Two-sided 95 % limits of a Poisson mean when k are seen: chi-square(0.025, 2k)/2 and chi-square(0.975, 2k + 2)/2.
# Source: Ulm 1990 (Am J Epidemiol 131:373), as printed in tables of exact Poisson limits (Dobson et al. 1991).
EXACT = {
    0: (0.0, 3.689),
    1: (0.0253, 5.572),
    2: (0.2422, 7.225),
    3: (0.6187, 8.767),
    4: (1.090, 10.242),
    5: (1.623, 11.668),
    6: (2.202, 13.059),
    7: (2.814, 14.423),
    8: (3.454, 15.763),
    9: (4.115, 17.085),
    10: (4.795, 18.390),
    11: (5.491, 19.682),
    12: (6.201, 20.962),
    13: (6.922, 22.230),
    14: (7.654, 23.490),
    15: (8.395, 24.740),
    16: (9.145, 25.983),
    17: (9.903, 27.219),
    18: (10.668, 28.448),
    19: (11.439, 29.671),
    20: (12.217, 30.888),
    21: (12.999, 32.101),
    22: (13.787, 33.308),
    23: (14.580, 34.511),
}


def poisson_below(count: int, mean: float) -> float:
    """Give the probability of seeing `count` or fewer, summed term by term."""
    return math.exp(-mean) * math.fsum(mean**number / math.factorial(number) for number in range(count + 1))


@pytest.mark.parametrize(("count", "limits"), EXACT.items(), ids=str)
def test_table_of_exact_limits_is_right(count: int, limits: tuple[float, float]) -> None:
    """The table's limits are what they say: each leaves 2.5 % in its tail."""
    low, high = limits
    assert poisson_below(count, high) == pytest.approx(0.025, rel=0.002)
    if count:
        assert 1 - poisson_below(count - 1, low) == pytest.approx(0.025, rel=0.005)


@pytest.mark.parametrize(("count", "limits"), list(EXACT.items())[1:], ids=str)
def test_interval_of_a_count_is_the_exact_one(count: int, limits: tuple[float, float]) -> None:
    """Byar's interval agrees with the exact one: above to half a per cent, below to 2 % from five and 0.06 at most."""
    low, high = poisson_interval(count)
    exact_low, exact_high = limits
    assert high == pytest.approx(exact_high, rel=0.005)
    assert low == pytest.approx(exact_low, rel=0.02 if count >= 5 else 0, abs=0 if count >= 5 else 0.06)


def test_interval_of_a_fall_is_that_of_a_rise_turned_round() -> None:
    """Cgroups that go are counted as those that come."""
    for count in range(1, 24):
        low, high = poisson_interval(count)
        assert poisson_interval(-count) == (-high, -low)


def test_seeing_none_allows_some_30_000_a_day_in_ten_seconds() -> None:
    """None seen in ten seconds: 3.69 may have been due in either direction, 8,640 times that a day."""
    low, high = poisson_interval(0)
    assert high == pytest.approx(EXACT[0][1], rel=0.006)
    assert low == -high
    assert high * 8640 == pytest.approx(31_900, rel=0.01)


@pytest.mark.parametrize("slack", [1, 2, 5])
def test_doubt_about_the_count_widens_the_interval(slack: int) -> None:
    """Where the counts themselves may be off by some, both ends are those of counts that far away."""
    low, high = poisson_interval(23, slack)
    assert low == pytest.approx(EXACT[23 - slack][0], rel=0.02)
    # The upper limit of 23 + slack is beyond the table; its tail says whether it is right.
    assert poisson_below(23 + slack, high) == pytest.approx(0.025, rel=0.05)
    assert poisson_interval(-23, slack) == (-high, -low)


@pytest.mark.parametrize(("change", "slack"), [(3, 3), (3, 4), (1, 5)])
def test_doubt_as_large_as_the_change_leaves_its_sign_open(change: int, slack: int) -> None:
    """A rise by 3 that may be miscounted by 4 may be a fall by 1: then 5.57 may have been due downwards."""
    low, high = poisson_interval(change, slack)
    assert low == pytest.approx(-EXACT[slack - change][1], rel=0.006)
    assert high == pytest.approx(EXACT[slack + change][1], rel=0.005)
    assert poisson_interval(-change, slack) == (-high, -low)


def all_slopes(points: Points) -> list[Fraction]:
    """Give the exact slope between each two points, sorted."""
    return sorted(
        Fraction(later[1] - earlier[1]) / (Fraction(later[0]) - Fraction(earlier[0]))
        for earlier, later in itertools.combinations(points, 2)
        if later[0] != earlier[0]
    )


series = st.lists(st.integers(0, 2**40), min_size=5, max_size=14).map(
    lambda values: tuple((100.0 + 2 * index, value) for index, value in enumerate(values))
)


@settings(deadline=None)
@given(series)
def test_slope_is_the_median_of_all_slopes(points: Points) -> None:
    """From five readings on the slope is the median of those between each two readings (Theil, Sen)."""
    low, slope, high = sen_slope(points)
    slopes = all_slopes(points)
    assert slope == pytest.approx(float(statistics.median(slopes)), rel=1e-9, abs=1e-9)
    assert low <= slope <= high
    assert float(slopes[0]) <= low + 1e-9
    assert high <= float(slopes[-1]) + 1e-9


@settings(deadline=None)
@given(series)
def test_interval_of_the_slope_turns_round_with_the_series(points: Points) -> None:
    """A series that falls has the interval of the one that rises, turned round: neither end is favoured."""
    low, slope, high = sen_slope(points)
    down = sen_slope(tuple((at, -value) for at, value in points))
    assert down == pytest.approx((-high, -slope, -low), rel=1e-9, abs=1e-9)


def kendall(readings: int) -> list[int]:
    """Count the orders of so many readings by how many pairs of them are in falling order (Mahonian numbers)."""
    counts = [1]
    for length in range(2, readings + 1):
        longer = [0] * (len(counts) + length - 1)
        for pairs, number in enumerate(counts):
            for more in range(length):
                longer[pairs + more] += number
        counts = longer
    return counts


@pytest.mark.parametrize("readings", range(5, 51))
def test_interval_of_the_slope_leaves_2_5_per_cent_at_each_end(readings: int) -> None:
    """The true slope is below the lower end, or above the upper, once in forty times at most, whichever the noise.

    The number of slopes below the true one is the number of pairs in falling order, whose distribution is exactly
    known. Powers of two give slopes of which no two are equal, so that each end's rank can be told.
    """
    points = tuple((float(index), 2**index) for index in range(readings))
    slopes = all_slopes(points)
    assert len(set(slopes)) == len(slopes)
    low, _, high = sen_slope(points)
    floats = [float(slope) for slope in slopes]
    low_rank, high_rank = floats.index(low), floats.index(high)
    orders = kendall(readings)
    assert sum(orders) == math.factorial(readings)
    assert sum(orders[: low_rank + 1]) / sum(orders) <= 0.025
    assert sum(orders[high_rank + 1 :]) / sum(orders) <= 0.025
    # And it is no wider than it must be: two ranks closer would be too narrow.
    assert sum(orders[: low_rank + 3]) / sum(orders) > 0.025
    assert sum(orders[high_rank - 1 :]) / sum(orders) > 0.025


@pytest.mark.parametrize("number", [2, 3, 4])
def test_few_readings_give_the_slope_between_the_ends(number: int) -> None:
    """Below five readings there is no interval yet: all three are the slope between the first and the last."""
    between = ((101.0, 9_999_999), (102.0, 0))
    points = ((100.0, 5000), *between[: number - 2], (110.0, 7000))
    assert len(points) == number
    assert sen_slope(points) == (200.0, 200.0, 200.0)


def test_readings_of_one_moment_are_no_pair() -> None:
    """Two readings at the same hundredth of a second have no slope between them; the others do."""
    points = ((100.0, 0), (100.0, 50), (101.0, 10), (102.0, 20), (103.0, 30))
    # Between distinct moments: 10, 10, 10 from the first; -40, -15, -6.67 from the second; 10, 10, 10 among the rest.
    assert sen_slope(points) == (-40.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("gib", "cpus", "error"),
    [
        # 2 GiB are 16 units of 128 MiB: fls(16) = 5; 2 fls(2) (1 + 5) = 24 pages a CPU on 2 CPUs.
        (2, 2, 24 * 2 * 4096),
        # 16 GiB: fls(128) = 8; 1 CPU: 2 fls(1) (1 + 8) = 18 pages.
        (16, 1, 18 * 4096),
        # 2 CPUs: 2 x 2 x 9 = 36; 4 CPUs: 2 x 3 x 9 = 54.
        (16, 2, 36 * 2 * 4096),
        (16, 4, 54 * 4 * 4096),
        # 64 CPUs, 256 GiB: 2 x 7 x (1 + fls(2048) = 12) = 182, capped at 125 pages.
        (256, 64, 125 * 64 * 4096),
        # A byte less than 16 GiB are 127 whole units: fls(127) = 7, so 2 fls(1) (1 + 7) = 16 pages.
        (16 - 1 / GIB, 1, 16 * 4096),
    ],
)
def test_reading_error_is_the_kernels_threshold(gib: float, cpus: int, error: int) -> None:
    """A page counter's per-CPU part is kept back up to min(125, 2 fls(CPUs) (1 + fls(memory / 128 MiB))) pages each."""
    seen = observation(sample(memory=meminfo(mem_total_bytes=int(gib * GIB))), of=host(cpus=cpus))
    assert reading_error_bytes(seen) == error


def test_reading_error_counts_online_cpus_and_real_pages() -> None:
    """CPUs that are possible and not there keep nothing back; a page of arm64 may have 64 kB."""
    memory = sample(memory=meminfo(mem_total_bytes=16 * GIB))
    assert reading_error_bytes(observation(memory, of=host(cpus=64, online=2))) == 36 * 2 * 4096
    assert reading_error_bytes(observation(memory, of=host(page_size_bytes=65_536))) == 36 * 2 * 65_536
    untold = replace(host(cpus=4), cpus_online=None)
    assert reading_error_bytes(observation(memory, of=untold)) == 54 * 4 * 4096


def test_reading_error_without_facts_is_the_smallest() -> None:
    """Of a host that says nothing: one CPU, no memory, pages of 4 kB: 2 fls(1) (1 + 0) = 2 pages."""
    unknown = observation(Sample(), of=host(cpus=None, page_size_bytes=None))
    assert reading_error_bytes(unknown) == 2 * 4096


def slab_at(uptime: float, size: int) -> Sample:
    """Make a sample in which unreclaimable slab has a size."""
    return sample(uptime=uptime, memory=meminfo(sunreclaim_bytes=size))


def test_bytes_between_two_readings_are_widened_by_the_reading_error() -> None:
    """Over ten seconds 1 MB more is 100 kB a second; 36 x 2 pages of reading error are 29,491.2 bytes a second."""
    growth = measure_growth(observation(slab_at(1000.0, 50_000_000), slab_at(1010.0, 51_000_000)))
    rate = growth.rates[SLAB]
    assert (rate.unit, rate.change) == ("bytes", 1_000_000)
    assert rate.per_day == pytest.approx(100_000 * DAY)
    assert rate.low == pytest.approx((100_000 - 29_491.2) * DAY)
    assert rate.high == pytest.approx((100_000 + 29_491.2) * DAY)


def test_bytes_of_many_readings_have_their_scatter_for_an_interval() -> None:
    """From five readings on the scatter stands for the error, and of the reading error a share remains: 1 in 5."""
    whole = slab_at(1000.0, 50_000_000), slab_at(1004.0, 50_400_000)
    lights = [light(1000.0 + second, meminfo(sunreclaim_bytes=50_000_000 + 100_000 * second)) for second in (1, 2, 3)]
    growth = measure_growth(observation(whole[0], *lights, whole[1]))
    rate = growth.rates[SLAB]
    margin = 36 * 2 * 4096 / 4 / 5
    assert growth.readings == 5
    figures = ((100_000 - margin) * DAY, 100_000 * DAY, (100_000 + margin) * DAY)
    assert (rate.low, rate.per_day, rate.high) == pytest.approx(figures)


def test_counts_have_the_interval_of_what_comes_one_by_one() -> None:
    """23 more in a hundred seconds: 14.58 to 34.51 by the exact table, 864 times that a day."""
    growth = measure_growth(observation(sample(v1(11), uptime=1000.0), sample(v1(34), uptime=1100.0)))
    rate = growth.rates[DYING]
    assert (rate.unit, rate.change) == ("cgroups", 23)
    assert rate.per_day == pytest.approx(23 * 864)
    assert rate.low == pytest.approx(14.580 * 864, rel=0.01)
    assert rate.high == pytest.approx(34.511 * 864, rel=0.01)
    assert growth.rates[LIVE].change == 0


def test_counts_that_were_disturbed_are_doubted() -> None:
    """A first count between 11 and 13 and a last between 34 and 36 may be off by 2 + 2 together.

    19 may be all that came: 11.44 by the exact table. Live cgroups are counted directory by directory: no doubt.
    """
    first, last = sample(v1(11, then=13), uptime=1000.0), sample(v1(34, then=36), uptime=1100.0)
    growth = measure_growth(observation(first, last))
    assert growth.rates[DYING].change == 36 - 13
    assert growth.rates[DYING].low == pytest.approx(11.439 * 864, rel=0.01)
    assert growth.rates[LIVE].high == pytest.approx(3.689 * 864, rel=0.01)


def test_readings_of_one_moment_begin_a_window_all_the_same() -> None:
    """Two readings at one hundredth of a second and a third ten seconds later: the window is between first and last."""
    samples = (sample(v1(11), uptime=1000.0), sample(v1(12), uptime=1000.0), sample(v1(34), uptime=1010.0))
    rate = measure_growth(observation(*samples)).rates[DYING]
    assert rate.change == 23
    assert rate.per_day == pytest.approx(23 * 8640)


def test_counts_without_bounds_are_not_doubted() -> None:
    """A count of which nothing is known has no bounds to add up; where it is missing there is no rate either."""
    growth = measure_growth(observation(sample(v1(None), uptime=1000.0), sample(v1(34), uptime=1100.0)))
    assert DYING not in growth.rates
    unmounted = measure_growth(observation(sample(beside(1), uptime=1000.0), sample(beside(24), uptime=1100.0)))
    assert DYING not in unmounted.rates
    assert unmounted.rates["cgroups.unified.dying"].change == 23
    middle = (sample(v1(11), uptime=1000.0), sample(v1(34), uptime=1100.0), sample(v1(None), uptime=1101.0))
    tail = measure_growth(observation(*middle)).rates[DYING]
    assert tail.change == 23
    assert tail.low == pytest.approx(14.580 * 864, rel=0.01)


def test_each_field_is_measured_between_the_readings_that_have_it() -> None:
    """Light samples have no cgroups: counts are measured between the whole ones, bytes through all."""
    seen = observation(
        sample(v1(11), uptime=1000.0), light(1005.0, meminfo()), sample(v1(34), uptime=1010.0), light(1020.0, meminfo())
    )
    growth = measure_growth(seen)
    assert growth.rates[DYING].per_day == pytest.approx(23 * 8640)
    assert (growth.window_seconds, growth.readings) == (20.0, 4)
    assert set(growth.rates) == {field.id for field in FIELDS} - {"cgroups.unified.dying"}


@pytest.mark.parametrize(
    "uptimes",
    [(1000.0,), (1000.0, 1000.0), (1000.0, 990.0), (None, 1010.0), (1000.0, None)],
    ids=str,
)
def test_without_a_window_there_is_no_rate(uptimes: tuple[float | None, ...]) -> None:
    """One reading, two of one moment, a reboot in between, or an unknown time: no growth can be told."""
    growth = measure_growth(observation(*(sample(uptime=uptime) for uptime in uptimes)))
    assert growth.rates == {}


def test_since_boot_is_all_there_is_by_the_time_it_had() -> None:
    """100 MB of slab, 20 MB of per-CPU memory and 11 dying an hour after boot: 24 times that a day at most."""
    assert measure_growth(observation()) == Growth(
        0.0,
        1,
        {},
        {
            SLAB: SinceBoot("bytes", 2.4e9),
            "meminfo.percpu_bytes": SinceBoot("bytes", 480e6),
            DYING: SinceBoot("cgroups", 264.0),
        },
    )


def test_since_boot_takes_the_last_reading() -> None:
    """Of several readings the last is what is there now, by the time it had."""
    growth = measure_growth(observation(slab_at(HOUR, 5), slab_at(2 * HOUR, 240_000_000)))
    assert growth.since_boot[SLAB] == SinceBoot("bytes", 12 * 240e6)


@pytest.mark.parametrize("uptime", [0.0, None])
def test_since_boot_is_unknown_at_boot(uptime: float | None) -> None:
    """No time has passed, or it is not known: no rate, and no division by zero."""
    assert measure_growth(observation(sample(uptime=uptime))) == Growth(0.0, 1, {}, {})


def test_points_are_the_readings_that_say_both() -> None:
    """A reading needs its time and its value."""
    slab = next(field for field in FIELDS if field.id == SLAB)
    samples = (
        slab_at(1.0, 10),
        Sample(uptime_seconds=2.0),
        sample(uptime=None),
        sample(uptime=3.0, memory=meminfo(sunreclaim_bytes=None)),
        slab_at(4.0, 0),
    )
    assert read_points(slab, samples) == ((1.0, 10), (4.0, 0))


@pytest.mark.parametrize(
    ("values", "never_falls"), [((), True), ((5,), True), ((5, 5, 7), True), ((5, 7, 6), False), ((5, 4, 9), False)]
)
def test_monotone_series_never_falls(values: tuple[int, ...], never_falls: bool) -> None:  # noqa: FBT001
    """One step down is enough to fall."""
    assert monotone(tuple((float(at), value) for at, value in enumerate(values))) is never_falls


def test_a_rate_knows_its_direction() -> None:
    """What was measured above rises; nothing seen neither rises nor falls."""
    growth = measure_growth(observation(sample(v1(11), uptime=1000.0), sample(v1(34), uptime=1100.0)))
    assert isinstance(growth.rates[DYING], Rate)
    assert (growth.rates[DYING].rising, growth.rates[LIVE].rising, growth.rates[LIVE].falling) == (True, False, False)
