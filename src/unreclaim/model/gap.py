"""What could not be seen, why, and what would make it visible."""

from msgspec import Struct


class Gap(Struct, frozen=True):
    """A fact that is missing: its name, the reason, and what would make it available (None: nothing would)."""

    what: str
    why: str
    remedy: str | None = None
