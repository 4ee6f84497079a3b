"""A clock at the seam `Clock`: time passes only when somebody sleeps, and things happen while they do."""

from collections.abc import Callable


class FakeClock:
    """Starts at any time; `slept` keeps every sleep."""

    def __init__(self, *, monotonic: float = 5000.0, unix: float = 1_795_374_000.0) -> None:
        """Set the clock."""
        self._start = monotonic
        self._unix = unix
        self._events: list[tuple[float, Callable[[], None]]] = []
        self.gone = 0.0
        self.slept: list[float] = []

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen once, so many seconds after the start."""
        self._events.append((seconds, action))
        self._events.sort(key=lambda event: event[0])

    def monotonic(self) -> float:
        """Give seconds that never step back."""
        return self._start + self.gone

    def sleep(self, seconds: float) -> None:
        """Let time pass at once, with what happens meanwhile."""
        self.slept.append(seconds)
        end = self.gone + seconds
        while self._events and self._events[0][0] <= end:
            at, action = self._events.pop(0)
            self.gone = at
            action()
        self.gone = end

    def unix(self) -> float:
        """Give seconds since 1970."""
        return self._unix + self.gone
