"""What reproducers must leave, whether what was seen agrees, and what one cgroup takes."""

import pytest

from unreclaim.analysis.reproduction import (
    KINDS,
    MOST_BYTES,
    agrees,
    expect,
    share_out,
    spread,
    why_no_room,
)
from unreclaim.formats.meminfo import MemInfo
from unreclaim.model.diagnosis import Span
from unreclaim.model.lab import Each, Expectation, Moment, Terms

OLD = Terms(1, pages_reparented=False, kernel_objects_reparented=False)
V1 = Terms(1, pages_reparented=False, kernel_objects_reparented=True)
V2 = Terms(2, pages_reparented=False, kernel_objects_reparented=True)
NEW = Terms(2, pages_reparented=True, kernel_objects_reparented=True)
HIDDEN = Terms(2, pages_reparented=None, kernel_objects_reparented=None)
PAGES = {"page-cache", "shared-log", "tmpfs", "memfd", "mlock", "mapped", "unit-loop"}


@pytest.mark.parametrize(
    ("terms", "pages", "dentries", "sockets"),
    [
        (OLD, (1, 1), (0, 1), (0, 1)),
        (V1, (1, 1), (0, 0), (0, 0)),
        (V2, (1, 1), (0, 0), (1, 1)),
        (NEW, (0, 0), (0, 0), (1, 1)),
        (HIDDEN, (0, 1), (0, 1), (1, 1)),
    ],
    ids=["4.15 v1", "6.18 v1", "6.12 v2", "7.2 v2", "no symbols"],
)
def test_each_kind_has_its_answer(
    terms: Terms, pages: tuple[int, int], dentries: tuple[int, int], sockets: tuple[int, int]
) -> None:
    """What pins depends on the hierarchy and on what the kernel hands to the parent; churn alone never leaks."""
    wanted = dict.fromkeys(PAGES, pages)
    wanted |= {"dentries": dentries, "sockets": sockets, "empty": (0, 0), "live-cgroups": (0, 0)}
    answers = {kind: expect(kind, terms) for kind in KINDS}
    assert {kind: (answer.low, answer.high) for kind, answer in answers.items()} == wanted
    assert all(answer.why for answer in answers.values())


@pytest.mark.parametrize(
    ("low", "high", "made", "dying", "answer"),
    [
        (1, 1, 23, 23, True),
        (1, 1, 23, 22, True),
        (1, 1, 23, 21, False),
        (1, 1, 1000, 970, True),
        (1, 1, 1000, 969, False),
        (1, 1, 1000, 1031, False),
        (0, 0, 200, 6, True),
        (0, 0, 200, 7, False),
        (0, 1, 200, 7, None),
        (1, 1, 200, None, None),
    ],
)
def test_a_count_agrees_within_3_percent(low: int, high: int, made: int, dying: int | None, *, answer: bool) -> None:
    """One, or 3 %, may be held or freed by something else; what is not definite agrees with nothing."""
    assert agrees(Expectation(low, high, ""), made, dying) is answer


def test_bytes_are_shared_out_with_bounds() -> None:
    """2,300 cgroups and 27.6 MB are 12,000 each; the error is shared out too and decides what is told."""
    points = ((0, 1_000), (2_300, 27_601_000))
    assert share_out(points, 2_300, 2_300_000) == Each(Span(12_000, 11_000, 13_000), told=True)
    assert share_out(points, 2_300, 9_200_000) == Each(Span(12_000, 8_000, 16_000), told=False)
    assert share_out(points[::-1], 2_300, 0) is None
    freed = ((0, 27_601_000), (2_300, 1_000))
    assert share_out(freed, 2_300, 0) == Each(Span(-12_000, -12_000, -12_000), told=False)
    assert [share_out(points, 0, 0), share_out(points[:1], 23, 0), share_out(points[:1] * 2, 23, 0)] == [None] * 3


def test_few_cgroups_tell_nothing() -> None:
    """However narrow the bounds: fewer than 2,000 fill memory that is partly free first."""
    assert share_out(((0, 0), (1_999, 1_999 * 12_000)), 1_999, 0) == Each(Span(12_000, 12_000, 12_000), told=False)


def test_cgroups_that_were_freed_have_no_share() -> None:
    """Of 4,600 made only 2,300 stayed: what was taken in all is theirs."""
    points = ((0, 0), (4_600, 27_600_000))
    assert share_out(points, 2_300, 0) == Each(Span(12_000, 12_000, 12_000), told=True)


def test_what_somebody_else_takes_at_once_is_left_out() -> None:
    """One step of 60 MB late in the run changes neither figure nor bounds much; one in its middle widens them."""
    made = range(0, 2_100, 100)
    late = tuple((number, number * 12_000 + 60_000_000 * (number > 1_900)) for number in made)
    middle = tuple((number, number * 12_000 + 60_000_000 * (number > 1_000)) for number in made)
    told, untold = share_out(late, 2_000, 4096), share_out(middle, 2_000, 4096)
    assert told == Each(Span(12_000, 11_998, 12_002), told=True)
    assert untold is not None
    assert not untold.told


def test_the_spread_of_a_quiet_time_is_its_noise() -> None:
    """The largest minus the smallest reading of each; what is not printed moves by nothing."""
    moments = tuple(Moment(0, 0, 0, slab, percpu) for slab, percpu in ((5, None), (2, 7), (9, 8)))
    assert spread(moments) == (7, 1)
    assert spread(()) == (0, 0)


GIB = 1 << 30


def memory(available: int | None, total: int = 16 * GIB, free: int | None = None) -> MemInfo:
    """Give figures of memory."""
    values = {"mem_total_bytes": total, "mem_available_bytes": available, "mem_free_bytes": free}
    return MemInfo(total, {name: size for name, size in values.items() if size is not None})


@pytest.mark.parametrize(
    ("info", "needed", "disk", "why"),
    [
        (memory(8 * GIB), 1 << 20, None, None),
        (memory(8 * GIB), 1 << 20, GIB, None),
        (memory(8 * GIB), MOST_BYTES + 1, None, "it would take about 1.1 GB, and no experiment takes over 1.1 GB"),
        (memory(GIB), 0, None, "this host is short of memory: 1.1 GB available, and 1.7 GB must stay"),
        (memory(511 << 20, GIB), 0, None, "this host is short of memory: 536 MB available, and 537 MB must stay"),
        (
            memory(2 * GIB),
            GIB,
            None,
            "it would take about 1.1 GB of the 2.1 GB that are available, and 1.7 GB must stay",
        ),
        (memory(None, free=GIB), 0, None, "this host is short of memory: 1.1 GB available, and 1.7 GB must stay"),
        (memory(None), 0, None, "this host is short of memory: 0 B available, and 1.7 GB must stay"),
        (memory(8 * GIB), 0, 1 << 20, "the disk is nearly full: 1.0 MB free, 268 MB must be"),
    ],
)
def test_a_host_short_of_room_is_left_alone(info: MemInfo, needed: int, disk: int | None, why: str | None) -> None:
    """A tenth of memory and 512 MiB stay available, a disk keeps 256 MiB, and no experiment takes over 1 GiB."""
    assert why_no_room(info, needed, disk) == why
