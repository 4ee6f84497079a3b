"""Everything that ``unreclaim diagnose`` says about a host."""

from msgspec import Struct

from unreclaim.model.dying import Count
from unreclaim.model.finding import Finding, Verdict
from unreclaim.model.gap import Gap
from unreclaim.model.growth import Growth
from unreclaim.model.host import Host
from unreclaim.model.ledger import Ledger
from unreclaim.model.sample import Sample


class Span(Struct, frozen=True):
    """An estimated amount of bytes with its bounds."""

    middle: int
    low: int
    high: int


class DyingCost(Struct, frozen=True):
    """What one dying memory cgroup costs on this host (each), and all of them together (total).

    percpu None: this kernel's per-CPU cost or the number of CPUs is not known, and then the total is slab alone.
    total None: the number of dying cgroups is not known. slab_share and percpu_share: the part of SUnreclaim and of
    Percpu that count x cost comes to; above 1 the model is too dear.
    """

    slab: Span
    percpu: Span | None
    total: Span | None
    slab_share: float | None
    percpu_share: float | None
    source: str

    @property
    def bytes_each(self) -> int:
        """Give slab and per-CPU bytes of one together."""
        return self.slab.middle + (self.percpu.middle if self.percpu else 0)


class Residue(Struct, frozen=True):
    """Charges below one live cgroup that no live cgroup owns: what its dying descendants hold, in bytes."""

    path: str
    file_bytes: int
    shmem_bytes: int


class SlabUse(Struct, frozen=True):
    """A slab cache's memory and growth. merged_with: the other caches that SLUB keeps under this name.

    size_bytes None: the page size is not known. growth_bytes_per_day None: only one reading.
    """

    name: str
    objects: int
    active_objects: int
    object_size_bytes: int
    size_bytes: int | None
    growth_bytes_per_day: float | None
    merged_with: tuple[str, ...] = ()


class Fingerprint(Struct, frozen=True):
    """Whether slab caches hold the objects of so many memory cgroups.

    expected: live and dying memory cgroups. objects: by cache, how many there are per expected cgroup.
    fits: None where this kernel has no cache of its own for them or slabinfo could not be read.
    """

    expected: int
    objects: dict[str, float]
    fits: bool | None


class Diagnosis(Struct, frozen=True):
    """Facts and judgements about one host; what is missing is None or empty, with a gap."""

    host: Host
    cgroup_mode: str
    window_seconds: float
    last: Sample
    ledger: Ledger | None
    counts: tuple[Count, ...]
    cost: DyingCost
    residues: tuple[Residue, ...] | None
    fingerprint: Fingerprint | None
    growth: Growth
    slabs: tuple[SlabUse, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    gaps: tuple[Gap, ...]
    captured: bool = False

    def count(self, name: str) -> Count | None:
        """Give the count of one controller, or of ``unified``."""
        return next((count for count in self.counts if count.name == name), None)
