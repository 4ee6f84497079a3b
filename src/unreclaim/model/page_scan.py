"""What a scan of all physical pages found, as the kernel says it."""

from msgspec import Struct


class PageTally(Struct, frozen=True):
    """Pages that the kernel shows under one living cgroup: its own, and those of its dying children.

    pages: how many there are, by their flags as in /proc/kpageflags (formats.kpageflags).
    """

    path: str
    pages: dict[int, int]
