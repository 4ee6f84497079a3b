"""Who makes cgroups, counted once each, and what is not released."""

import pytest

from unreclaim.analysis.churn import ChurnCounter, find_source
from unreclaim.formats.trace_cgroup import CgroupEvent, CgroupTrace, MemcgEvents
from unreclaim.model.churn import Churn, HierarchyChurn, MemcgCounts, SourceChurn, SourceKind
from unreclaim.model.containers import ContainerNames

PRIME = 23
ID = "0123456789abcdef" * 4
UID = "5cb9ab3e-7c5f-4a0e-9d9e-52a1e1d1f3c7"
POD = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
NAMES = ContainerNames({UID: "shop/cart-0"}, {ID: "web"})
NONE = ContainerNames()
LOOP = "/system.slice/bugloop.service"
V1 = {0: (), 1: ("name=systemd",), 2: ("cpu", "cpuacct"), 4: ("memory",)}


@pytest.mark.parametrize(
    ("path", "kind", "title", "named"),
    [
        (LOOP, SourceKind.UNIT, "bugloop.service", None),
        (f"{LOOP}/worker", SourceKind.UNIT, "bugloop.service", None),
        ("/system.slice/sshd@7-1.2.3.4:22.service", SourceKind.UNIT, "sshd@*.service", None),
        ("/system.slice/run-u23.service", SourceKind.UNIT, "run-*.service", None),
        ("/system.slice", SourceKind.SLICE, "system.slice", None),
        ("/user.slice/user-0.slice/session-c3.scope", SourceKind.SESSION, "session-*.scope", None),
        ("/user.slice/user-7.slice/user@7.service", SourceKind.UNIT, "user@*.service", None),
        (
            "/user.slice/user-7.slice/user@7.service/app.slice/a.service",
            SourceKind.UNIT,
            "user@7.service/a.service",
            None,
        ),
        ("/user.slice/user-7.slice/user@7.service/app.slice", SourceKind.SLICE, "user@7.service/app.slice", None),
        ("/machine.slice/machine-db\\x2d1.scope", SourceKind.CONTAINER, "db-1", None),
        ("/machine.slice/machine-db\\x2d1.scope/a.service", SourceKind.UNIT, "db-1/a.service", None),
        (f"/system.slice/docker-{ID}.scope", SourceKind.CONTAINER, "0123456789ab", "web"),
        (f"/docker/{ID}/a.service", SourceKind.UNIT, "0123456789ab/a.service", "web/a.service"),
        ("/lxc.payload.a-long-name-of-lxc/x", SourceKind.CONTAINER, "a-long-name-of-lxc", None),
        (POD, SourceKind.POD, UID, "shop/cart-0"),
        (f"{POD}/cri-containerd-{ID}.scope", SourceKind.POD, UID, "shop/cart-0"),
        (f"{POD}/cri-containerd-{ID}.scope/a.service", SourceKind.UNIT, f"{UID}/a.service", "shop/cart-0/a.service"),
        ("/jobs/c17", SourceKind.CGROUP, "/jobs/c*", None),
        ("/jobs/ffb38dc4d1f9", SourceKind.CGROUP, "/jobs/*", None),
        ("/jobs/build", SourceKind.CGROUP, "/jobs/build", None),
        ("/job-17", SourceKind.CGROUP, "/job-*", None),
        ("/", SourceKind.CGROUP, "/", None),
        ("no path", SourceKind.CGROUP, "no path", None),
    ],
)
def test_a_path_tells_who_makes_it(path: str, kind: SourceKind, title: str, named: str | None) -> None:
    """The outermost that tells one from another is the source; names are used where they are known."""
    source = find_source(path)
    assert (source.kind, source.title(NONE)) == (kind, title)
    assert source.title(NAMES) == (named or title)


def cycles(
    path: str, ids: range, roots: tuple[int, ...] = (4,), what: tuple[str, ...] = ("mkdir", "rmdir", "release")
) -> tuple[CgroupEvent, ...]:
    """Give the events of cgroups of one path that come and go one after another; each begins a second later."""
    return tuple(
        CgroupEvent(name, root, identity, path, identity + step / 10)
        for identity in ids
        for step, name in enumerate(what)
        for root in roots
    )


