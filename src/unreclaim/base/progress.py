"""How whoever waits is told that something gets on."""

from collections.abc import Callable

Progress = Callable[[float, float], None]
"""Called with what is done and what the whole comes to: seconds gone and expected, or things counted."""

Stage = Callable[[str], None]
"""Called with what is being done; the last time with nothing."""
