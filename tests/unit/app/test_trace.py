"""Watches for so long, reads often, shows intervals, and ends when it is told to."""

from collections.abc import Callable
from functools import partial

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from tests.fakes.tracer import FakeTracer
from unreclaim.app.trace import BUSY_SECONDS, QUIET_SECONDS, Order, trace
from unreclaim.host.containers.names import DOCKER
from unreclaim.model.churn import Churn, MemcgCounts
from unreclaim.model.gap import Gap

ID = "d" * 64
FILES = {"/proc/self/cgroup": "4:memory:/\n", "/proc/self/mountinfo": ""}
GAP = Gap("memory cgroups allocated, offline and freed", "no probes")


class Watch:
    """One watch of a fake host, by a clock of its own."""

    def __init__(self, order: Order, tracer: FakeTracer | None = None, files: dict[str, str] | None = None) -> None:
        """Take what is watched."""
        self.order, self.tracer = order, tracer or FakeTracer()
        self.clock = FakeClock()
        self.root = FakeRoot({**FILES, **(files or {})})
        self.shown: list[tuple[Churn, Churn]] = []

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Churn:
        """Watch to the end."""
        show = lambda interval, total: self.shown.append((interval, total))  # noqa: E731
        return trace(self.order, self.tracer, self.root, self.clock, show, stopped)


def made(churn: Churn) -> list[tuple[str, int]]:
    """Give sources and what they created."""
    return [(one.source, one.created) for one in churn.sources]


def test_intervals_are_shown_and_the_whole_is_given() -> None:
    """Each interval has what happened in it; the last one, with what no interval showed, is in the whole alone."""
    watch = Watch(Order(2.5))
    for at, number in ((0.1, 5), (1.1, 7), (2.4, 11)):
        watch.clock.after(at, partial(watch.tracer.happen, "/a.service", number))
    churn = watch.run()
    assert [made(interval) for interval, _ in watch.shown] == [[("a.service", 5)], [("a.service", 7)]]
    assert [total.seconds for _, total in watch.shown] == [1.0, 2.0]
    assert [made(total) for _, total in watch.shown] == [[("a.service", 5)], [("a.service", 12)]]
    assert (made(churn), churn.seconds, churn.memcgs) == ([("a.service", 23)], 2.5, MemcgCounts(23, 0, 0))
    assert churn.hierarchies[0].controllers == ("memory",)


def test_a_busy_host_is_read_more_often() -> None:
    """After 100 events in one reading the next comes soon; a quiet host is left in peace."""
    watch = Watch(Order(2.3, 10.0))
    watch.clock.after(0.7, partial(watch.tracer.happen, "/a.service", 100))
    watch.clock.after(0.9, partial(watch.tracer.happen, "/a.service", 99))
    watch.run()
    assert [round(each, 3) for each in watch.clock.slept] == [BUSY_SECONDS, QUIET_SECONDS, BUSY_SECONDS, 0.5, 0.5, 0.3]


def test_what_happens_at_the_very_end_is_read() -> None:
    """After the last sleep there is one more reading."""
    watch = Watch(Order(BUSY_SECONDS))
    watch.tracer.happen("/a.service", 1)
    watch.tracer.happen("/a.service", 22)
    assert made(watch.run()) == [("a.service", 23)]


def test_no_time_is_one_reading() -> None:
    """Nothing is waited for."""
    watch = Watch(Order(0.0))
    watch.tracer.happen("/a.service", 23)
    assert (made(watch.run()), watch.clock.slept, watch.shown) == ([("a.service", 23)], [], [])


def test_it_ends_when_it_is_told_to() -> None:
    """What was seen up to then is given, with the time that it took."""
    watch = Watch(Order(60.0))
    watch.clock.after(0.6, partial(watch.tracer.happen, "/a.service", 23))
    churn = watch.run(lambda: watch.clock.gone > 0.6)
    assert (made(churn), churn.seconds) == ([("a.service", 23)], 0.75)


def test_a_container_is_named_while_it_is_there() -> None:
    """The name is read within the interval in which it was met, and kept when its files are gone."""
    path = f"{DOCKER}/{ID}/config.v2.json"
    watch = Watch(Order(2.0), files={path: '{"Name": "/web"}'})
    watch.clock.after(0.1, partial(watch.tracer.happen, f"/docker/{ID}", 5))
    watch.clock.after(0.6, partial(watch.root.files.clear))
    watch.clock.after(1.5, partial(watch.tracer.happen, f"/docker/{ID}", 18))
    assert made(watch.run()) == [("web", 23)]


def test_what_could_not_be_seen_is_said() -> None:
    """Functions that cannot be probed have no counts, in no interval; an unreadable file is a gap, too."""
    watch = Watch(Order(1.0), FakeTracer(GAP))
    del watch.root.files["/proc/self/cgroup"]
    watch.tracer.happen("/a.service", 23)
    churn = watch.run()
    assert [gap.what for gap in churn.gaps] == ["controllers of cgroup hierarchies", GAP.what]
    assert [each.memcgs for shown in watch.shown for each in shown] == [None, None]
    assert churn.memcgs is None


def test_lost_events_are_what_the_trace_or_the_buffers_say() -> None:
    """The larger of both: the trace tells of a loss with the next event, which may not come."""
    for in_trace, by_buffers, expected in ((5, 23, 23), (23, 5, 23), (23, None, 23), (0, 0, 0)):
        watch = Watch(Order(0.0), FakeTracer(lost_at_end=by_buffers))
        watch.tracer.happen("/a.service", 1, lost=in_trace)
        assert watch.run().lost_events == expected
