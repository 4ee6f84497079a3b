"""Compares two units under a real systemd: batches of starts in turns, and what each batch makes and leaves."""

import contextlib
import os
from collections import Counter

from msgspec import Struct

from unreclaim.analysis.comparison import compare, in_turns, share_starts
from unreclaim.app.clock import Clock
from unreclaim.base.progress import Progress
from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.trace_cgroup import CgroupTrace
from unreclaim.host.cgroupfs import find_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.control_file import write_file
from unreclaim.host.probe import Probe
from unreclaim.host.procfs import read_meminfo
from unreclaim.host.root import LiveRoot
from unreclaim.host.tracing.cgroups import CgroupTracer, trace_cgroups
from unreclaim.lab.errors import LabError
from unreclaim.lab.systemd import Systemd
from unreclaim.lab.units import Variant, restart_until_limit, unit_name
from unreclaim.model.gap import Gap
from unreclaim.model.lab import Batch, Comparison

MOST_STARTS = 20_000
_POLL_SECONDS, _SETTLE_SECONDS = 0.1, 2.0
_BUFFER_KIB = 4096


class Plan(Struct, frozen=True):
    """What is to be compared: so many starts of each, in so many rounds; each start is ended after `run_for`."""

    first: Variant
    second: Variant
    starts: int = 200
    rounds: int = 4
    run_for: str | None = None
    most_seconds: float = 1800.0


def compare_units(plan: Plan, system: Systemd, clock: Clock, progress: Progress | None = None) -> Comparison:
    """Start both units in turns, and compare.

    progress: called with the starts made and those to be made.

    Raises:
        LabError: a unit does not start so often, or cgroups cannot be traced here.

    """
    labels = (plan.first.label, plan.second.label)
    batches: list[Batch] = []
    with trace_cgroups("lab", word=unit_name(), buffer_kib=_BUFFER_KIB) as tracer:
        trial = _Trial(plan, system, clock, tracer)
        shares = share_starts(plan.starts, plan.rounds)
        for number, second in enumerate(in_turns(plan.rounds)):
            batches.append(trial.run(shares[number // 2], second=second))
            if progress is not None:
                progress(sum(batch.starts for batch in batches), 2 * plan.starts)
    gaps: tuple[Gap, ...] = ()
    if any(batch.left is None for batch in batches):
        gaps = (Gap("what is left dying, and bytes", "the units have no memory cgroups here"),)
    return compare(labels, system.version(), tuple(batches), gaps)


class _Trial:
    """The two units, one batch at a time."""

    def __init__(self, plan: Plan, system: Systemd, clock: Clock, tracer: CgroupTracer) -> None:
        self._plan = plan
        self._system = system
        self._clock = clock
        self._tracer = tracer
        self._name = unit_name()
        self._give_up = clock.monotonic() + plan.most_seconds

    def run(self, starts: int, *, second: bool) -> Batch:
        """Start one unit so many times, wait until its cgroups are freed or seem to stay, and count them."""
        variant = self._plan.second if second else self._plan.first
        with self._system.unit(self._name, variant.unit_text(starts, self._plan.run_for)):
            # What an earlier batch left may be freed meanwhile.
            self._tracer.read()
            before = _memory()
            began = self._clock.monotonic()
            if variant.oneshot:
                self._start_one_by_one(starts)
            else:
                restart_until_limit(self._system, self._name, starts, self._clock, self._in_time)
            seconds = self._clock.monotonic() - began
            trace = self._settled()
            after = _memory()
            if trace.lost:
                why = f"{trace.lost} trace events were lost"
                raise LabError("lab compare", why, hint="make the batches smaller: more --rounds")
            made = _by_hierarchy(_made(trace, self._name))
            left = _by_hierarchy(_left(trace, self._name))
            has_memory = _has_memory(trace, self._name)
        return Batch(
            second=second,
            starts=starts,
            made=max(made.values(), default=0),
            left=max(left.values(), default=0) if has_memory else None,
            hierarchies=len(made),
            seconds=seconds,
            sunreclaim_bytes=_growth(before, after, "sunreclaim_bytes") if has_memory else None,
            percpu_bytes=_growth(before, after, "percpu_bytes") if has_memory else None,
        )

    def _start_one_by_one(self, starts: int) -> None:
        for number in range(starts):
            self._in_time(number)
            self._system.ask("start", self._name)

    def _in_time(self, made: int) -> bool:
        if self._clock.monotonic() > self._give_up:
            why = f"the time was over in a batch, after {made} of its starts"
            raise LabError("lab compare", why, hint="give it more: --within")
        return True

    def _settled(self) -> CgroupTrace:
        give_up = self._clock.monotonic() + _SETTLE_SECONDS
        trace = CgroupTrace()
        while True:
            new = self._tracer.read()
            trace = CgroupTrace(trace.events + new.events, lost=trace.lost + new.lost)
            if not _left(trace, self._name) or self._clock.monotonic() > give_up:
                return trace
            self._clock.sleep(_POLL_SECONDS)


def _made(trace: CgroupTrace, name: str) -> set[tuple[int, int]]:
    """Give hierarchy and id of each cgroup that was made for the unit, its own and any below it."""
    return {(event.root, event.id) for event in trace.events if event.what == "mkdir" and f"/{name}" in event.path}


def _left(trace: CgroupTrace, name: str) -> set[tuple[int, int]]:
    """Give those of them that are not freed; what an earlier batch left may be freed in this one and is none of it."""
    return _made(trace, name) - {(event.root, event.id) for event in trace.events if event.what == "release"}


def _by_hierarchy(cgroups: set[tuple[int, int]]) -> Counter[int]:
    return Counter(root for root, _ in cgroups)


def _has_memory(trace: CgroupTrace, name: str) -> bool:
    """Tell whether the unit's cgroups were memory cgroups: their slice has the controller for its children.

    On v1 a directory that is in every hierarchy but memory's would be of systemd's own (name=systemd).
    """
    slices = {event.path.partition(f"/{name}")[0] for event in trace.events}
    for mount in find_hierarchies(read_mounts(Probe(LiveRoot()))):
        for path in slices:
            if mount.filesystem == "cgroup2":
                if "memory" in _read(f"{mount.mount_point}{path}/cgroup.subtree_control").split():
                    return True
            elif "memory" in mount.super_options and os.path.isdir(f"{mount.mount_point}{path}"):
                return True
    return False


def _read(path: str) -> str:
    try:
        return LiveRoot().read_text(path)
    except OSError:
        return ""


def _memory() -> MemInfo | None:
    # The counters that are kept per CPU are added up now; before 4.7 they are not.
    with contextlib.suppress(OSError):
        write_file("/proc/sys/vm/stat_refresh", "1")
    return read_meminfo(Probe(LiveRoot()))


def _growth(before: MemInfo | None, after: MemInfo | None, name: str) -> int | None:
    start, end = before.get(name) if before else None, after.get(name) if after else None
    return None if start is None or end is None else end - start
