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
