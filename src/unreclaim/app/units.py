"""Surveys who makes cgroups on the running host: D-Bus, the journal, the census and a trace, joined by unit."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from unreclaim.analysis.cost import estimate_cost
from unreclaim.analysis.starts import count_starts
from unreclaim.analysis.unit_cost import Reading, price_cycles
from unreclaim.analysis.units import find_piles, judge_span, names_to_ask, rank_units
from unreclaim.app.census import Backend, take_census
from unreclaim.app.clock import Clock
from unreclaim.app.trace import Order, Tracer, trace
from unreclaim.base.errors import UnavailableError
from unreclaim.base.progress import Progress
from unreclaim.formats.journal_entry import JournalEntry
from unreclaim.formats.trace_cgroup import CgroupTrace
from unreclaim.host.collect import collect_host, collect_light_sample, collect_sample, with_structures
from unreclaim.host.root import Root
from unreclaim.host.source import Source
from unreclaim.host.systemd.bus import BusError, SystemdBus, open_bus
from unreclaim.host.systemd.journal import JournalError, read_begin, read_starts
from unreclaim.host.systemd.sessions import read_sessions
from unreclaim.host.tracing.tracefs import TracingUnavailableError
from unreclaim.model.census import Census
from unreclaim.model.churn import Churn
from unreclaim.model.diagnosis import DyingCost
from unreclaim.model.dying import count_memory
from unreclaim.model.gap import Gap
from unreclaim.model.sample import Sample
from unreclaim.model.units import BusView, JournalCount, JournalSpan, UnitSurvey, WindowCost

if TYPE_CHECKING:
    from unreclaim.model.unit import Unit

ROWS = 20
"""So many rows are asked about in full; each is one of some hundred properties."""

_READING_SECONDS = 1.0
_MOST_READINGS = 60

OpenTracer = Callable[[], AbstractContextManager[Tracer]]
"""Traces cgroups for as long as the context lasts."""


def survey_units(
    source: Source,
    clock: Clock,
    *,
    since_unix_seconds: float | None = None,
    window_seconds: float = 0.0,
    every_row: bool = False,
    open_tracer: OpenTracer | None = None,
    progress: Progress | None = None,
) -> UnitSurvey:
    """Count the starts of everything, rank them, and price them.

    since_unix_seconds: count from then on; None: since boot. window_seconds: watch how memory grows with the starts.
    every_row: ask systemd about every row in full. open_tracer: trace the cgroups that are made in the window, too,
    those of containers among them, of which no journal tells.

    Raises:
        UnavailableError: not a running host, or neither systemd nor its journal nor a trace can tell anything.

    """
    if not source.live:
        why = "units asks a running systemd and its journal; what --root names has neither"
        raise UnavailableError("units", why, hint="run it on the host itself; a capture has: unreclaim diagnose --root")
    root = source.roots[-1]
    gaps: list[Gap] = []
    # Not what systemd or its journal could not tell: they come last.
    others: list[Gap] = []
    window, churn = _watch(root, clock, window_seconds, progress, open_tracer, others)
    bus = _ask(gaps)
    # Before the starts are counted: a loop that goes on meanwhile leaves no more than it is started.
    census, cost = _price(source, others)
    span, count = _read_journal(clock, since_unix_seconds, bus, window, gaps)
    if bus is None and count is None and churn is None:
        why = "; ".join(gap.why for gap in gaps)
        raise UnavailableError("units", f"neither systemd nor its journal answers: {why}", hint=gaps[0].remedy)
    whole, more = judge_span(span, count)
    gaps += more
    if bus is not None:
        bus = _ask_in_full(bus, count, None if every_row else ROWS, gaps, whole=whole)
    gaps += others
    rows = rank_units(count, span, bus, census, cost, churn)
    return UnitSurvey(
        span,
        rows,
        find_piles(bus) if bus else (),
        _window_cost(window, count),
        bus.version if bus else None,
        cost.source if cost else None,
        tuple(gaps),
    )


def _watch(
    root: Root,
    clock: Clock,
    seconds: float,
    progress: Progress | None,
    open_tracer: OpenTracer | None,
    gaps: list[Gap],
) -> tuple[tuple[Reading, ...], Churn | None]:
    """Read kernel memory over a window, and count the cgroups that are made meanwhile."""
    if seconds <= 0:
        return (), None
    readings: list[Reading | None] = []

    def read(_interval: Churn, total: Churn) -> None:
        readings.append(_reading(collect_light_sample(root), clock))
        if progress is not None:
            progress(min(total.seconds, seconds), seconds)

    order = Order(seconds, max(_READING_SECONDS, seconds / _MOST_READINGS))
    with ExitStack() as stack:
        tracer = _begin_trace(stack, open_tracer, gaps)
        # Not before: the trace's own buffers take kernel memory.
        readings.append(_reading(collect_light_sample(root), clock))
        churn = trace(order, tracer or _NoTracer(), root, clock, read)
    if progress is not None:
        progress(seconds, seconds)
    if tracer is not None:
        gaps += churn.gaps
    return tuple(reading for reading in readings if reading is not None), churn if tracer else None


class _NoTracer:
    """Sees nothing: the window is watched all the same."""

    gap: Gap | None = None

    def read(self) -> CgroupTrace:
        """Give no events."""
        return CgroupTrace()

    def lost(self) -> int | None:
        """Lose none."""
        return 0


def _begin_trace(stack: ExitStack, open_tracer: OpenTracer | None, gaps: list[Gap]) -> Tracer | None:
    if open_tracer is None:
        return None
    try:
        return stack.enter_context(open_tracer())
    except TracingUnavailableError as error:
        gaps.append(Gap("cgroups that no systemd makes", error.why, error.hint))
        return None


def _reading(sample: Sample, clock: Clock) -> Reading | None:
    slab = sample.meminfo.get("sunreclaim_bytes") if sample.meminfo else None
    percpu = sample.meminfo.get("percpu_bytes") if sample.meminfo else None
    return None if slab is None else Reading(clock.unix(), slab + (percpu or 0))


def _window_cost(readings: tuple[Reading, ...], count: JournalCount | None) -> WindowCost | None:
    if count is None:
        return None
    times = {source.unit: source.times for source in count.sources if source.user is None}
    return price_cycles(readings, times)


def _ask(gaps: list[Gap]) -> BusView | None:
    """Ask PID 1 for all units, and logind for its sessions."""
    try:
        with open_bus() as bus:
            view = BusView(_version(bus, gaps), bus.boot_unix_seconds(), bus.list_units())
            try:
                return replace(view, sessions=read_sessions(bus))
            except BusError as error:
                # PID 1's own socket leads to no logind.
                gaps.append(Gap("sessions", str(error), "is the system's D-Bus daemon running?"))
                return view
    except BusError as error:
        gaps.append(Gap("what systemd says of its units", str(error), error.hint))
        return None


def _version(bus: SystemdBus, gaps: list[Gap]) -> int | None:
    try:
        return bus.version()
    except BusError as error:
        if error.name is None:
            raise
        gaps.append(Gap("systemd's version", str(error), error.hint))
        return None


def _ask_in_full(
    view: BusView, count: JournalCount | None, most: int | None, gaps: list[Gap], *, whole: bool
) -> BusView:
    """Ask for all properties of the units that matter; those that were read until the time was over are kept."""
    asked: list[Unit] = []
    names = names_to_ask(count, view.units, most, whole=whole)
    try:
        with open_bus() as bus:
            for name in names:
                asked.append(bus.read_unit(name))  # noqa: PERF401  what was read before it fails is kept
    except BusError as error:
        gaps.append(Gap(f"properties of {len(names) - len(asked)} units", str(error), error.hint))
    return replace(view, details=tuple(unit for unit in asked if unit.load_state != "not-found"))


def _read_journal(
    clock: Clock, since: float | None, bus: BusView | None, readings: tuple[Reading, ...], gaps: list[Gap]
) -> tuple[JournalSpan, JournalCount | None]:
    begin = since if since is not None else (bus.boot_unix_seconds if bus else None)
    after = readings[0].unix_seconds if readings else None
    failures: list[JournalError] = []
    count: JournalCount | None = None
    known = None
    try:
        known = read_begin(since)
    except JournalError as error:
        failures.append(error)
    if known is not None:
        count = count_starts(_until_error(read_starts(since), failures), after)
        count = replace(count, cut_short=bool(failures))
    elif not failures:
        gaps.append(Gap("starts", "the journal has no entry of that time", "journald.conf(5): Storage="))
    gaps += [Gap("starts", error.why, error.hint) for error in failures[:1]]
    return JournalSpan(begin, known, clock.unix()), count


def _until_error(entries: Iterator[JournalEntry], failures: list[JournalError]) -> Iterator[JournalEntry]:
    """Give entries until they end, in whatever way."""
    try:
        yield from entries
    except JournalError as error:
        failures.append(error)


def _price(source: Source, gaps: list[Gap]) -> tuple[Census | None, DyingCost | None]:
    """Take the census of dying cgroups, and the price of one."""
    try:
        census = take_census(source, Backend.BPF).census
    except UnavailableError as error:
        gaps.append(Gap("dying cgroups of each unit", error.why, error.hint))
        return None, None
    root = source.roots[-1]
    sample = collect_sample(root)
    host, _ = collect_host(root, sample, page_size_bytes=source.page_size_bytes)
    host, more = with_structures(root, host)
    gaps += [*census.gaps, *more]
    return census, estimate_cost(host, sample, count_memory(sample))
