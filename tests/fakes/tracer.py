"""A tracer at the seam `Tracer`: the events that a test lets happen, a reading at a time."""

from unreclaim.formats.trace_cgroup import CgroupEvent, CgroupTrace, MemcgEvents
from unreclaim.model.gap import Gap


class FakeTracer:
    """Gives what a test lets happen; lost_at_end: what the buffers say at last."""

    def __init__(self, gap: Gap | None = None, lost_at_end: int | None = 0) -> None:
        """Begin with nothing."""
        self.gap = gap
        self.lost_at_end = lost_at_end
        self.waiting: list[CgroupTrace] = []

    def happen(self, path: str, number: int, what: str = "mkdir", lost: int = 0) -> None:
        """Let events happen."""
        events = tuple(CgroupEvent(what, 4, identity, path, 5000.0) for identity in range(number))
        self.waiting.append(CgroupTrace(events, MemcgEvents(alloc=number), lost))

    def read(self) -> CgroupTrace:
        """Give the oldest."""
        return self.waiting.pop(0) if self.waiting else CgroupTrace()

    def lost(self) -> int | None:
        """Give what the buffers say."""
        return self.lost_at_end
