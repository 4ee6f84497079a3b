"""Units: the kernel's on the way in, people's on the way out."""

KIB = 1024
SECONDS_PER_DAY = 86_400

_DECIMAL = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_DURATIONS = (("day", 86_400, 3_600), ("hour", 3_600, 60), ("minute", 60, 1))
"""A unit, its length in seconds, and that of the next finer one."""


def format_bytes(value: float) -> str:
    """Write a number of bytes for people: decimal units, two or three digits (``6.9 kB``, ``58 MB``)."""
    sign = "-" if round(value) < 0 else ""
    size = abs(value)
    for unit, factor in _DECIMAL:
        # 999.5 kB would be written "1000 kB"; hand it to the next unit instead.
        if size >= factor * 0.9995:
            scaled = size / factor
            return f"{sign}{scaled:.1f} {unit}" if scaled < 9.95 else f"{sign}{scaled:,.0f} {unit}"
    return f"{sign}{size:.0f} B"


def format_count(value: float) -> str:
    """Write a count for people: ``8,412``; one decimal only where the count is small and broken (``2.5``).

    A count that is not zero is never written as ``0``.
    """
    if 0 < abs(value) < 0.1:
        return "under 0.1"
    # 9.96 would be written "10.0"; adding zero takes the sign from -0.0.
    return f"{value + 0:,.0f}" if value == int(value) or abs(value) >= 9.95 else f"{value:.1f}"


def format_number_of(value: float, one: str, many: str) -> str:
    """Write a number of things for people: ``1 cgroup is``, ``23 cgroups are``."""
    return f"{format_count(value)} {one if value == 1 else many}"


def format_duration(seconds: float) -> str:
    """Write a duration for people in its largest sensible unit (``23 days``, ``90 seconds``, ``0.5 seconds``)."""
    for unit, length, finer in _DURATIONS:
        # Two of a unit are enough to use it; what would be rounded up to two of it ("48 hours") counts too.
        if seconds >= 2 * length - finer / 2:
            return f"{round(seconds / length):,} {unit}s"
    # What would be written "1.0" is a whole one.
    return format_number_of(seconds if seconds < 0.95 else round(seconds), "second", "seconds")


def format_percent(fraction: float) -> str:
    """Write a fraction as a percentage; a fraction that is not zero is never written as ``0 %``."""
    percent = fraction * 100 + 0
    if 0 < abs(percent) < 0.1:
        return "under 0.1 %"
    return f"{percent:.1f} %" if 0 < abs(percent) < 9.95 else f"{percent:.0f} %"