def count(*events: CgroupEvent, each: bool = False, now: float = 100.0) -> Churn:
    """Count events as of one reading in ten seconds."""
    counter = ChurnCounter(V1, each=each)
    counter.add(CgroupTrace(events))
    counter.interval(10.0, now, NONE)
    return counter.total(10.0, now, NONE)


def test_a_start_is_one_cgroup_on_four_hierarchies() -> None:
    """23 starts are 23 of the source, and 23 in each hierarchy."""
    assert count(*cycles(LOOP, range(PRIME), (0, 1, 2, 4))) == Churn(
        10.0,
        0,
        tuple(HierarchyChurn(root, V1[root], PRIME, PRIME, PRIME, 0, None) for root in V1),
        (SourceChurn("bugloop.service", SourceKind.UNIT, PRIME, PRIME, PRIME, 0, 2.3),),
        MemcgCounts(0, 0, 0),
    )


def test_what_is_dying_is_counted_where_memory_is() -> None:
    """The memory hierarchy is the scale though another saw more: what is not released there is dying."""
    events = (*cycles(LOOP, range(PRIME), (4,), ("mkdir", "rmdir")), *cycles(LOOP, range(PRIME + 1), (1,)))
    churn = count(*events)
    assert churn.sources == (SourceChurn("bugloop.service", SourceKind.UNIT, PRIME, PRIME, 0, PRIME, 2.3),)
    memory = HierarchyChurn(4, ("memory",), PRIME, PRIME, 0, PRIME, 99.9)
    assert churn.hierarchies == (HierarchyChurn(1, ("name=systemd",), 24, 24, 24, 0, None), memory)


def test_without_memory_the_hierarchy_with_most_is_the_scale() -> None:
    """A source that is in no memory hierarchy is counted where it made most, of equals in the first."""
    events = (*cycles(LOOP, range(5), (2,)), *cycles(LOOP, range(PRIME), (1, 9)))
    assert [one.created for one in count(*events).sources] == [PRIME]


def test_an_id_of_one_hierarchy_is_not_anothers() -> None:
    """A release in another hierarchy, or of another id, releases nothing."""
    removed = cycles(LOOP, range(1, 2), (4,), ("mkdir", "rmdir"))
    others = (CgroupEvent("release", 1, 1, LOOP, 2.0), CgroupEvent("release", 4, 2, LOOP, 2.0))
    (source,) = count(*removed, *others).sources
    assert (source.created, source.removed, source.released, source.unreleased) == (1, 1, 1, 1)


def test_what_was_removed_before_is_released_and_no_more() -> None:
    """A cgroup that was dying already when the watch began is released; nothing was created, and no less is dying."""
    (source,) = count(CgroupEvent("release", 4, 1, LOOP, 2.0)).sources
    assert source == SourceChurn("bugloop.service", SourceKind.UNIT, 0, 0, 1, 0, 0.0)


def test_an_id_that_is_given_again_was_released() -> None:
    """Before 5.5 an id is used again once its cgroup is released: if that event was lost the next one tells."""
    first = cycles("/a.service", range(1, 2), (4,), ("mkdir", "rmdir"))
    churn = count(*first, *cycles("/b.service", range(1, 2), (4,), ("mkdir",)))
    assert [(one.source, one.unreleased) for one in churn.sources] == [("a.service", 0), ("b.service", 0)]
    assert churn.hierarchies[0].longest_unreleased_seconds is None


def test_the_oldest_that_is_not_released_tells_how_long() -> None:
    """Not the one that was removed first but is released; a clock that lags behind the events gives zero."""
    events = cycles(LOOP, range(1, 4), (4,), ("mkdir", "rmdir"))
    release = CgroupEvent("release", 4, 1, LOOP, 9.0)
    assert count(*events, release).hierarchies[0].longest_unreleased_seconds == pytest.approx(97.9)
    assert count(*events, now=0.0).hierarchies[0].longest_unreleased_seconds == 0.0


