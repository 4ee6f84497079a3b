"""Getting the memory back without a reboot: the ladder of recovery, what stands on each rung, and what came of it."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.model.census import BACKENDS_BY_NAME, Holder, Pin
from unreclaim.model.dying import NORMAL_DYING
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container


class Rung(StrEnum):
    """The rungs of the ladder, the least invasive first. A reboot is no rung, only what may be left."""

    WAIT = "wait"
    FADVISE = "fadvise"
    RECLAIM = "reclaim"
    REMOVE = "remove"
    RESTART = "restart"
    DROP_CACHES = "drop-caches"


LADDER = tuple(Rung)
OPERATORS = frozenset({Rung.REMOVE, Rung.RESTART})
"""Rungs that are only named: what to remove or restart is for the operator to decide."""
DROP_CACHES = "/proc/sys/vm/drop_caches"


class Support(Struct, frozen=True):
    """What this host offers to a recovery.

    reclaim_file: what reclaims a cgroup's memory when it is written; None: this kernel has none.
    reclaims_root: the top cgroup has it too. swap_bytes None: not known. drops_caches: its file may be written.
    """

    hierarchy_version: int
    mount_point: str
    reclaim_file: str | None
    reclaims_root: bool
    swap_bytes: int | None
    drops_caches: bool


class Step(Struct, frozen=True):
    """One thing on a rung that may free dying cgroups; the texts are plain sentences without a full stop.

    cgroups: ids of those that it bears on. pin: the file or object. place: the living cgroup that is reclaimed from.
    file and texts: the kernel's file that is written, and what, one text after the other. processes: who would have
    to let go. command: what an operator would type.
    syncs: what is dirty is written to the disks. obstacle: what may keep it from helping.
    """

    rung: Rung
    what: str
    cost: str
    cgroups: tuple[int, ...] = ()
    pin: Pin | None = None
    place: str | None = None
    file: str | None = None
    texts: tuple[str, ...] = ()
    syncs: bool = False
    processes: tuple[Holder, ...] = ()
    command: str | None = None
    obstacle: str | None = None


class Demand(Struct, frozen=True):
    """A dying cgroup and, for each thing that holds it, the rungs that may free it; no rung: nothing is known to.

    pages: memory is charged to it, or what holds it is not wholly known. references: those that nobody is known to
    have; None: not counted. bytes: charged to it.
    """

    id: int
    ways: frozenset[tuple[Rung, ...]]
    pages: bool
    references: int | None
    bytes: int = 0


class Group(Struct, frozen=True):
    """Dying cgroups with the same living ancestor and unit. demands: one for each; none where they have no names."""

    ancestor: str
    unit: str | None
    bytes: int
    demands: tuple[Demand, ...]


class Plan(Struct, frozen=True):
    """What could be done: groups, the largest first, and every step once, in the order of the ladder."""

    groups: tuple[Group, ...]
    steps: tuple[Step, ...]
    gaps: tuple[Gap, ...] = ()


class StepResult(Struct, frozen=True):
    """What became of a step. done: the kernel took it; note: why not, or what was less than asked."""

    step: Step
    done: bool
    note: str | None = None


class Figures(Struct, frozen=True):
    """What a rung is measured by; None: not known. dying: of those aimed at; dying_on_host: the kernel's count."""

    dying: int | None
    dying_on_host: int | None
    sunreclaim_bytes: int | None
    percpu_bytes: int | None


class RungResult(Struct, frozen=True):
    """A rung that was climbed, measured before and after; after None: interrupted on it."""

    rung: Rung
    steps: tuple[StepResult, ...]
    before: Figures
    after: Figures | None


class Result(StrEnum):
    """What a recovery says of a group."""

    RECOVERED = "recovered"
    PARTLY = "partly recovered"
    RECOVERABLE = "recoverable"
    RESTART = "needs restart"
    REBOOT = "reboot only"
    NOT_YET = "not recovered yet"


class Outcome(Struct, frozen=True):
    """What a group came to. nr_left None: they have no names here. bytes: charged to those left.

    needs: how many of those left the next rung of each would free; None as a rung: nothing that is known.
    steps: those of the rungs that are left. processes: who is known to keep those that need a restart.
    because: why a reboot, or why it is not recovered.
    """

    ancestor: str
    unit: str | None
    result: Result
    nr_freed: int | None
    nr_left: int | None
    bytes: int
    needs: tuple[tuple[Rung | None, int], ...] = ()
    steps: tuple[Step, ...] = ()
    processes: tuple[Holder, ...] = ()
    because: str | None = None


class Recovery(Struct, frozen=True):
    """A recovery, or the plan of one. up_to None: nothing was to be done. interrupted: it was ended by a signal.

    dying_on_host: the kernel's count at the end, in whatever place; None: not known. container: the signs that it was
    run inside of one, whose memory this is not.
    """

    backend: str
    up_to: Rung | None
    target: str | None
    rungs: tuple[RungResult, ...]
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    gaps: tuple[Gap, ...] = ()
    dying_on_host: int | None = None
    container: Container | None = None

    @property
    def sees_nothing(self) -> bool:
        """Whether more are dying than on a fresh host and neither their names nor their memory can be seen."""
        unseen = not self.outcomes and self.backend not in BACKENDS_BY_NAME
        return unseen and (self.dying_on_host is None or self.dying_on_host > NORMAL_DYING)
