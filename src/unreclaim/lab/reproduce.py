"""Makes a leak with a known answer in a place of its own, watches what it costs, and removes it again."""

import contextlib
import errno
import math
import os
from collections.abc import Callable, Iterator

from msgspec import Struct

from unreclaim.analysis.cost import estimate_cost
from unreclaim.analysis.growth import reading_error_bytes
from unreclaim.analysis.reproduction import KINDS, Kind, agrees, expect, share_out, spread, why_no_room
from unreclaim.app.clock import Clock
from unreclaim.base.errors import ParseError
from unreclaim.formats.meminfo import parse_meminfo
from unreclaim.host.collect import collect_host, collect_sample, reparents_kernel_memory, reparents_page_cache
from unreclaim.host.control_file import write_file
from unreclaim.host.root import Root
from unreclaim.lab.cgroup_tree import remove_cgroup
from unreclaim.lab.counting import Watch
from unreclaim.lab.errors import LabError
from unreclaim.lab.grounds import Grounds, open_grounds
from unreclaim.lab.leftovers import remove_leftovers
from unreclaim.lab.makers import Maker, make_maker
from unreclaim.lab.nspawn import boot
from unreclaim.lab.ownership import DISK, TMPFS, require_root
from unreclaim.lab.systemd import Systemd, find_systemd
from unreclaim.lab.units import Variant, plain_unit, restart_until_limit, unit_name
from unreclaim.model.diagnosis import DyingCost
from unreclaim.model.dying import count_memory
from unreclaim.model.host import Host
from unreclaim.model.lab import Moment, Reproduction, Terms
from unreclaim.model.sample import Observation, Sample

MOST_CGROUPS = 20_000
UNIT_LOOP = "unit-loop"
_QUIET_READINGS, _QUIET_SECONDS = 5, 0.25
_MOMENTS = 40
_SETTLE_SECONDS, _SETTLE_STEP = 5.0, 0.25

Show = Callable[[Moment], None]


class Order(Struct, frozen=True):
    """What is asked for: a kind, so many cgroups, and no more time than this."""

    kind: str
    count: int = 200
    most_seconds: float = 300.0


class _Start(Struct, frozen=True):
    """What was there before the experiment."""

    sample: Sample
    host: Host
    cost: DyingCost
    terms: Terms

    @property
    def bytes_each(self) -> int:
        """Give the most that one cgroup is to cost."""
        return self.cost.slab.high + (self.cost.percpu.high if self.cost.percpu else 0)


@contextlib.contextmanager
def reproduce(
    order: Order,
    root: Root,
    clock: Clock,
    show: Show | None = None,
    keep: Callable[[], bool] = lambda: False,
    container: str | None = None,
) -> Iterator[Reproduction]:
    """Make a leak, and give what came of it while it is still there; at the end of the context it is removed.

    root: the running host. show: is given every reading on the way. keep: asked at the end whether to leave it there.
    container: root of a Debian in whose systemd the unit of ``unit-loop`` is to run; None: this host's.

    Raises:
        LabError: not root, no memory controller, no room, or a process could not do its part.

    """
    require_root("lab reproduce")
    remove_leftovers()
    start = _look(root)
    _require_room(root, order, start.bytes_each)
    hierarchy = start.sample.memory_hierarchy()
    if hierarchy is None:
        hint = "the memory controller is off here; see: unreclaim diagnose --full"
        raise LabError("lab", "no hierarchy with the memory controller could be read", hint=hint)
    with open_grounds(hierarchy, keep=keep) as grounds:
        if order.kind == UNIT_LOOP:
            with _system(container, grounds, clock) as system:
                yield _Run(order, root, clock, show, start, grounds, unit_name()).go(system)
        else:
            with make_maker(order.kind, grounds, order.count) as maker:
                yield _Run(order, root, clock, show, start, grounds).go(maker)


@contextlib.contextmanager
def _system(container: str | None, grounds: Grounds, clock: Clock) -> Iterator[Systemd]:
    """Give the systemd that restarts a unit: this host's, or one that is booted from a root for it."""
    if container is None:
        yield find_systemd()
    else:
        with boot(container, os.path.basename(container), clock, (grounds.disk,)) as system:
            yield system