def test_each_is_a_path() -> None:
    """With each, instances and pods are not folded; the kind stays."""
    events = (*cycles("/system.slice/a@1.service", range(2)), *cycles(f"{POD}/x", range(2, 3)))
    assert [(one.source, one.kind, one.created) for one in count(*events, each=True).sources] == [
        ("/system.slice/a@1.service", SourceKind.UNIT, 2),
        (f"{POD}/x", SourceKind.POD, 1),
    ]


def test_sources_are_ranked() -> None:
    """Most created come first, then most removed, then most that is not released, then by name."""
    events = (
        *cycles("/c.service", range(3)),
        *cycles("/b.service", range(3, 5), (4,), ("rmdir",)),
        *cycles("/z.service", range(5, 7)),
        *cycles("/a.service", range(7, 9), (4,), ("release",)),
    )
    assert [one.source for one in count(*events).sources] == ["c.service", "z.service", "b.service", "a.service"]


def test_intervals_add_up_to_the_total() -> None:
    """Each interval has its own counts and rate; what is not released is so whenever it was removed."""
    counter = ChurnCounter(V1)
    counter.add(CgroupTrace(cycles(LOOP, range(PRIME), (4,), ("mkdir", "rmdir")), MemcgEvents(5, 3, 2), lost=7))
    first = counter.interval(2.0, 30.0, NONE)
    counter.add(CgroupTrace(cycles(LOOP, range(5), (4,), ("release",)), MemcgEvents(0, 1, 1), lost=1))
    second = counter.interval(1.0, 31.0, NONE)
    assert counter.interval(1.0, 32.0, NONE) == Churn(1.0, 0, (), (), MemcgCounts(0, 0, 0))
    kind = SourceKind.UNIT
    assert first.sources == (SourceChurn("bugloop.service", kind, PRIME, PRIME, 0, PRIME, 11.5),)
    assert second.sources == (SourceChurn("bugloop.service", kind, 0, 0, 5, 18, 0.0),)
    assert (first.lost_events, first.memcgs) == (7, MemcgCounts(5, 3, 2))
    total = counter.total(4.0, 32.0, NONE)
    assert total.sources == (SourceChurn("bugloop.service", kind, PRIME, PRIME, 5, 18, 5.75),)
    assert total.hierarchies == (HierarchyChurn(4, ("memory",), PRIME, PRIME, 5, 18, 32.0 - 5.1),)
    assert (total.lost_events, total.memcgs) == (8, MemcgCounts(5, 4, 3))


def test_no_time_has_no_rate() -> None:
    """A watch that ends at once divides by nothing."""
    counter = ChurnCounter(V1)
    counter.add(CgroupTrace(cycles(LOOP, range(1))))
    assert [one.rate_per_second for one in counter.interval(0.0, 1.0, NONE).sources] == [0.0]


def test_containers_of_one_name_are_one_source() -> None:
    """A container that is made anew under its name has another id each time."""
    counter = ChurnCounter(V1)
    other = ID[::-1]
    counter.add(CgroupTrace((*cycles(f"/docker/{ID}", range(2)), *cycles(f"/docker/{other}", range(2, 5)))))
    names = ContainerNames({}, {ID: "job", other: "job"})
    assert [(one.source, one.created) for one in counter.interval(1.0, 9.0, names).sources] == [("job", 5)]


def test_ids_whose_names_are_wanted_are_those_of_the_interval() -> None:
    """Each pod and container is told while it is new."""
    counter = ChurnCounter(V1)
    assert counter.new_ids() == (frozenset(), frozenset())
    counter.add(
        CgroupTrace((*cycles(f"/docker/{ID}", range(2)), *cycles(POD, range(2, 3)), *cycles(LOOP, range(3, 4))))
    )
    assert counter.new_ids() == (frozenset({UID}), frozenset({ID}))
    counter.interval(1.0, 9.0, NONE)
    assert counter.new_ids() == (frozenset(), frozenset())


def test_many_paths_are_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of paths is bounded, and does not change a count."""
    monkeypatch.setattr("unreclaim.analysis.churn._PATHS_KEPT", 5)
    events = [
        event for number in range(PRIME) for event in cycles(f"/a.slice/x@{number}.service", range(number, number + 1))
    ]
    assert [(one.source, one.created, one.released) for one in count(*events).sources] == [
        ("x@*.service", PRIME, PRIME)
    ]
