"""Who was started how often, what each start leaves behind, and which live cgroups nobody removes."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.model.diagnosis import Span
from unreclaim.model.gap import Gap
from unreclaim.model.unit import Unit


class StartKind(StrEnum):
    """Why something is started again and again; SERVICE and OTHER: by somebody, and systemd does not say why."""

    RESTART_LOOP = "restart loop"
    TIMER = "timer"
    SOCKET = "socket instance"
    SESSION = "session"
    SCOPE = "scope"
    TRANSIENT = "transient"
    SERVICE = "service"
    CONTAINER = "container"
    OTHER = "other"


class Starts(Struct, frozen=True):
    """Starts of one unit, or of all whose names differ in instance or number alone, as the journal tells them.

    unit: folded (``getty@*.service``). user: whose systemd; None: PID 1's. names: how many different units.
    starts: each made one cgroup. failed: of them, those that did not come up. restarts: automatic ones.
    times: of the starts after a given moment, in seconds since 1970.
    """

    unit: str
    user: int | None
    names: int
    starts: int
    failed: int
    restarts: int
    last_unix_seconds: float
    times: tuple[float, ...] = ()


class JournalCount(Struct, frozen=True):
    """All starts that the journal tells.

    without_id: starts that cannot be told apart. dropped: lost messages. cut_short: it was not read to its end.
    """

    sources: tuple[Starts, ...]
    without_id: int
    dropped: int
    cut_short: bool = False


class JournalSpan(Struct, frozen=True):
    """The time over which starts are counted. known_unix_seconds: since when the journal knows; None: not at all."""

    from_unix_seconds: float | None
    known_unix_seconds: float | None
    until_unix_seconds: float


class Session(Struct, frozen=True):
    """A session of logind: its id, user's name and state (``active``, ``online``, ``closing``)."""

    id: str
    user: str
    state: str | None


class BusView(Struct, frozen=True):
    """What D-Bus tells. units: all loaded, names and states alone; details: of some, all. sessions None: no logind."""

    version: int | None
    boot_unix_seconds: float | None
    units: tuple[Unit, ...]
    details: tuple[Unit, ...] = ()
    sessions: tuple[Session, ...] | None = None


class UnitRow(Struct, frozen=True):
    """One source of cgroups.

    basis: who counted: ``journal``, ``NRestarts`` or ``trace``. at_least: there may have been more. unit: what systemd
    says of it, where one loaded unit stands for the row. dying: its dying memory cgroups now; None: not known. traced:
    cgroups that it made while a trace ran.
    """

    name: str
    kind: StartKind
    starts: int
    basis: str
    at_least: bool
    names: int = 1
    user: int | None = None
    failed: int | None = None
    starts_per_day: float | None = None
    last_unix_seconds: float | None = None
    nr_restarts: int | None = None
    unit: Unit | None = None
    dying: int | None = None
    slab_bytes: Span | None = None
    percpu_bytes: Span | None = None
    traced: int | None = None

    @property
    def dying_per_start(self) -> float | None:
        """Give how many of its cgroups stay, of each that it makes; of those since boot that are still there."""
        return None if self.dying is None or not self.starts else self.dying / self.starts


class Pile(Struct, frozen=True):
    """Live cgroups that nobody removes: what they are, how many, some of their names, and what to do."""

    what: str
    number: int
    names: tuple[str, ...]
    remedy: str


class CycleCost(Struct, frozen=True):
    """What the starts of one source cost within a window. bytes_each with its 95 % interval; None: cannot be told.

    bytes: all of its starts in the window. like: the source whose starts came at the same pace, so that the two cannot
    be told apart; its row has the bytes of both.
    """

    name: str
    starts: int
    bytes: int
    bytes_each: float | None
    low: float | None
    high: float | None
    like: str | None = None


class WindowCost(Struct, frozen=True):
    """Growth of SUnreclaim and Percpu within a window: the rows and what no row explains add up to it."""

    seconds: float
    growth_bytes: int
    rows: tuple[CycleCost, ...]
    unexplained_bytes: int


class UnitSurvey(Struct, frozen=True):
    """All of ``unreclaim units``. span: the time over which starts were counted."""

    span: JournalSpan
    rows: tuple[UnitRow, ...]
    piles: tuple[Pile, ...]
    window: WindowCost | None
    systemd_version: int | None
    cost_source: str | None
    gaps: tuple[Gap, ...]
