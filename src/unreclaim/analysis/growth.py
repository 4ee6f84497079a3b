"""How fast each field of the catalogue changes within a window, and what the window cannot see.

Method. Bytes: the Theil-Sen slope of all readings (Sen 1968, "Estimates of the Regression Coefficient Based on
Kendall's Tau"), with Sen's interval from five readings on; with fewer, the difference between the ends. Counts: the
difference between the ends as a Poisson count with Byar's interval (Breslow & Day 1987, eq. 2.13), because cgroups
come one by one: seeing none in ten seconds still allows some 30,000 a day, and the interval says so.

Limits. The kernel's page counters are kept per CPU and folded into the total above a threshold or once a second, so
two readings of a byte figure may differ by that much without any growth (calculate_normal_threshold() and
refresh_cpu_vm_stats() in mm/vmstat.c). Every interval is widened by it.
"""

import math
from itertools import pairwise

from unreclaim.base.intervals import Z95, poisson_limit
from unreclaim.base.units import SECONDS_PER_DAY
from unreclaim.model.dying import count_memory
from unreclaim.model.fields import FIELDS, Field
from unreclaim.model.growth import Growth, Rate, SinceBoot
from unreclaim.model.sample import Observation, Sample

_SEN_FROM = 5
_MAX_THRESHOLD_PAGES = 125
_ZONE_UNIT_BYTES = 128 * 1024 * 1024

Points = tuple[tuple[float, int], ...]


def measure_growth(observation: Observation) -> Growth:
    """Measure the rate of every catalogue field between the first and the last reading that has it."""
    rates = {}
    since_boot = {}
    for field in FIELDS:
        points = read_points(field, observation.samples)
        if len(points) >= 2 and points[-1][0] > points[0][0]:
            rates[field.id] = _rate(field, points, observation)
        if points and points[-1][0] > 0 and field.id in _SINCE_BOOT:
            at, value = points[-1]
            since_boot[field.id] = SinceBoot(field.unit, max(0, value) / at * SECONDS_PER_DAY)
    return Growth(observation.window_seconds, len(observation.samples), rates, since_boot)


_SINCE_BOOT = frozenset({"meminfo.sunreclaim_bytes", "meminfo.percpu_bytes", "cgroups.memory.dying"})


def read_points(field: Field, samples: tuple[Sample, ...]) -> Points:
    """Give (seconds since boot, value) of a field for each sample that has both, in time order."""
    return tuple(
        (sample.uptime_seconds, value)
        for sample in samples
        if sample.uptime_seconds is not None and (value := field.read(sample)) is not None
    )


def _rate(field: Field, points: Points, observation: Observation) -> Rate:
    change = points[-1][1] - points[0][1]
    if field.unit == "bytes":
        low, slope, high = sen_slope(points)
        margin = reading_error_bytes(observation) / (points[-1][0] - points[0][0])
        # With many readings the scatter of the slopes shows the error of a reading; one page remains.
        if len(points) >= _SEN_FROM:
            margin /= len(points)
        low, high = low - margin, high + margin
    else:
        seconds = points[-1][0] - points[0][0]
        slack = _count_slack(observation) if field.id == "cgroups.memory.dying" else 0
        slope = change / seconds
        low, high = (bound / seconds for bound in poisson_interval(change, slack))
    return Rate(field.unit, slope * SECONDS_PER_DAY, low * SECONDS_PER_DAY, high * SECONDS_PER_DAY, change)


def sen_slope(points: Points) -> tuple[float, float, float]:
    """Give the low end, the middle and the high end of the Theil-Sen slope, per second.

    points: at least two, times strictly rising where they differ. Below five points all three are the slope between
    the ends.
    """
    (start, first), (end, last) = points[0], points[-1]
    if len(points) < _SEN_FROM:
        slope = (last - first) / (end - start)
        return slope, slope, slope
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for index, earlier in enumerate(points)
        for later in points[index + 1 :]
        if later[0] > earlier[0]
    )
    count = len(points)
    # Sen's interval without ties: the ranks around the middle by Kendall's variance n(n-1)(2n+5)/18. Ranks count from
    # one, so the lower end is one place further down than the same number of places from the upper end looks.
    spread = Z95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2) - 1)
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return slopes[low], _median(slopes), slopes[high]


def _median(values: list[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def poisson_interval(change: int, slack: int = 0) -> tuple[float, float]:
    """Give Byar's 95 % interval of a change that came in single steps; `slack` is the doubt about the count itself."""
    size = abs(change)
    low = poisson_limit(size - slack, -Z95) if size > slack else 0.0
    high = poisson_limit(size + slack + 1, Z95)
    if change > 0:
        return (low if size > slack else -poisson_limit(slack - size + 1, Z95)), high
    if change < 0:
        return -high, (-low if size > slack else poisson_limit(slack - size + 1, Z95))
    return -high, high


def reading_error_bytes(observation: Observation) -> float:
    """Bound the error of the difference of two readings of a /proc/meminfo counter, in bytes.

    calculate_normal_threshold() in mm/vmstat.c: min(125, 2 fls(CPUs) (1 + fls(zone size / 128 MiB))) pages on each
    CPU; the whole of memory stands here for the largest zone.
    """
    host = observation.host
    meminfo = observation.last.meminfo
    total = meminfo.mem_total_bytes if meminfo else 0
    cpus = host.cpus_online or host.cpus_possible or 1
    units = 1 + (total // _ZONE_UNIT_BYTES).bit_length()
    threshold = min(_MAX_THRESHOLD_PAGES, 2 * cpus.bit_length() * units)
    return float(threshold * cpus * (host.page_size_bytes or 4096))


def _count_slack(observation: Observation) -> int:
    """Give how far the two counts of dying cgroups may be off together."""
    slack = 0
    for sample in (observation.first, observation.last):
        count = count_memory(sample)
        if count is not None and count.low is not None and count.high is not None:
            slack += count.high - count.low
    return slack


def monotone(points: Points) -> bool:
    """Tell whether a series never falls."""
    return all(later[1] >= earlier[1] for earlier, later in pairwise(points))
