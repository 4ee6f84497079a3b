"""Four views of who makes cgroups, joined by unit."""

import pytest
from msgspec.structs import replace

from unreclaim.analysis.units import find_piles, judge_span, names_to_ask, rank_units
from unreclaim.model.census import Census, DyingCgroup
from unreclaim.model.churn import Churn, SourceChurn, SourceKind
from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.unit import Unit
from unreclaim.model.units import BusView, JournalCount, JournalSpan, Session, StartKind, Starts, UnitRow

DAY = 86_400.0
SPAN = JournalSpan(0.0, 1.0, DAY + 1)
LOOP = Starts("app.service", None, 1, 211, 3, 210, 99.0)
COST = DyingCost(Span(12_000, 10_000, 14_000), Span(4_000, 3_000, 5_000), None, None, None, "measured")


def count(*sources: Starts, without_id: int = 0, dropped: int = 0) -> JournalCount:
    """Give what the journal tells."""
    return JournalCount(sources, without_id, dropped)


def bus(*units: Unit, details: tuple[Unit, ...] = (), sessions: tuple[Session, ...] | None = None) -> BusView:
    """Give what D-Bus tells."""
    return BusView(252, 0.0, units, details, sessions)


def dying(path: str) -> DyingCgroup:
    """Give a dying cgroup."""
    return DyingCgroup(1, "x", path, "/", 1, 0, None, 0, 1, 0)


def test_all_sources_are_joined() -> None:
    """A row has the journal's count, systemd's properties, the census' number with its price, and the trace's."""
    unit = Unit("app.service", nr_restarts=0, fragment_path="/etc/systemd/system/app.service")
    census = Census("bpf", 1, (dying("/system.slice/app.service"),) * 23 + (dying("/x"), dying("/a.service")))
    churn = Churn(60.0, 0, (), (SourceChurn("app.service", SourceKind.UNIT, 7, 7, 7, 0, 0.1),), None)
    assert rank_units(count(LOOP), SPAN, bus(unit, details=(unit,)), census, COST, churn) == (
        UnitRow(
            "app.service",
            StartKind.RESTART_LOOP,
            211,
            "journal",
            at_least=False,
            failed=3,
            starts_per_day=211.0,
            last_unix_seconds=99.0,
            nr_restarts=0,
            unit=unit,
            dying=23,
            slab_bytes=Span(276_000, 230_000, 322_000),
            percpu_bytes=Span(92_000, 69_000, 115_000),
            traced=7,
        ),
    )


def test_what_is_not_known_is_no_zero() -> None:
    """Without D-Bus, census and trace the row says so; nor does a census without names, or a price without per-CPU."""
    (row,) = rank_units(count(LOOP), SPAN)
    assert (row.nr_restarts, row.unit, row.dying, row.slab_bytes, row.percpu_bytes, row.traced) == (None,) * 6
    assert row.dying_per_start is None
    (row,) = rank_units(count(LOOP), SPAN, None, Census("page scan", 1, ()), COST)
    assert (row.dying, row.slab_bytes) == (None, None)
    (row,) = rank_units(count(LOOP), SPAN, bus(Unit("app.service")), Census("bpf", 1, ()), replace(COST, percpu=None))
    assert (row.dying, row.slab_bytes, row.percpu_bytes, row.dying_per_start) == (0, Span(0, 0, 0), None, 0.0)
    assert rank_units(None, SPAN) == ()


def test_a_users_unit_is_not_pid_1s() -> None:
    """A unit of a user's systemd has neither the properties nor the cgroups of PID 1's unit of that name."""
    unit = Unit("app.service", nr_restarts=5)
    mine = replace(LOOP, user=1000)
    (row,) = rank_units(count(mine), SPAN, bus(unit), Census("bpf", 1, (dying("/app.service"),)), COST)
    assert (row.user, row.unit, row.dying, row.traced) == (1000, None, None, None)


