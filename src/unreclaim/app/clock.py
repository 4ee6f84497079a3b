"""The seam to time: the real clock, or a test's."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a use case needs to know of time."""

    def monotonic(self) -> float:
        """Give seconds that never step back."""

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""

    def unix(self) -> float:
        """Give seconds since 1970."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Give CLOCK_MONOTONIC."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def unix(self) -> float:
        """Give the time of day."""
        return time.time()
