"""What pages dying cgroups hold, told from pages seen under living ones and what those are charged themselves."""

import pytest
from msgspec.structs import replace

from tests.fakes.build import v2_charge
from unreclaim.analysis.page_scan import attribute_pages, choose_ancestors
from unreclaim.formats.kpageflags import (
    ANONYMOUS,
    COMPOUND_HEAD,
    COMPOUND_TAIL,
    DIRTY,
    LRU,
    MAPPED,
    MLOCKED,
    SWAP_BACKED,
    UPTODATE,
    WRITEBACK,
)
from unreclaim.formats.memory_stat import MemoryStat
from unreclaim.model.census import CensusGroup, Pin, PinKind
from unreclaim.model.cgroups import Charge
from unreclaim.model.page_scan import PageTally

PAGE = 4096
FILE = LRU | UPTODATE
SLACK = 32 * PAGE


def groups(
    charge: Charge, pages: dict[int, int], *, slack: int | None = None, kernel_pages_pin: bool = False
) -> tuple[CensusGroup, ...]:
    """Attribute the pages seen under one cgroup."""
    return attribute_pages(
        (PageTally(charge.path, pages),),
        (charge,),
        page_size_bytes=PAGE,
        slack_bytes=slack,
        kernel_pages_pin=kernel_pages_pin,
    )


def v1(path: str, *children: str, **values: int) -> Charge:
    """Make a v1 charge of those lines alone."""
    return Charge(path, children, MemoryStat({"total_cache": 0, "total_rss": 0, **values}))


def test_a_cgroup_without_pages_of_its_own_gives_the_exact_number() -> None:
    """Every page seen under a slice is a dying child's, told apart by its flags; 23 clean, 3 dirty, 2 on their way."""
    pages = {
        FILE: 23,
        FILE | DIRTY: 3,
        FILE | WRITEBACK | MAPPED: 2,
        LRU | MLOCKED: 1,
        UPTODATE | SWAP_BACKED | DIRTY: 5,
        FILE | SWAP_BACKED | COMPOUND_HEAD: 1,
        FILE | SWAP_BACKED | COMPOUND_TAIL: 15,
        FILE | ANONYMOUS | SWAP_BACKED | MAPPED: 4,
        0: 7,
    }
    found = groups(v1("/s", total_cache=50 * PAGE), pages)
    assert found == (
        CensusGroup(
            "/s",
            None,
            None,
            54 * PAGE,
            (
                (
                    Pin(
                        PinKind.PAGE_CACHE,
                        29 * PAGE,
                        29,
                        dirty_bytes=5 * PAGE,
                        mlocked_bytes=PAGE,
                        mapped_bytes=2 * PAGE,
                    ),
                    0,
                ),
                (Pin(PinKind.TMPFS, 21 * PAGE, 6, mapped_bytes=0), 0),
                (Pin(PinKind.ANONYMOUS, 4 * PAGE, 4, mapped_bytes=4 * PAGE), 0),
            ),
        ),
    )
    assert found[0].relation == "exact"


def test_pages_of_the_ancestor_itself_are_taken_away_and_leave_a_bound() -> None:
    """Of 30 pages of files seen 10 are its own, and all tmpfs: 20 are left at most, dirty all."""
    charge = v1("/a", cache=15 * PAGE, shmem=5 * PAGE, rss=2 * PAGE, total_cache=40 * PAGE)
    pages = {FILE | DIRTY: 25, FILE: 5, FILE | SWAP_BACKED: 5, FILE | ANONYMOUS: 1}
    (group,) = groups(charge, pages)
    assert (group.relation, group.bytes) == ("at most", 20 * PAGE)
    assert group.pins == ((Pin(PinKind.PAGE_CACHE, 20 * PAGE, 30, dirty_bytes=20 * PAGE, mapped_bytes=0), 0),)


def test_lagging_statistics_widen_the_bound() -> None:
    """Before 5.12 the own pages may be a batch for each CPU too many or too few, and nothing is exact."""
    (group,) = groups(v1("/s"), {FILE: 23}, slack=SLACK)
    assert (group.relation, group.bytes) == ("at most", 23 * PAGE)
    (group,) = groups(v1("/a", cache=100 * PAGE), {FILE: 140}, slack=SLACK)
    assert (group.relation, group.bytes) == ("at most", 72 * PAGE)
    (group,) = groups(v1("/a", cache=10 * PAGE), {FILE: 50}, slack=SLACK)
    assert group.bytes == 50 * PAGE - 10 * PAGE + SLACK - 22 * PAGE == 50 * PAGE
    # What the own pages explain within the batch is not told as a dying cgroup's.
    assert groups(v1("/a", cache=100 * PAGE), {FILE: 132}, slack=SLACK) == ()


