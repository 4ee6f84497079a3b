"""How fast a figure changes."""

from msgspec import Struct


class Rate(Struct, frozen=True):
    """Change per day with its 95 % interval, from a window; unit is ``bytes`` or ``cgroups``.

    change: what was really seen in the window, from its first to its last reading.
    """

    unit: str
    per_day: float
    low: float
    high: float
    change: float

    @property
    def rising(self) -> bool:
        """Tell whether even the lower end of the interval is growth."""
        return self.low > 0

    @property
    def falling(self) -> bool:
        """Tell whether even the upper end of the interval is decline."""
        return self.high < 0


class SinceBoot(Struct, frozen=True):
    """An upper bound of the average growth since boot: what is there now, divided by the time it had."""

    unit: str
    at_most_per_day: float


class Growth(Struct, frozen=True):
    """Rates by field id in a window, and bounds since boot. No entry: fewer than two readings, or not known."""

    window_seconds: float
    readings: int
    rates: dict[str, Rate] = {}
    since_boot: dict[str, SinceBoot] = {}
