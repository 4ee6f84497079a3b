"""What pins a dying cgroup."""

import pytest

from unreclaim.model.census import DyingCgroup, Pin, PinKind


@pytest.mark.parametrize(
    ("kinds", "unexplained", "unknown"),
    [
        ((), None, False),
        ((), 0, False),
        ((), 2, True),
        ((PinKind.PAGE_CACHE, PinKind.SWAP), 2, True),
        ((PinKind.WRITEBACK,), 2, True),
        ((PinKind.WRITEBACK, PinKind.SOCKET), 2, False),
        ((PinKind.WATCH,), 2, False),
        ((PinKind.PROCESS,), 2, False),
    ],
)
def test_a_holder_is_unknown_until_one_is_found(
    kinds: tuple[PinKind, ...], unexplained: int | None, *, unknown: bool
) -> None:
    """Memory, in swap too, and writeback structures are counted apart: they hold no reference that is unexplained."""
    pins = tuple(Pin(kind, 0, 1) for kind in kinds)
    assert DyingCgroup(1, "c", "/c", "/", 1, 0, None, 0, 3, unexplained, pins).has_unknown_holder is unknown
