"""A survey of units as text and JSON."""

import json

import pytest
from msgspec.structs import replace

from unreclaim.model.diagnosis import Span
from unreclaim.model.gap import Gap
from unreclaim.model.unit import Unit
from unreclaim.model.units import (
    CycleCost,
    JournalSpan,
    Pile,
    StartKind,
    UnitRow,
    UnitSurvey,
    WindowCost,
)
from unreclaim.render.as_json import encode
from unreclaim.render.units import units_document, units_text

LOOP = UnitRow(
    "myapp.service",
    StartKind.RESTART_LOOP,
    211,
    "journal",
    at_least=False,
    failed=3,
    starts_per_day=2532.0,
    nr_restarts=0,
    unit=Unit("myapp.service", restart_max_delay_seconds=float("inf")),
    dying=38,
    slab_bytes=Span(380_000, 1, 2),
    percpu_bytes=Span(32_000, 1, 2),
    traced=5,
)
TIMER = UnitRow("sync.service", StartKind.TIMER, 23, "journal", at_least=False, user=1000, starts_per_day=276.0)
REMARKS = "38 dying, about 412 kB; 3 did not come up; 5 while traced"
SPAN = JournalSpan(0.0, 1.0, 7201.0)
SURVEY = UnitSurvey(SPAN, (LOOP, TIMER), (), None, 252, "measured", ())


def test_the_verdict_comes_first_then_the_sources() -> None:
    """Who was started most, what NRestarts says of it, and each source with what it left and did."""
    assert units_text(SURVEY, every_row=False).splitlines() == [
        "myapp.service was started 211 times in the last 2 hours (NRestarts says 0): the most of all",
        "",
        "Each start makes a cgroup; dying are those that it left behind",
        "     starts      a day  by               source",
        f"        211      2,532  restart loop     {'myapp.service':<40}  {REMARKS}",
        "         23        276  timer            sync.service (user 1000)",
    ]


@pytest.mark.parametrize(
    ("row", "span", "verdict"),
    [
        (None, SPAN, "no start was seen; that is no proof that there was none"),
        (
            replace(TIMER, user=None, starts=1, starts_per_day=12.0),
            SPAN,
            "sync.service was started 1 time in the last 2 hours; that is the most of all, and not much",
        ),
        (
            replace(TIMER, user=None, starts=4),
            SPAN,
            "sync.service was started 4 times in the last 2 hours; that is the most of all, and not much",
        ),
        (
            replace(LOOP, at_least=True, nr_restarts=None),
            JournalSpan(0.0, None, 7200.0),
            "myapp.service was started at least 211 times in the last 2 hours: the most of all",
        ),
        (
            replace(LOOP, nr_restarts=None),
            JournalSpan(None, None, 5.0),
            "myapp.service was started 211 times since boot: the most of all",
        ),
        (
            replace(LOOP, basis="trace", nr_restarts=None),
            SPAN,
            "myapp.service was started 211 times while it was traced: the most of all",
        ),
    ],
)
def test_each_verdict(row: UnitRow | None, span: JournalSpan, verdict: str) -> None:
    """It says how sure the number is, over which time, and when it is nothing to worry about."""
    survey = replace(SURVEY, rows=() if row is None else (row,), span=span)
    assert units_text(survey, every_row=False).splitlines()[0] == verdict


def test_many_sources_are_cut_short() -> None:
    """20 sources are shown, and the rest is summed up, unless all are asked for."""
    rows = tuple(replace(TIMER, name=f"{number}.service", starts=30 - number) for number in range(23))
    short = units_text(replace(SURVEY, rows=rows), every_row=False).splitlines()
    assert (len(short), short[-1]) == (25, "  and 27 starts of 3 more sources (--all shows them)")
    assert len(units_text(replace(SURVEY, rows=rows), every_row=True).splitlines()) == 27


