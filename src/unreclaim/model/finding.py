"""What was found: a known cause with its evidence, and the verdict over everything."""

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much a finding matters on this host."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Confidence(StrEnum):
    """How sure a finding is: high (measured here), medium (fits, one link not seen), low (possible)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(Struct, frozen=True):
    """A known cause seen on this host. id: that of its signature (``S1``); the texts are whole plain sentences."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    evidence: tuple[str, ...]
    recover: tuple[str, ...] = ()
    prevent: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


class State(StrEnum):
    """The verdict in a word."""

    HEALTHY = "healthy"
    DRAINING = "draining"
    GROWING = "growing"
    CRITICAL = "critical"
    CANNOT_TELL = "cannot tell"


class Verdict(Struct, frozen=True):
    """The verdict: one sentence, why, how sure, what was excluded, and what to run next."""

    state: State
    summary: str
    confidence: Confidence
    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()
