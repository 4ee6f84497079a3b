"""All figures of one host at one instant, as read: nothing is judged, nothing is guessed."""

from msgspec import Struct

from unreclaim.formats.meminfo import MemInfo
from unreclaim.formats.pressure import Pressure
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.formats.vmstat import VmStat
from unreclaim.model.cgroups import Charge, Hierarchy
from unreclaim.model.gap import Gap
from unreclaim.model.host import Host


class Sample(Struct, frozen=True):
    """One reading of a host; None: not read or not said, with a Gap where that limits a judgement.

    uptime_seconds is the sample's time: seconds since boot, so that a clock step does not matter.
    pressure: by resource (``cpu``, ``io``, ``memory``, ``irq``). processes: PID 1 and known daemons.
    zram_bytes: memory that compressed RAM disks hold.
    charges: what every live memory cgroup is charged; read only where dying cgroups call for it.
    """

    uptime_seconds: float | None = None
    meminfo: MemInfo | None = None
    vmstat: VmStat | None = None
    slabs: tuple[SlabCache, ...] | None = None
    pressure: dict[str, Pressure] = {}
    hierarchies: tuple[Hierarchy, ...] = ()
    processes: tuple[ProcessStatus, ...] = ()
    zram_bytes: int | None = None
    charges: tuple[Charge, ...] | None = None
    gaps: tuple[Gap, ...] = ()

    def memory_hierarchy(self) -> Hierarchy | None:
        """Give the hierarchy that the memory controller is on."""
        for hierarchy in self.hierarchies:
            if "memory" in hierarchy.controllers:
                return hierarchy
        return None

    def unified_hierarchy(self) -> Hierarchy | None:
        """Give the version 2 hierarchy where it is mounted."""
        for hierarchy in self.hierarchies:
            if hierarchy.version == 2:
                return hierarchy
        return None


class Observation(Struct, frozen=True):
    """A host and its samples in time order: at least one.

    The first and the last sample are whole; those between may be light (memory figures and counts only).
    lru_reparenting: the kernel hands the page cache of a removed cgroup to its parent; None: not looked for.
    captured: the samples come from a capture, not from the running host.
    """

    host: Host
    samples: tuple[Sample, ...]
    lru_reparenting: bool | None = None
    captured: bool = False
    gaps: tuple[Gap, ...] = ()

    @property
    def first(self) -> Sample:
        """Give the earliest sample."""
        return self.samples[0]

    @property
    def last(self) -> Sample:
        """Give the latest sample."""
        return self.samples[-1]

    @property
    def window_seconds(self) -> float:
        """Give the seconds between the first and the last sample; 0 where that is not known, as across a reboot."""
        start, end = self.first.uptime_seconds, self.last.uptime_seconds
        return max(0.0, end - start) if start is not None and end is not None else 0.0
