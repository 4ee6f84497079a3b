"""What an experiment of the laboratory made, what was expected of it, and what was seen."""

from msgspec import Struct

from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.gap import Gap


class Terms(Struct, frozen=True):
    """What decides how an experiment must end: the hierarchy's version, and what this kernel hands to the parent.

    pages_reparented, kernel_objects_reparented: of a removed cgroup; None: its symbols are not shown.
    """

    version: int
    pages_reparented: bool | None
    kernel_objects_reparented: bool | None


class Expectation(Struct, frozen=True):
    """How many dying cgroups one that was made leaves: an interval from 0 to 1, and the reason."""

    low: float
    high: float
    why: str


class Moment(Struct, frozen=True):
    """One reading on the way. dying: more than before the experiment; None: cannot be counted here."""

    seconds: float
    made: int
    dying: int | None
    sunreclaim_bytes: int | None
    percpu_bytes: int | None


class Each(Struct, frozen=True):
    """What one cgroup took of new memory, with bounds.

    told: there are enough of them, and the bounds are narrow enough, to call it what one costs.
    """

    span: Span
    told: bool


class Reproduction(Struct, frozen=True):
    """A leak that was made on purpose.

    asked, made: cgroups, or starts of a unit. dying, live: what they left below `cgroup`; dying None: not counted.
    source: who counted. shared: the count is the whole host's, so that others' cgroups may be in it.
    slab, percpu: what one took (SUnreclaim, Percpu); None: not known, or none is left. model: what one costs here by
    unreclaim's own model. cut_short: why fewer were made than asked for.
    """

    kind: str
    title: str
    does: str
    cgroup: str
    places: tuple[str, ...]
    terms: Terms
    asked: int
    made: int
    seconds: float
    expected: Expectation
    dying: int | None
    live: int
    source: str
    shared: bool
    agrees: bool | None
    slab: Each | None
    percpu: Each | None
    model: DyingCost
    moments: tuple[Moment, ...]
    cut_short: str | None = None
    gaps: tuple[Gap, ...] = ()


class Batch(Struct, frozen=True):
    """So many starts of one of two units in a row. second: which of the two.

    made: cgroups in the hierarchy where most were made; left: of them not freed when the batch had settled.
    hierarchies: in how many they were made. sunreclaim_bytes, percpu_bytes: how much more there was after it. None of
    the last three: the units have no memory cgroups.
    """

    second: bool
    starts: int
    made: int
    left: int | None
    hierarchies: int
    seconds: float
    sunreclaim_bytes: int | None = None
    percpu_bytes: int | None = None


class Difference(Struct, frozen=True):
    """A figure per start of both units, and the first minus the second with a 95 % interval."""

    first: float
    second: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Tell whether the interval leaves no doubt that there is a difference."""
        return self.low > 0 or self.high < 0


class Comparison(Struct, frozen=True):
    """Two units, started in turns. labels: what they are called. starts: of each.

    system: where that was: systemd's version, and on what. conclusions: plain sentences, the one on cgroups first.
    """

    labels: tuple[str, str]
    starts: int
    system: str
    made: Difference
    left: Difference | None
    bytes: Difference | None
    conclusions: tuple[str, ...]
    batches: tuple[Batch, ...]
    gaps: tuple[Gap, ...] = ()
