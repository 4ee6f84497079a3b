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


def _sum(residues: tuple[Residue, ...]) -> int:
    return sum(residue.file_bytes for residue in residues)
