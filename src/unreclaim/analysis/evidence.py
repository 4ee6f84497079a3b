"""What every signature may weigh: the facts of an observation and what was worked out from them, in one place."""

from msgspec import Struct

from unreclaim.model.diagnosis import DyingCost, Fingerprint, Residue
from unreclaim.model.dying import Count
from unreclaim.model.growth import Growth, Rate
from unreclaim.model.ledger import Ledger
from unreclaim.model.sample import Observation


class Evidence(Struct, frozen=True):
    """Facts and first judgements; None: not known."""

    observation: Observation
    ledger: Ledger | None
    memory: Count | None
    unified: Count | None
    cost: DyingCost
    residues: tuple[Residue, ...] | None
    earlier_residues: tuple[Residue, ...] | None
    fingerprint: Fingerprint | None
    growth: Growth

    @property
    def dying(self) -> int | None:
        """Give the number of dying memory cgroups."""
        return self.memory.dying if self.memory else None

    @property
    def dying_rate(self) -> Rate | None:
        """Give how fast that number changes."""
        return self.growth.rates.get("cgroups.memory.dying")

    @property
    def residue_file_bytes(self) -> int | None:
        """Give page cache and tmpfs that dying cgroups hold, all together."""
        return None if self.residues is None else _sum(self.residues)

    @property
    def residue_change_bytes(self) -> int | None:
        """Give how much more page cache and tmpfs they hold than at the start of the window."""
        if self.residues is None or self.earlier_residues is None or self.observation.first is self.observation.last:
            return None
        return _sum(self.residues) - _sum(self.earlier_residues)

    @property
    def residue_shmem_bytes(self) -> int | None:
        """Give the tmpfs part of it."""
        return None if self.residues is None else sum(residue.shmem_bytes for residue in self.residues)

    @property
    def mem_total_bytes(self) -> int:
        """Give the size of memory, zero where it is not known."""
        return self.ledger.mem_total_bytes if self.ledger else 0

    @property
    def kernel_bytes(self) -> int | None:
        """Give kernel memory that cannot be reclaimed: unreclaimable slab and per-CPU memory."""
        info = self.observation.last.meminfo
        slab = info.get("sunreclaim_bytes") if info else None
        return None if info is None or slab is None else slab + (info.get("percpu_bytes") or 0)

    @property
    def kernel_share(self) -> float:
        """Give its share of memory, zero where one of them is not known."""
        size, total = self.kernel_bytes, self.mem_total_bytes
        return size / total if size and total else 0.0

    @property
    def is_v2(self) -> bool:
        """Tell whether memory cgroups are those of cgroup v2."""
        hierarchy = self.observation.last.memory_hierarchy()
        return hierarchy is not None and hierarchy.version == 2

    @property
    def is_whole(self) -> bool:
        """Tell whether the count of dying memory cgroups is that of the whole host."""
        hierarchy = self.observation.last.memory_hierarchy()
        if hierarchy is None or hierarchy.whole is False:
            return False
        return hierarchy.whole is True or self.observation.host.container is None


def _sum(residues: tuple[Residue, ...]) -> int:
    return sum(residue.file_bytes for residue in residues)
