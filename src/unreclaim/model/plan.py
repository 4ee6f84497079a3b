"""A plan against churn: which settings make a unit's cgroups fewer or cheaper, and what they will come to."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.model.gap import Gap
from unreclaim.model.growth import Rate


class Estimate(Struct, frozen=True):
    """An estimated figure with the ends of its 90 % interval."""

    middle: float
    low: float
    high: float


class StepKind(StrEnum):
    """Who does a step: this program writes drop-ins, the rest is advice."""

    DROP_IN = "drop-in"
    BOOT = "boot parameter"
    KERNEL = "kernel"
    TEXT = "text"


class Setting(Struct, frozen=True):
    """A line of a unit's file: ``name=value`` in ``[section]``."""

    unit: str
    section: str
    name: str
    value: str


class DropIn(Struct, frozen=True):
    """The whole text of a unit's drop-in."""

    unit: str
    text: str


class PlanStep(Struct, frozen=True):
    """A step against churn; the texts are sentences without a full stop.

    gate: the fact of this host that allows it, or that makes it useful. cost: what is lost by it.
    default: it is part of a plan that names no steps.
    """

    id: str
    kind: StepKind
    what: str
    why: str
    effect: str
    cost: str
    gate: str
    settings: tuple[Setting, ...] = ()
    default: bool = False


class Prediction(Struct, frozen=True):
    """What is now and what will be; None: it cannot be told. growth: kernel memory that cycles leave, in bytes."""

    cycles_per_day: Estimate | None = None
    cycles_per_day_after: Estimate | None = None
    growth_bytes_per_day: Estimate | None = None
    growth_bytes_per_day_after: Estimate | None = None


class Plan(Struct, frozen=True):
    """Steps for a unit, in the order in which to try them; those chosen are the ones that the drop-ins hold.

    ruled_out: advice that is heard often and does nothing.
    """

    unit: str
    steps: tuple[PlanStep, ...]
    chosen: tuple[str, ...]
    drop_ins: tuple[DropIn, ...]
    prediction: Prediction
    ruled_out: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


class UnitWatch(Struct, frozen=True):
    """How often a unit started within a time, and how the host's figures changed meanwhile, by field id.

    starts None: they could not be counted.
    """

    seconds: float
    starts: int | None
    cycles_per_day: Estimate | None
    rates: dict[str, Rate] = {}


class Enacted(Struct, frozen=True):
    """A plan that is in force. paths: the files that were written. verified: systemd-analyze had no new complaint."""

    unit: str
    paths: tuple[str, ...]
    runtime: bool
    verified: bool


class Undone(Struct, frozen=True):
    """Plans that are taken back: their units, and the files that are gone. restored: as in `Application`."""

    units: tuple[str, ...]
    paths: tuple[str, ...]
    restored: tuple[str, ...] = ()


class Judgement(Struct, frozen=True):
    """Whether a plan worked (None: it cannot be told), and why that is said."""

    worked: bool | None
    why: str


class Application(Struct, frozen=True):
    """A plan, the files that it means, and what came of it. enacted None: nothing was changed.

    after, judgement None: nobody asked to look again. restored: units whose plan a run that was killed had left half
    done, and that was taken back first.
    """

    plan: Plan
    before: UnitWatch
    paths: tuple[str, ...]
    runtime: bool
    enacted: Enacted | None = None
    after: UnitWatch | None = None
    judgement: Judgement | None = None
    restored: tuple[str, ...] = ()
