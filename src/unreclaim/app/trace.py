"""Watches cgroups come and go, and says who makes them."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.analysis.churn import ChurnCounter
from unreclaim.app.clock import Clock
from unreclaim.formats.trace_cgroup import CgroupTrace
from unreclaim.host.containers.names import NameReader
from unreclaim.host.probe import Probe
from unreclaim.host.root import Root
from unreclaim.host.tracing.hierarchies import read_controllers_by_number
from unreclaim.model.churn import Churn
from unreclaim.model.gap import Gap

# Often enough that the kernel's buffers do not fill, and that a container still has its name; each time costs 0.2 ms.
BUSY_SECONDS, QUIET_SECONDS = 0.25, 0.5
_BUSY_FROM_EVENTS = 100


class Tracer(Protocol):
    """Where the events of cgroups come from (host/tracing/cgroups.py)."""

    gap: Gap | None

    def read(self) -> CgroupTrace:
        """Give the events since the last reading."""

    def lost(self) -> int | None:
        """Give how many events were lost since the start; None: not told."""


class Order(Struct, frozen=True):
    """How to watch: for so long, with an interval shown so often; each: every cgroup's path for itself."""

    seconds: float = 60.0
    every_seconds: float = 1.0
    each: bool = False


Show = Callable[[Churn, Churn], None]
"""Called with what happened in an interval, and with all up to now."""


def trace(
    order: Order, tracer: Tracer, root: Root, clock: Clock, show: Show, stopped: Callable[[], bool] = lambda: False
) -> Churn:
    """Count until the time is over, or until `stopped` says so, and give all that happened.

    Raises:
        ParseError: the kernel prints events in another form.

    """
    probe = Probe(root)
    counter = ChurnCounter(read_controllers_by_number(probe), each=order.each)
    names = NameReader(root, clock.monotonic)
    began = shown = clock.monotonic()
    pause = BUSY_SECONDS
    while (left := began + order.seconds - clock.monotonic()) > 0 and not stopped():
        clock.sleep(max(0.0, min(pause, left, shown + order.every_seconds - clock.monotonic())))
        new = tracer.read()
        pause = BUSY_SECONDS if len(new.events) >= _BUSY_FROM_EVENTS else QUIET_SECONDS
        counter.add(new)
        names.look_up(*counter.new_ids())
        now = clock.monotonic()
        if now - shown >= order.every_seconds:
            interval = counter.interval(now - shown, now, names.names())
            show(_complete(interval, tracer), _complete(counter.total(now - began, now, names.names()), tracer))
            shown = now
    # What happened since the last sleep ended, and what no interval has shown.
    counter.add(tracer.read())
    now = clock.monotonic()
    names.look_up(*counter.new_ids())
    counter.interval(now - shown, now, names.names())
    total = counter.total(now - began, now, names.names())
    lost = max(total.lost_events, tracer.lost() or 0)
    gaps = (*probe.gaps, *names.gaps, *((tracer.gap,) if tracer.gap else ()))
    return replace(_complete(total, tracer), lost_events=lost, gaps=gaps)


def _complete(churn: Churn, tracer: Tracer) -> Churn:
    """Leave out the counts of the kernel's functions where those could not be probed: they would be zeros."""
    return replace(churn, memcgs=None) if tracer.gap else churn