def test_v2_does_not_say_what_is_own() -> None:
    """On v2 the pages seen are a bound, with children and without."""
    (group,) = groups(v2_charge("/s", "/s/a", file=99 * PAGE), {FILE: 23})
    assert (group.relation, group.bytes) == ("at most", 23 * PAGE)


def test_kernel_pages_count_where_they_hold_a_cgroup() -> None:
    """Page tables and stacks are left out where they move to the parent; elsewhere they are told, never as exact."""
    assert groups(v1("/s"), {0: 7}) == ()
    (group,) = groups(v1("/s"), {0: 7, 1 << 26: 1, FILE: 1}, kernel_pages_pin=True)
    assert (group.relation, group.bytes) == ("at most", 9 * PAGE)
    assert [pin.kind for pin, _ in group.pins] == [PinKind.OTHER, PinKind.PAGE_CACHE]


def test_the_largest_come_first() -> None:
    """Groups are ordered by bytes, then by name; a cgroup with nothing is left out."""
    charges = tuple(v1(path) for path in ("/a", "/b", "/c", "/d"))
    tallies = tuple(
        PageTally(path, {FILE: pages} if pages else {}) for path, pages in (("/b", 1), ("/a", 1), ("/c", 2), ("/d", 0))
    )
    found = attribute_pages(tallies, charges, page_size_bytes=PAGE, slack_bytes=None, kernel_pages_pin=False)
    assert [group.ancestor for group in found] == ["/c", "/a", "/b"]


def test_ancestors_charged_for_more_than_the_living_own_are_chosen() -> None:
    """Below a slice with more in all than its child has, below one with anonymous memory left over, and no other."""
    charges = (
        v1("/", "/s", "/t", "/u", cache=10, total_cache=130, total_rss=9),
        v1("/s", "/s/a", total_cache=110),
        v1("/s/a", cache=100, total_cache=100),
        v1("/t", rss=2, total_rss=9),
        v1("/u", cache=10, total_cache=10, rss=3, total_rss=3),
    )
    assert choose_ancestors(charges, None) == ("/s", "/t")
    assert choose_ancestors(charges, SLACK) == ("/s", "/t")


def test_page_counters_show_what_statistics_do_not_yet() -> None:
    """Where a cgroup has no pages of its own, more in its counter than in its children's is somebody's who is gone."""
    charges = (
        counted("/", 0, usage=200, kernel=20),
        counted("/s", 0, "/s/a", usage=150, kernel=50),
        counted("/s/a", 4, usage=99, kernel=0),
        counted("/t", 4, usage=50, kernel=20),
        counted("/u", 0, usage=20, kernel=20),
        counted("/v", 0, usage=20),
        counted("/w", 0, "/v", usage=20, kernel=0),
    )
    assert choose_ancestors(charges, None) == ("/s",)


def test_where_statistics_lag_counters_choose_beside_own_pages_too() -> None:
    """Before 5.12 counters are exact; the statistics of what is own are doubted by a batch for each CPU."""
    charges = (
        counted("/s", 0, usage=1, kernel=0),
        counted("/a", 100, usage=100 + SLACK + 1, kernel=0),
        counted("/b", 100, usage=100 + SLACK, kernel=0),
    )
    assert choose_ancestors(charges, SLACK) == ("/s", "/a")
    assert choose_ancestors(charges, None) == ("/s",)


def counted(path: str, own: int, *children: str, usage: int, kernel: int | None = None) -> Charge:
    """Make a v1 charge whose statistics show its own pages alone, and its page counters."""
    values = {"cache": own, "rss": 0, "total_cache": own, "total_rss": 0}
    return Charge(path, children, MemoryStat(values), usage, kernel)


def test_on_v2_cgroups_are_chosen_that_the_kernel_names() -> None:
    """There the kernel counts the dying below each cgroup; the root is left out, for it has pages of its own."""
    charges = (v2_charge("/", "/s", "/u", file=900), v2_charge("/s", file=500), v2_charge("/u", file=7))
    assert choose_ancestors(charges, None) == ()
    counted = [replace(charge, nr_dying=number) for charge, number in zip(charges, (23, 0, 22), strict=True)]
    assert choose_ancestors(tuple(counted), None) == ("/u",)
    counted = [replace(charge, nr_dying=number) for charge, number in zip(charges, (23, 23, None), strict=True)]
    assert choose_ancestors(tuple(counted), SLACK) == ("/s",)


@pytest.mark.parametrize("path", ["/", "/a"])
def test_nothing_charged_chooses_nothing(path: str) -> None:
    """A cgroup whose files say nothing is not looked for."""
    assert choose_ancestors((Charge(path, (), MemoryStat({})),), None) == ()