def _look(root: Root) -> _Start:
    sample = collect_sample(root)
    host, _ = collect_host(root, sample)
    hierarchy = sample.memory_hierarchy()
    cost = estimate_cost(host, sample, count_memory(sample))
    terms = Terms(hierarchy.version if hierarchy else 0, reparents_page_cache(root), reparents_kernel_memory(root))
    return _Start(sample, host, cost, terms)


def _require_room(root: Root, order: Order, bytes_each: int) -> None:
    kind = KINDS[order.kind]
    each = bytes_each + kind.bytes_each
    why = _why_no_room(root, kind, order.count * each)
    if why is not None:
        raise LabError("lab", why, hint="nothing was made; fewer take less: --count N")


def _why_no_room(root: Root, kind: Kind, needed_bytes: int) -> str | None:
    try:
        info = parse_meminfo(root.read_text("/proc/meminfo"))
        place = DISK if kind.on_disk else TMPFS if kind.bytes_each else None
        status = os.statvfs(place) if place else None
    except (OSError, ParseError) as error:
        return f"it cannot be told whether there is room: {error}"
    return why_no_room(info, needed_bytes, status.f_bavail * status.f_frsize if status else None)


class _Run:
    """One experiment while it goes on."""

    def __init__(
        self,
        order: Order,
        root: Root,
        clock: Clock,
        show: Show | None,
        start: _Start,
        grounds: Grounds,
        unit: str | None = None,
    ) -> None:
        self._order = order
        self._kind = KINDS[order.kind]
        self._root = root
        self._clock = clock
        self._show = show
        self._start = start
        self._grounds = grounds
        self._watch = Watch(root, grounds, unit)
        self._began = clock.monotonic()
        self._moments: list[Moment] = []

    def go(self, maker: Maker | Systemd) -> Reproduction:
        """Make the cgroups, wait until the counters have settled, and say what is there."""
        refreshed = _refresh()
        quiet = self._quiet_time()
        self._began = self._clock.monotonic()
        self._note(0)
        made, cut_short = self._make(maker) if isinstance(maker, Maker) else self._restart(maker)
        seconds = self._clock.monotonic() - self._began
        if self._start.terms.pages_reparented:
            # There a page that is not written yet still holds a cgroup, by the structures of writeback.
            os.sync()
        self._settle(made)
        self._note(made)
        tally = self._watch.tally()
        live = self._live() if isinstance(maker, Maker) and not maker.removed else 0
        expected = expect(self._order.kind, self._start.terms)
        slab_error, percpu_error = self._errors(quiet, refreshed=refreshed)
        moments = tuple(self._moments)
        slabs = tuple((at.made, at.sunreclaim_bytes) for at in moments if at.sunreclaim_bytes is not None)
        percpus = tuple((at.made, at.percpu_bytes) for at in moments if at.percpu_bytes is not None)
        number = live or tally.dying or 0
        return Reproduction(
            kind=self._order.kind,
            title=self._kind.title,
            does=self._kind.does,
            cgroup=self._grounds.cgroup,
            places=(self._grounds.top, self._grounds.disk, self._grounds.tmpfs),
            terms=self._start.terms,
            asked=self._order.count,
            made=made,
            seconds=seconds,
            expected=expected,
            dying=tally.dying,
            live=live,
            source=tally.source,
            shared=tally.shared,
            agrees=agrees(expected, made, tally.dying),
            slab=share_out(slabs, number, slab_error),
            percpu=share_out(percpus, number, percpu_error),
            model=self._start.cost,
            moments=moments,
            cut_short=cut_short,
            gaps=tally.gaps,
        )

    def _make(self, maker: Maker) -> tuple[int, str | None]:
        every = max(1, self._order.count // _MOMENTS)
        for number in range(self._order.count):
            if number and number % every == 0:
                self._note(number)
                why = self._why_stop(self._order.count - number)
                if why is not None:
                    return number, why
            self._make_one(maker, number)
        return self._order.count, None

    def _restart(self, system: Systemd) -> tuple[int, str | None]:
        """Let a unit append a page to a log at each of its starts."""
        stopped: list[str] = []

        def look(restarts: int) -> bool:
            if restarts:
                self._note(restarts)
            stopped.extend(filter(None, [self._why_stop(self._order.count - restarts)]))
            return not stopped

        text = plain_unit(f"/bin/sh -c 'printf %%4096s >> {self._grounds.disk}/log'")
        name = unit_name()
        with system.unit(name, Variant(name, text).unit_text(self._order.count)):
            made = restart_until_limit(system, name, self._order.count, self._clock, look)
        return made, stopped[0] if stopped else None

    def _why_stop(self, left: int) -> str | None:
        if self._clock.monotonic() - self._began > self._order.most_seconds:
            return "the time was over"
        return _why_no_room(self._root, self._kind, left * self._start.bytes_each)

    def _make_one(self, maker: Maker, number: int) -> None:
        cgroup = f"{self._grounds.top}/{number}"
        try:
            os.mkdir(cgroup)
            run_in(cgroup, lambda: maker.work(number))
            maker.after(number)
            if maker.removed:
                remove_cgroup(cgroup)
        except OSError as error:
            what = f"cgroup {number + 1} of {self._order.count}"
            raise LabError("lab", f"{what}: {error.strerror or error}", hint="what was made is removed") from error

    def _quiet_time(self) -> tuple[Moment, ...]:
        """Read the figures for a second while nothing is done, to know how much they move by themselves."""
        moments = []
        for _ in range(_QUIET_READINGS):
            _refresh()
            moments.append(self._watch.moment(0, 0))
            self._clock.sleep(_QUIET_SECONDS)
        return tuple(moments)

    def _settle(self, made: int) -> None:
        """Wait until the count of dying cgroups stays the same, as the kernel's work queues free what nothing holds."""
        give_up = self._clock.monotonic() + _SETTLE_SECONDS
        last = None
        while self._clock.monotonic() < give_up:
            count = self._watch.kernels_count()
            if count is not None and count == last:
                break
            last = count
            self._clock.sleep(_SETTLE_STEP)
            if self._show is not None and last is not None:
                self._show(self._watch.moment(self._clock.monotonic() - self._began, made))

    def _note(self, made: int) -> None:
        _refresh()
        moment = self._watch.moment(self._clock.monotonic() - self._began, made)
        self._moments.append(moment)
        if self._show is not None:
            self._show(moment)

    def _live(self) -> int:
        with os.scandir(self._grounds.top) as entries:
            return sum(entry.is_dir(follow_symlinks=False) for entry in entries)

    def _errors(self, quiet: tuple[Moment, ...], *, refreshed: bool) -> tuple[float, float]:
        """Bound what else moved SUnreclaim and Percpu, in bytes: as in the quiet second, and like a random walk."""
        longer = math.sqrt(max(1.0, self._clock.monotonic() - self._began))
        slab, percpu = spread(quiet)
        observation = Observation(self._start.host, (self._start.sample,))
        unfolded = 0.0 if refreshed else reading_error_bytes(observation)
        page = self._start.host.page_size_bytes or 4096
        return max(slab, page) * longer + unfolded, max(percpu, page) * longer


def run_in(cgroup: str, work: Callable[[], object]) -> None:
    """Call a function in a process inside a cgroup, and wait until it has ended.

    The process is a copy of this one and starts no other program, whose own pages would be charged to the cgroup.

    Raises:
        OSError: what the process met.

    """
    pid = os.fork()
    if pid == 0:
        code = errno.EIO
        try:
            write_file(f"{cgroup}/cgroup.procs", "0")
            work()
            code = 0
        except OSError as error:
            code = error.errno or errno.EIO
        finally:
            # Not sys.exit(): what is to be done at the end of this process is ours to do.
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(max(code, 0), os.strerror(code) if code > 0 else f"ended by signal {-code}", cgroup)


def _refresh() -> bool:
    """Let the kernel add up the counters that it keeps per CPU; False: it was not possible (before 4.7)."""
    try:
        write_file("/proc/sys/vm/stat_refresh", "1")
    except OSError:
        return False
    return True
