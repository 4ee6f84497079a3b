"""A census is grouped by living ancestor and unit, with the pins that most cgroups share first."""

from unreclaim.analysis.census import group_census
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Pin, PinKind


def dying(name: str, *pins: Pin, ancestor: str = "/system.slice", serial: int = 1, unexplained: int = 0) -> DyingCgroup:
    """Make a dying cgroup of two pages."""
    path = f"{ancestor}/{name}"
    return DyingCgroup(serial, name, path, ancestor, serial, 8192, 0, 0, 1 + unexplained, unexplained, pins)


def page(path: str, inode: int, dirty: int = 0) -> Pin:
    """Make a pin of one page of a file."""
    return Pin(PinKind.PAGE_CACHE, 4096, 1, path, "8:1", inode, dirty)


LOG = page("/var/log/app.log", 7, dirty=4096)


def test_a_shared_file_is_one_pin_with_the_number_of_its_cgroups() -> None:
    """Two of three cgroups share a log: it comes first, with both pages; the largest group comes first."""
    other = page("/tmp/x", 9)  # noqa: S108
    census = Census(
        "bpf",
        5,
        (
            dying("a.service", LOG, serial=1),
            dying("a.service", LOG, other, serial=2),
            dying("a.service", serial=3, unexplained=1),
            dying("b", other, ancestor="/", serial=4),
        ),
    )
    shared = Pin(PinKind.PAGE_CACHE, 8192, 2, "/var/log/app.log", "8:1", 7, 8192)
    assert group_census(census) == (
        CensusGroup("/system.slice", "a.service", 3, 3 * 8192, ((shared, 2), (other, 1)), 1),
        CensusGroup("/", None, 1, 8192, ((other, 1),)),
    )


def test_units_that_differ_in_a_number_are_one_group_where_there_are_many() -> None:
    """Five workers of one place are a group, four are four; other places and other names do not count."""
    five = tuple(dying(f"worker{number}.service", LOG, serial=number) for number in range(5))
    groups = group_census(Census("bpf", 5, (*five, dying("b7.service", LOG, serial=9))))
    assert [(group.unit, group.nr_dying) for group in groups] == [("worker*.service", 5), ("b7.service", 1)]
    assert [group.unit for group in group_census(Census("bpf", 5, five[:4]))] == [each.name for each in five[:4]]


def test_nothing_dying_is_no_group() -> None:
    """An empty census has no groups."""
    assert group_census(Census("bpf", 1, ())) == ()