def test_a_number_that_may_be_more_is_marked() -> None:
    """A count of which some may be missing, or by another way than the journal, is told; dying without a price."""
    row = UnitRow("a.service", StartKind.RESTART_LOOP, 23, "NRestarts", at_least=True, dying=7)
    assert units_text(replace(SURVEY, rows=(row,)), every_row=False).splitlines()[-1] == (
        "        >23             restart loop     a.service                                 7 dying; by NRestarts"
    )


def test_few_starts_have_no_rate() -> None:
    """One start soon after a boot is not written as thousands a day."""
    row = replace(TIMER, user=None, starts=4)
    text = units_text(replace(SURVEY, rows=(LOOP, row)), every_row=False)
    assert text.splitlines()[-1] == "          4             timer            sync.service"


def test_what_stays_alive_is_said_with_what_to_do() -> None:
    """Each pile with its number, names and remedy; then what was not seen."""
    piles = (
        Pile("abandoned scopes", 5, ("a.scope", "b\n.scope"), "stop them"),
        Pile("scopes", 1, ("c.scope",), "look"),
    )
    survey = replace(SURVEY, rows=(), piles=piles, gaps=(Gap("starts", "no journal", "run as root"),))
    assert units_text(survey, every_row=False).splitlines()[2:] == [
        "Live cgroups that stay",
        "  5 abandoned scopes",
        "    a.scope, b\\n.scope, …",
        "    stop them",
        "  1 scopes",
        "    c.scope",
        "    look",
        "",
        "Not seen",
        "  starts: no journal; run as root",
    ]


def test_a_window_says_what_each_start_costs() -> None:
    """Each source with its price and interval, those without one with the reason, and what no start explains."""
    rows = (
        CycleCost("a.service", 230, 3_910_000, 17_000.0, 15_000.0, 19_000.0),
        CycleCost("b.service", 100, 0, None, None, None, "a.service"),
        CycleCost("c.service", 1, 0, None, None, None),
    )
    survey = replace(SURVEY, rows=(), window=WindowCost(60.0, 4_000_000, rows, 90_000))
    assert units_text(survey, every_row=False).splitlines()[2:] == [
        "In 60 seconds SUnreclaim and Percpu grew by 4.0 MB (5.8 GB a day)",
        "     3.9 MB  a.service: 230 starts, 17 kB each (15 kB to 19 kB)",
        "             b.service: 100 starts, at the pace of a.service; in that row",
        "             c.service: 1 start, too few to be priced",
        "      90 kB  not explained by starts",
    ]
    fallen = replace(survey, window=WindowCost(60.0, -1000, (), -1000))
    assert "Percpu fell by 1.0 kB (-1.4 MB a day)" in units_text(fallen, every_row=False)
    none = replace(survey, window=WindowCost(0.0, 0, (), 0))
    assert "grew by 0 B (0 B a day)" in units_text(none, every_row=False)


def test_the_document_has_plain_figures() -> None:
    """Spans become three keys, what is infinite is null, and the window's rows have their bounds by name."""
    window = WindowCost(60.0, 7, (CycleCost("a", 1, 2, 3.0, 4.0, 5.0),), 5)
    document = json.loads(encode(units_document(replace(SURVEY, window=window))))
    source = document["sources"][0]
    assert (source["slab_bytes"], source["slab_low_bytes"], source["slab_high_bytes"]) == (380_000, 1, 2)
    assert source["dying_per_start"] == 38 / 211
    assert source["unit"]["restart_max_delay_seconds"] is None
    assert document["sources"][1]["percpu_bytes"] is None
    assert document["window"] == {
        "seconds": 60.0,
        "growth_bytes": 7,
        "rows": [
            {
                "name": "a",
                "starts": 1,
                "bytes": 2,
                "bytes_each": 3.0,
                "low_bytes_each": 4.0,
                "high_bytes_each": 5.0,
                "like": None,
            }
        ],
        "unexplained_bytes": 5,
    }
