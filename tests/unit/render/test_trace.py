"""A trace as text and JSON: who makes most first, then everybody, then what is not released."""

import json

from msgspec.structs import replace

from unreclaim.model.churn import Churn, HierarchyChurn, MemcgCounts, SourceChurn, SourceKind
from unreclaim.model.gap import Gap
from unreclaim.render.as_json import encode
from unreclaim.render.as_text import WIDTH
from unreclaim.render.trace import churn_document, churn_text, live_text

LOOP = SourceChurn("bugloop.service", SourceKind.UNIT, 23, 23, 0, 23, 0.3833333)
POD = SourceChurn("shop/cart-0", SourceKind.POD, 5, 4, 1, 3, 0.0833333)
LONG = SourceChurn(f"/a\n{40 * 'b'}/c*", SourceKind.CGROUP, 1, 0, 0, 0, 0.0166666)
HIERARCHIES = (
    HierarchyChurn(0, ("hugetlb",), 1, 0, 0, 0, None),
    HierarchyChurn(4, ("memory",), 28, 27, 1, 26, 58.1234),
    HierarchyChurn(5, (), 28, 27, 1, 1, 0.25),
    HierarchyChurn(6, ("cpu", "cpuacct", "perf_event", "net_cls", "net_prio"), 1, 1, 1, 0, None),
)
CHURN = Churn(60.0, 0, HIERARCHIES, (LOOP, POD, LONG), MemcgCounts(28, 27, 1), (Gap("x", "y", "z"),))
EMPTY = Churn(60.0, 0, (), (), None)


def test_who_makes_most_comes_first() -> None:
    """Then the table, the hierarchies, what is dying and what that means, the kernel's functions, and the gaps."""
    assert churn_text(CHURN).splitlines() == [
        "bugloop.service makes most cgroups: 23 of 29 in 60 seconds, 0.4 a second.",
        "",
        "                                      kind       created  removed  released  unreleased  per second",
        "  bugloop.service                     unit            23       23         0          23         0.4",
        "  shop/cart-0                         pod              5        4         1           3   under 0.1",
        "  …bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/c*  cgroup           1        0         0           0   under 0.1",
        "",
        "  by hierarchy                                   created  removed  released  unreleased     longest",
        "  v2                                                   1        0         0           0",
        "  memory                                              28       27         1          26      58.1 s",
        "  hierarchy 5                                         28       27         1           1       0.2 s",
        "  cpu,cpuacct,perf_event,net_cls,ne…                   1        1         1           0",
        "",
        "26 cgroups are removed and not yet released, the oldest for 58 seconds: dying. For moments that is",
        "  normal: the kernel is cleaning up. One that stays is held by something that was charged to it, as",
        "  a rule by page cache, and costs kernel memory for as long: unreclaim census says by what.",
        "",
        "The kernel's own functions: 28 memory cgroups allocated, 27 set offline, 1 freed. Offline means",
        "  removed; as many offline as allocated only says that all were removed. What is offline and not",
        "  freed is dying.",
        "",
        "Not seen",
        "  x: y; z",
    ]


def test_one_source_made_all() -> None:
    """It is said so, and nothing is said of what is not there."""
    churn = Churn(2.0, 0, (), (LOOP,), MemcgCounts(0, 0, 0))
    assert churn_text(churn).splitlines()[0] == "bugloop.service made all of 23 cgroups in 2 seconds, 0.4 a second."
    assert len(churn_text(churn).splitlines()) == 4


def test_nothing_is_said_as_nothing() -> None:
    """A quiet host, and one on which only older cgroups went."""
    assert churn_text(EMPTY) == "No cgroup was made, removed or released in 60 seconds.\n"
    gone = replace(LOOP, created=0)
    line = "No cgroup was made in 60 seconds; such as were there before were removed or released."
    assert churn_text(replace(EMPTY, sources=(gone,))).splitlines()[0] == line


def test_what_was_lost_is_said_at_once() -> None:
    """Right after the verdict, which it limits."""
    text = churn_text(replace(CHURN, lost_events=211)).splitlines()
    assert text[2:4] == [
        "211 events were lost, because the kernel's buffer was full: all counts are too low, and what seems",
        "  unreleased may be released. More room: --buffer.",
    ]


def test_many_sources_are_added_up() -> None:
    """The first twenty have a line each, the rest one a kind; nothing is left out of the sums, and no line is wide."""
    units = tuple(SourceChurn(f"u{n}.service", SourceKind.UNIT, 100 - n, 2, 1, 1, 1.5) for n in range(25))
    text = churn_text(Churn(60.0, 0, (), (*units, POD), None))
    assert text.splitlines()[-2:] == [
        "  5 more units                        unit           390       10         5           5         7.5",
        "  1 more pod                          pod              5        4         1           3   under 0.1",
    ]
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_live_table_has_the_totals_and_the_rates_of_now() -> None:
    """A source that did nothing in the interval has no rate."""
    interval = Churn(1.0, 0, (), (replace(POD, created=2, rate_per_second=2.0),), None)
    assert live_text(interval, CHURN).splitlines() == [
        "60 seconds: 29 cgroups made (Ctrl-C ends)",
        "                                      kind       created  removed  released  unreleased  per second",
        "  bugloop.service                     unit            23       23         0          23           0",
        "  shop/cart-0                         pod              5        4         1           3           2",
        "  …bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/c*  cgroup           1        0         0           0           0",
    ]


def test_the_live_table_is_short() -> None:
    """It says how many it leaves out, and what was lost; with nothing it is a line."""
    assert live_text(EMPTY, EMPTY) == "60 seconds: 0 cgroups made (Ctrl-C ends)"
    many = Churn(2.0, 7, (), tuple(replace(LOOP, source=f"{n}.service") for n in range(23)), None)
    lines = live_text(EMPTY, many).splitlines()
    assert (len(lines), lines[-2:]) == (14, ["  and 13 more", "  7 events lost"])


def test_the_document_has_everything() -> None:
    """What a script needs, with numbers cut to what can be known."""
    document = json.loads(encode(churn_document(replace(CHURN, lost_events=7, sources=(LOOP,)), summary=True)))
    first, second, *_ = document.pop("hierarchies")
    assert document == {
        "schema": "unreclaim.trace/1",
        "part": "summary",
        "seconds": 60.0,
        "lost_events": 7,
        "sources": [
            {
                "source": "bugloop.service",
                "kind": "unit",
                "created": 23,
                "removed": 23,
                "released": 0,
                "unreleased": 23,
                "rate_per_second": 0.3833,
            }
        ],
        "memcgs": {"allocated": 28, "offline": 27, "freed": 1},
        "gaps": [{"what": "x", "why": "y", "remedy": "z"}],
    }
    assert first["longest_unreleased_seconds"] is None
    assert second == {
        "hierarchy": 4,
        "controllers": ["memory"],
        "created": 28,
        "removed": 27,
        "released": 1,
        "unreleased": 26,
        "longest_unreleased_seconds": 58.123,
    }
    assert churn_document(EMPTY, summary=False)["part"] == "interval"
