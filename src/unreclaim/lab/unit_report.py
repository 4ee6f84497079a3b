"""What units make and leave under a guest's systemd: cgroups a start, those left dying, by what, what frees them."""

from typing import ClassVar

from msgspec import Struct

from unreclaim.base.intervals import Z95, share_interval
from unreclaim.lab.card import Card, head_line, read_found, today


class Pinned(Struct, frozen=True):
    """What the census says holds some of a unit's cgroups: a kind of memory, and the file where it has one."""

    kind: str
    path: str | None
    cgroups: int


class Left(Struct, frozen=True):
    """How many were left dying after a rung; the rungs were climbed one after the other on the same cgroups."""

    name: str
    left: int


class UnitTrial(Struct, frozen=True):
    """One unit. made, left: cgroups in the hierarchy with the most of them; None: it `failed` for this reason.

    memory: its cgroups are memory cgroups. pins None: the census was not asked.
    """

    name: str
    group: str
    title: str
    settings: tuple[str, ...]
    starts: int
    made: int | None = None
    left: int | None = None
    hierarchies: int | None = None
    memory: bool | None = None
    seconds: float | None = None
    sunreclaim_delta_bytes: int | None = None
    percpu_delta_bytes: int | None = None
    pins: tuple[Pinned, ...] | None = None
    rungs: tuple[Left, ...] = ()
    failed: str | None = None

    @property
    def per_start(self) -> float | None:
        """Give the cgroups that a start makes, in one hierarchy."""
        return None if self.made is None else self.made / self.starts

    @property
    def interval(self) -> tuple[float, float] | None:
        """Give between which shares the cgroups are left, at 95 %; None: nothing was made."""
        return share_interval(self.left, self.made, Z95) if self.made and self.left is not None else None


class GuestUnits(Struct, frozen=True):
    """What a guest's systemd found. cgroup: ``v1``, ``v2`` or ``hybrid``."""

    release: str
    version: str
    systemd: str
    cgroup: str
    cmdline: str
    units: tuple[UnitTrial, ...]


class UnitCard(Card, frozen=True):
    """What a kernel's systemd found."""

    experiment: ClassVar[str] = "units"
    kernel: GuestUnits


def make_unit_card(raw: bytes, suite: str | None, accelerator: str, memory_mib: int, cpus: int) -> UnitCard:
    """Make a card of the document that the guest left."""
    return UnitCard(suite, today(), accelerator, memory_mib, cpus, read_found(raw, GuestUnits))


def left_text(trial: UnitTrial) -> str:
    """Give how many were left, and between which shares that is."""
    if trial.left is None or trial.interval is None:
        return "not measured"
    low, high = (round(100 * share, 1) for share in trial.interval)
    return f"{trial.left} of {trial.made} ({low:g}-{high:g} %)"


def freed_after(trial: UnitTrial) -> str:
    """Name the rung after which nearly none was left; nothing where there was nothing to free."""
    if not trial.rungs:
        return ""
    first = trial.left or 0
    done = next((rung.name for rung in trial.rungs if rung.left * 5 <= first), None)
    return done or f"{trial.rungs[-1].left} stay after all"


def pins_text(trial: UnitTrial) -> str:
    """Say what holds them."""
    return ", ".join(f"{pin.kind}{f' {pin.path}' if pin.path else ''} ({pin.cgroups})" for pin in trial.pins or ())


def unit_card_text(card: UnitCard) -> str:
    """Write a card for people."""
    found = card.kernel
    lines = [head_line(card, found.release, found.systemd, f"cgroup {found.cgroup}"), ""]
    for trial in found.units:
        if trial.failed is not None:
            lines.append(f"{trial.title}: not measured: {trial.failed}")
            continue
        made = "" if trial.per_start is None else f"{trial.per_start:.2f} cgroups a start"
        parts = [made, f"left dying {left_text(trial)}", freed_after(trial) and f"freed by {freed_after(trial)}"]
        lines.append(f"{trial.title}: {', '.join(part for part in parts if part)}")
        if trial.pins:
            lines.append(f"    held by {pins_text(trial)}")
    return "\n".join(lines) + "\n"
