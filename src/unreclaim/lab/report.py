"""The report card of a kernel: which leaks it has, what each costs, and which rung of the ladder frees it."""

from typing import ClassVar

from msgspec import Struct

from unreclaim.base.units import format_bytes
from unreclaim.lab.card import Card, head_line, read_found, today
from unreclaim.lab.errors import LabError

TITLES = {
    "empty": "nothing",
    "dentries": "left names in the directory cache",
    "page-cache": "wrote a page of a file of its own",
    "shared-log": "appended a page to a shared log",
    "tmpfs": "wrote a page of a tmpfs file",
    "memfd": "passed a memfd on",
    "sockets": "passed a listening socket on",
}
"""What the process in each cgroup did, by the name of the kind."""

CAVEAT = (
    "Bytes are the growth of SUnreclaim and Percpu while the cgroups were made, divided by those that stayed. They hold"
    " what the slab allocator and the per-CPU allocator took in advance, and sockets and inodes themselves; what an"
    " earlier row had freed is used again. Numbers of cgroups are exact; judge by them."
)


class Rung(Struct, frozen=True):
    """One rung, tried on a set of its own: how many were dying before it, and how many of them it freed."""

    name: str
    dying: int
    freed: int

    @property
    def frees(self) -> bool:
        """Tell whether it frees the kind: a few may stay, such as one whose page waits on a CPU's list."""
        return self.dying > 0 and self.freed * 5 >= self.dying * 4


class Trial(Struct, frozen=True):
    """One kind of leak: of `made` cgroups `dying` stayed, and memory grew by so much meanwhile."""

    kind: str
    made: int
    dying: int
    sunreclaim_delta_bytes: int | None
    percpu_delta_bytes: int | None
    rungs: tuple[Rung, ...]

    @property
    def leaks(self) -> bool:
        """Tell whether most of the cgroups stayed."""
        return self.dying * 2 > self.made

    def each_bytes(self, delta: int | None) -> int | None:
        """Give a growth for each cgroup that stayed; None where none did, or it is not known."""
        return delta // self.dying if self.leaks and delta is not None else None


class GuestReport(Struct, frozen=True):
    """What the guest found."""

    release: str
    version: str
    cgroup: str
    memory: bool
    trials: tuple[Trial, ...]
    features: dict[str, bool | None] = {}


class ReportCard(Card, frozen=True):
    """A kernel's report card."""

    experiment: ClassVar[str] = "kernel"
    kernel: GuestReport


def make_card(raw: bytes, suite: str | None, accelerator: str, memory_mib: int, cpus: int) -> ReportCard:
    """Make a card of the document that the guest left."""
    found = read_found(raw, GuestReport)
    if not found.memory:
        why = f"kernel {found.release} has no memory controller on cgroup {found.cgroup}"
        raise LabError("lab kernel", why, hint="try the other --cgroup" if found.cgroup == "v1" else None)
    return ReportCard(suite, today(), accelerator, memory_mib, cpus, found)


def verdict(card: ReportCard) -> str:
    """Say in a sentence whether this kernel cures the leaks that it may be an upgrade from."""
    stays = {trial.kind: trial.leaks for trial in card.kernel.trials}
    files = [kind for kind in ("page-cache", "shared-log", "tmpfs", "memfd") if stays.get(kind)]
    name = f"On {card.kernel.release} (cgroup {card.kernel.cgroup})"
    if not files and not stays.get("sockets"):
        return f"{name} nothing that was tried holds a removed cgroup: an upgrade to it cures all of them."
    if not files:
        return f"{name} neither page cache nor tmpfs holds removed cgroups: an upgrade cures those. Sockets still do."
    by = [
        what
        for what, kinds in (("page cache", {"page-cache", "shared-log"}), ("tmpfs or memfd", {"tmpfs", "memfd"}))
        if kinds & {*files}
    ]
    cures = "does not cure that" if len(by) == 1 else "cures neither the one nor the other"
    return f"{name} removed cgroups stay, held by {' and '.join(by)}: an upgrade to it {cures}."


def card_text(card: ReportCard) -> str:
    """Write a card for people."""
    kernel = card.kernel
    lines = [
        head_line(card, kernel.release, f"cgroup {kernel.cgroup}"),
        "",
        verdict(card),
        "",
        "In each cgroup one process ...           dying     slab  per-CPU   freed by",
    ]
    for trial in kernel.trials:
        sizes = (trial.each_bytes(trial.sunreclaim_delta_bytes), trial.each_bytes(trial.percpu_delta_bytes))
        slab, percpu = ("-" if size is None else format_bytes(size) for size in sizes)
        count = f"{trial.dying} of {trial.made}"
        lines.append(f"  {TITLES[trial.kind]:<36}{count:>12} {slab:>8} {percpu:>8}   {freed_by(trial)}".rstrip())
    has = [name for name, there in kernel.features.items() if there]
    lacks = [name for name, there in kernel.features.items() if not there]
    lines += ["", f"It has     {', '.join(has) or 'none of what was looked for'}"]
    lines += [f"It lacks   {', '.join(lacks) or 'nothing of what was looked for'}", "", CAVEAT]
    return "\n".join(lines) + "\n"


def freed_by(trial: Trial) -> str:
    """Name the rungs that free a kind, the least invasive first."""
    if not trial.leaks:
        return ""
    return ", ".join(rung.name for rung in trial.rungs if rung.frees) or "nothing that was tried"