@pytest.mark.parametrize(
    ("starts", "units", "details", "kind"),
    [
        (LOOP, (), (), StartKind.RESTART_LOOP),
        (replace(LOOP, restarts=105), (), (), StartKind.SERVICE),
        (replace(LOOP, starts=1, restarts=1), (), (), StartKind.SERVICE),
        (replace(LOOP, unit="session-*.scope"), (), (), StartKind.SESSION),
        (replace(LOOP, unit="user@*.service"), (), (), StartKind.SESSION),
        (replace(LOOP, unit="run-*.scope"), (), (), StartKind.SCOPE),
        (replace(LOOP, unit="a.mount"), (), (), StartKind.OTHER),
        (replace(LOOP, restarts=0), (Unit("app.timer"),), (), StartKind.TIMER),
        (replace(LOOP, restarts=0, user=7), (Unit("app.timer"),), (), StartKind.SERVICE),
        (replace(LOOP, restarts=0), (), (Unit("app.service", triggered_by=("x.timer",)),), StartKind.TIMER),
        (replace(LOOP, restarts=0), (), (Unit("app.service", triggered_by=("x.socket",)),), StartKind.SERVICE),
        (replace(LOOP, restarts=0, unit="a@*.service"), (), (Unit("a.socket", accept=True),), StartKind.SOCKET),
        (replace(LOOP, restarts=0, unit="a@*.service"), (), (Unit("a.socket", accept=False),), StartKind.SERVICE),
        (
            replace(LOOP, restarts=0, unit="a@*.service"),
            (),
            (Unit("a@1.service", triggered_by=("a.socket",)),),
            StartKind.SOCKET,
        ),
        (replace(LOOP, restarts=0, unit="run-u5.service"), (), (), StartKind.TRANSIENT),
        (
            replace(LOOP, restarts=0),
            (),
            (Unit("app.service", fragment_path="/run/systemd/transient/app.service"),),
            StartKind.TRANSIENT,
        ),
    ],
)
def test_each_kind_is_told(starts: Starts, units: tuple[Unit, ...], details: tuple[Unit, ...], kind: StartKind) -> None:
    """What starts something is told from its name, its automatic restarts, and what systemd says triggers it."""
    (row,) = rank_units(count(starts), SPAN, bus(*units, details=details))
    assert row.kind == kind


def test_restarts_count_where_the_journal_knows_nothing() -> None:
    """A unit that is not in the journal has at least its automatic restarts and a first start, over all of the time."""
    details = (Unit("b@1.service", nr_restarts=22), Unit("b@2.service"), Unit("c.service", nr_restarts=0))
    assert rank_units(None, JournalSpan(0.0, None, DAY), bus(details=details)) == (
        UnitRow(
            "b@*.service",
            StartKind.RESTART_LOOP,
            24,
            "NRestarts",
            at_least=True,
            names=2,
            starts_per_day=24.0,
            nr_restarts=22,
            unit=details[0],
        ),
    )


def test_a_trace_alone_is_a_source() -> None:
    """Containers and other cgroups that no systemd makes are rows by the trace, on the same scale."""
    sources = (
        SourceChurn("0123", SourceKind.CONTAINER, 23, 23, 23, 0, 0.5),
        SourceChurn("app.service", SourceKind.UNIT, 7, 7, 7, 0, 0.1),
        SourceChurn("/x", SourceKind.CGROUP, 5, 0, 0, 0, 0.25),
        SourceChurn("quiet", SourceKind.POD, 0, 1, 1, 0, 0.0),
    )
    rows = rank_units(count(replace(LOOP, starts=8)), SPAN, churn=Churn(46.0, 3, (), sources, None))
    assert rows == (
        UnitRow("0123", StartKind.CONTAINER, 23, "trace", at_least=True, starts_per_day=43_200.0, traced=23),
        replace(rows[1], name="app.service", starts=8, traced=7),
        UnitRow("/x", StartKind.OTHER, 5, "trace", at_least=True, starts_per_day=21_600.0, traced=5),
    )


