"""Counts cgroups that come and go: by who made them, and by hierarchy.

A cgroup is its hierarchy and id, never its path, which the next one has too. On cgroup v1 one start makes a cgroup in
each hierarchy; a source is counted in one of them alone (`model.churn.SourceChurn`), hierarchies each for themselves.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats.cgroup_path import parse_cgroup_path
from unreclaim.formats.trace_cgroup import CgroupTrace, MemcgEvents
from unreclaim.model.churn import Churn, HierarchyChurn, MemcgCounts, SourceChurn, SourceKind
from unreclaim.model.containers import ContainerNames

_SHORT_ID = 12
_NUMBER = re.compile(r"[0-9a-f]{8,}|[0-9]+")
_PATHS_KEPT = 10_000
_COLUMNS = {"mkdir": 0, "rmdir": 1, "release": 2}
_UNRELEASED = 3


class Source(Struct, frozen=True):
    """Who makes cgroups, by what a path says. name: of the unit, inside the pod or container if there is one."""

    kind: SourceKind
    name: str = ""
    pod: str | None = None
    container: str | None = None
    runtime: str | None = None
    within: str | None = None

    def title(self, names: ContainerNames) -> str:
        """Name it for people, the same way whenever it is the same."""
        outer = self.within
        if self.pod is not None:
            outer = names.pods.get(self.pod, self.pod)
        elif self.container is not None:
            short = self.container if self.runtime == "lxc" else self.container[:_SHORT_ID]
            outer = names.containers.get(self.container, short)
        return "/".join(part for part in (outer, self.name) if part)


def find_source(path: str) -> Source:
    """Say who makes a cgroup of that path.

    Pods come before their containers, of which each restart makes another; units inside a container or machine, or of
    a user's systemd, are told from those of the host. What is none of these is counted with the siblings whose names
    differ in numbers alone.
    """
    try:
        place = parse_cgroup_path(path)
    except ParseError:
        return Source(SourceKind.CGROUP, path)
    unit = place.unit or ""
    kind = SourceKind.SLICE if unit.endswith(".slice") else SourceKind.UNIT
    if place.within:
        outer = place.machine or (f"user@{place.user}.service" if place.user is not None else None)
        return Source(kind, unit, place.pod, place.container, place.runtime, outer)
    if place.pod or place.container:
        kind = SourceKind.POD if place.pod else SourceKind.CONTAINER
        return Source(kind, "", place.pod, None if place.pod else place.container, None if place.pod else place.runtime)
    if place.machine:
        return Source(SourceKind.CONTAINER, place.machine)
    if unit:
        return Source(SourceKind.SESSION if place.session else kind, unit)
    parent, _, name = path.rpartition("/")
    return Source(SourceKind.CGROUP, f"{parent}/{_NUMBER.sub('*', name)}")


Counts = dict[tuple[Source, int], list[int]]
"""Created, removed and released, by source and hierarchy."""


class ChurnCounter:
    """Counts the events of a watch as they are read.

    controllers: of each hierarchy by its number. each: a source is a cgroup's path.
    """

    def __init__(self, controllers: Mapping[int, tuple[str, ...]], *, each: bool = False) -> None:
        """Begin with nothing counted."""
        self._controllers = controllers
        self._each = each
        self._by_path: dict[str, Source] = {}
        self._new: Counts = {}
        self._total: Counts = {}
        # By hierarchy and id, the oldest first: whose it was, and when it was removed.
        self._pending: dict[int, dict[int, tuple[Source, float]]] = defaultdict(dict)
        self._unreleased: Counter[tuple[Source, int]] = Counter()
        self._memcgs = MemcgEvents()
        self._new_memcgs = MemcgEvents()
        self._lost = self._new_lost = 0

    def add(self, trace: CgroupTrace) -> None:
        """Count the events of one reading."""
        for event in trace.events:
            source = self._by_path.get(event.path) or self._source(event.path)
            key = (source, event.root)
            counts = self._new.get(key)
            if counts is None:
                counts = self._new[key] = [0, 0, 0]
            counts[_COLUMNS[event.what]] += 1
            if event.what == "rmdir":
                self._pending[event.root][event.id] = (source, event.seconds)
                self._unreleased[key] += 1
            else:
                # Of an id that is made anew the release was lost; before 5.5 ids are given again.
                removed = self._pending[event.root].pop(event.id, None)
                if removed is not None:
                    self._unreleased[removed[0], event.root] -= 1
        self._new_memcgs = _sum(self._new_memcgs, trace.memcgs)
        self._new_lost += trace.lost

    def new_ids(self) -> tuple[frozenset[str], frozenset[str]]:
        """Give the UIDs of pods and the ids of containers that had events since the last `interval`."""
        sources = {source for source, _ in self._new}
        pods = frozenset(source.pod for source in sources if source.pod is not None)
        return pods, frozenset(source.container for source in sources if source.container is not None)

    def interval(self, seconds: float, now: float, names: ContainerNames) -> Churn:
        """Give what happened since this was last called, and begin anew; seconds: how long that is.

        now: of the clock that the events have.
        """
        churn = self._churn(self._new, seconds, now, names, self._new_memcgs, self._new_lost)
        for key, counts in self._new.items():
            total = self._total.setdefault(key, [0, 0, 0])
            for column, number in enumerate(counts):
                total[column] += number
        self._memcgs = _sum(self._memcgs, self._new_memcgs)
        self._lost += self._new_lost
        self._new, self._new_memcgs, self._new_lost = {}, MemcgEvents(), 0
        return churn

    def total(self, seconds: float, now: float, names: ContainerNames) -> Churn:
        """Give what happened up to the last call of `interval`; seconds: since the start."""
        return self._churn(self._total, seconds, now, names, self._memcgs, self._lost)

    def _source(self, path: str) -> Source:
        source = find_source(path)
        if self._each:
            source = Source(source.kind, path)
        if len(self._by_path) >= _PATHS_KEPT:
            self._by_path.clear()
        self._by_path[path] = source
        return source

    def _churn(
        self, counts: Counts, seconds: float, now: float, names: ContainerNames, memcgs: MemcgEvents, lost: int
    ) -> Churn:
        rows: dict[tuple[SourceKind, str], dict[int, list[int]]] = defaultdict(dict)
        hierarchies: dict[int, list[int]] = {}
        for (source, root), numbers in counts.items():
            row = rows[source.kind, source.title(names)].setdefault(root, [0, 0, 0, 0])
            whole = hierarchies.setdefault(root, [0, 0, 0])
            for column, number in enumerate(numbers):
                row[column] += number
                whole[column] += number
            row[_UNRELEASED] += self._unreleased[source, root]
        sources = [self._source_churn(title, kind, row, seconds) for (kind, title), row in rows.items()]
        sources.sort(key=lambda one: (-one.created, -one.removed, -one.unreleased, one.source))
        return Churn(
            seconds,
            lost,
            tuple(self._hierarchy_churn(root, whole, now) for root, whole in sorted(hierarchies.items())),
            tuple(sources),
            MemcgCounts(memcgs.alloc, memcgs.offline, memcgs.free),
        )

    def _source_churn(self, title: str, kind: SourceKind, row: dict[int, list[int]], seconds: float) -> SourceChurn:
        memory = next((root for root in row if "memory" in self._controllers.get(root, ())), None)
        # Equal numbers: the first hierarchy, whichever events came first.
        scale = max(sorted(row), key=lambda root: row[root]) if memory is None else memory
        created, removed, released, unreleased = row[scale]
        return SourceChurn(title, kind, created, removed, released, unreleased, created / seconds if seconds else 0.0)

    def _hierarchy_churn(self, root: int, counts: list[int], now: float) -> HierarchyChurn:
        pending = self._pending[root]
        oldest = next(iter(pending.values()), None)
        longest = None if oldest is None else max(0.0, now - oldest[1])
        created, removed, released = counts
        return HierarchyChurn(root, self._controllers.get(root, ()), created, removed, released, len(pending), longest)


def _sum(one: MemcgEvents, other: MemcgEvents) -> MemcgEvents:
    return MemcgEvents(one.alloc + other.alloc, one.offline + other.offline, one.free + other.free)
