"""Counts what an experiment leaves dying, by the best way that this host offers."""

from msgspec import Struct

from unreclaim.app.census import Backend, take_census
from unreclaim.base.errors import ParseError
from unreclaim.formats.cgroup_stat import CgroupStat, parse_cgroup_stat
from unreclaim.host.bpf.libbpf import BpfUnavailableError
from unreclaim.host.cgroupfs import read_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.host.procfs import read_meminfo
from unreclaim.host.root import Root
from unreclaim.host.source import open_source
from unreclaim.lab.grounds import Grounds
from unreclaim.model.dying import count_one
from unreclaim.model.gap import Gap
from unreclaim.model.lab import Moment


class Tally(Struct, frozen=True):
    """How many are dying, and who says so. shared: others' cgroups may be in it."""

    dying: int | None
    source: str
    shared: bool
    gaps: tuple[Gap, ...] = ()


class Watch:
    """Reads the figures of moments; dying is counted from what it was at the start.

    unit: what is counted are the cgroups of this systemd unit; None: those below the experiment's own cgroup.
    """

    def __init__(self, root: Root, grounds: Grounds, unit: str | None = None) -> None:
        """Begin to watch."""
        self._root = root
        self._grounds = grounds
        self._unit = unit
        self._mounts = read_mounts(Probe(root))
        self._start = self.kernels_count() or 0

    def moment(self, seconds: float, made: int) -> Moment:
        """Read the figures of this moment."""
        info = read_meminfo(Probe(self._root))
        dying = self.kernels_count()
        return Moment(
            seconds,
            made,
            None if dying is None else max(0, dying - self._start),
            info.get("sunreclaim_bytes") if info else None,
            info.get("percpu_bytes") if info else None,
        )

    def kernels_count(self) -> int | None:
        """Count by the kernel's own counters: below our own cgroup on v2, else on the whole host."""
        if self._grounds.version == 2:
            stat = self._stat()
            return None if stat is None else stat.nr_dying_subsys.get("memory", stat.nr_dying_descendants)
        for hierarchy in read_hierarchies(Probe(self._root), self._mounts, brief=True):
            if hierarchy.mount_point == self._grounds.mount_point:
                return count_one(hierarchy, "memory").dying
        return None

    def _stat(self) -> CgroupStat | None:
        path = f"{self._grounds.mount_point if self._unit else self._grounds.top}/cgroup.stat"
        try:
            return parse_cgroup_stat(self._root.read_text(path), file=path)
        except (OSError, ParseError):
            return None

    def tally(self) -> Tally:
        """Count what is dying at the end: by name where BPF works, else as the kernel counts."""
        try:
            report = take_census(open_source(None), Backend.BPF)
        except BpfUnavailableError as error:
            dying = self.kernels_count()
            if dying is not None:
                dying = max(0, dying - self._start)
            gaps = (Gap("dying cgroups by name", error.why, error.hint),)
            if self._grounds.version == 2 and not self._unit:
                return Tally(dying, "cgroup.stat of the experiment's own cgroup", shared=False, gaps=gaps)
            return Tally(dying, "the kernel's counters, before and after", shared=True, gaps=gaps)
        if self._unit:
            dying = sum(f"/{self._unit}" in each.path for each in report.census.dying)
            return Tally(dying, "the census, by the unit's name", shared=False, gaps=report.gaps)
        dying = sum(each.path.startswith(f"{self._grounds.cgroup}/") for each in report.census.dying)
        return Tally(dying, "the census, below the experiment's own cgroup", shared=False, gaps=report.gaps)