def test_rows_are_ranked_by_starts() -> None:
    """The most starts come first, then names."""
    names = [("b.service", 5), ("a.service", 5), ("c.service", 9)]
    rows = rank_units(count(*(replace(LOOP, unit=name, starts=starts) for name, starts in names)), SPAN)
    assert [row.name for row in rows] == ["c.service", "a.service", "b.service"]


@pytest.mark.parametrize(
    ("span", "said", "gaps"),
    [
        (SPAN, count(LOOP), []),
        (SPAN, None, None),
        (JournalSpan(0.0, None, 9.0), count(LOOP), None),
        (JournalSpan(None, 70.0, 99.0), count(LOOP), []),
        (JournalSpan(0.0, 60.0, 99.0), count(LOOP), []),
        (JournalSpan(0.0, 61.0, 99.0), count(LOOP), ["earlier starts"]),
        (SPAN, replace(count(LOOP), cut_short=True), None),
        (SPAN, count(LOOP, dropped=17), ["some starts"]),
        (SPAN, count(without_id=3), ["starts"]),
        (SPAN, count(LOOP, without_id=3), []),
    ],
)
def test_what_the_journal_lacks_is_said(span: JournalSpan, said: JournalCount | None, gaps: list[str] | None) -> None:
    """It is whole if it begins with the time that is counted, lost nothing, and has ids; None: it says nothing."""
    whole, missing = judge_span(span, said)
    assert (whole, [gap.what for gap in missing]) == (gaps == [], gaps or [])
    if said is not None and said.sources:
        assert rank_units(said, span)[0].at_least is not whole


def test_a_rate_needs_a_time() -> None:
    """Where nothing tells since when, or no time has passed, there is no rate."""
    assert rank_units(count(LOOP), JournalSpan(None, None, 5.0))[0].starts_per_day is None
    assert rank_units(count(LOOP), JournalSpan(5.0, 5.0, 5.0))[0].starts_per_day is None


def test_few_units_are_asked_about() -> None:
    """Those of the first rows, three of each template, and their sockets; all services where starts may be missing."""
    loaded = tuple(Unit(name) for name in ("a@1.service", "a@2.service", "a@3.service", "a@4.service", "a.socket"))
    loaded += (Unit("other.service"), Unit("other.timer"), Unit("app.service"))
    said = count(LOOP, replace(LOOP, unit="a@*.service"), replace(LOOP, unit="late.service"))
    first = ["app.service", "a@1.service", "a@2.service", "a@3.service", "a.socket"]
    assert names_to_ask(said, loaded, 2, whole=True) == first
    assert names_to_ask(said, loaded, None, whole=True) == ["app.service", "late.service", *first[1:]]
    assert names_to_ask(said, loaded, 0, whole=True) == []
    assert names_to_ask(None, loaded, 2, whole=False) == [*first[1:4], "other.service", "app.service"]


def test_live_cgroups_that_stay_are_named() -> None:
    """Sessions that close, scopes that were abandoned, and twenty scopes of one name that are active at once."""
    sessions = (Session("c1", "root", "closing"), Session("7", "jane", "active"), Session("8", "jane", None))
    units = [Unit("session-c1.scope", active_state="active", sub_state="abandoned")]
    units += [Unit(f"x{number}.scope", sub_state="abandoned") for number in range(5)]
    units += [Unit(f"job-{number:04}.scope", active_state="active", sub_state="running") for number in range(23)]
    units += [Unit(f"session-{number}.scope", active_state="active") for number in range(23)]
    units += [Unit(f"few-{number}.scope", active_state="active") for number in range(19)]
    piles = find_piles(bus(*units, sessions=sessions))
    assert [(pile.what.partition(":")[0], pile.number, pile.names) for pile in piles] == [
        ("sessions that are closing", 1, ("c1 (root)",)),
        ("abandoned scopes", 5, ("x0.scope", "x1.scope", "x2.scope")),
        (
            "scopes named job-*.scope that are active at the same time",
            23,
            ("job-0000.scope", "job-0001.scope", "job-0002.scope"),
        ),
    ]
    assert find_piles(bus(Unit("x.scope", active_state="active"))) == ()
