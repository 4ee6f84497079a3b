"""Text for people: the verdict first, then why, what to do, what was ruled out, and what could not be seen.

Plain text of at most 100 columns that reads the same without colour. Colour marks the state alone.
"""

import textwrap
from collections.abc import Iterable

from unreclaim.base.units import format_bytes, format_count, format_duration
from unreclaim.model.diagnosis import Diagnosis, SlabUse
from unreclaim.model.finding import Confidence, Finding, State, Verdict
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container

WIDTH = 100
_LABEL = 10
_COLOURS = {
    State.HEALTHY: "32",
    State.DRAINING: "32",
    State.GROWING: "33",
    State.CRITICAL: "31",
    State.CANNOT_TELL: "35",
}
_SURE = {
    Confidence.HIGH: "",
    Confidence.MEDIUM: " (likely; one link of the chain was not seen)",
    Confidence.LOW: " (possible, not shown)",
}


def printable(text: str) -> str:
    """Make bytes that are no text, and control characters, visible: a cgroup's name may hold anything."""
    safe = text.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in safe)


def diagnosis_text(diagnosis: Diagnosis, *, colour: bool = False, full: bool = False) -> str:
    """Write a diagnosis; `full` adds the ledger, every gap and more slab caches."""
    verdict = diagnosis.verdict
    blocks = [
        _heading(diagnosis),
        _verdict_block(verdict, colour=colour),
    ]
    healthy = verdict.state == State.HEALTHY
    if healthy and not full:
        blocks.append(wrap(" ".join(_sentences(verdict.evidence))))
        blocks += [_finding_block(finding) for finding in diagnosis.findings]
    else:
        blocks += [
            _section("Why", verdict.evidence),
            *(_finding_block(finding) for finding in diagnosis.findings),
            container_block(diagnosis.host.container),
            _slab_block(diagnosis.slabs, 10 if full else 5),
            _ledger_block(diagnosis) if full else "",
            _section("Run next", verdict.next_commands),
            _row("Ruled out", "; ".join(verdict.ruled_out)),
        ]
    blocks.append(_gap_block(diagnosis.gaps, full=full))
    return "\n\n".join(block for block in blocks if block) + "\n"


def status_line(diagnosis: Diagnosis) -> str:
    """Write one line, as a Nagios plugin does: STATE - summary | performance data."""
    info = diagnosis.last.meminfo
    figures = []
    if info is not None:
        for name in ("sunreclaim_bytes", "percpu_bytes"):
            value = info.get(name)
            if value is not None:
                figures.append(f"{name.removesuffix('_bytes')}={value}B")
    count = diagnosis.count("memory")
    if count is not None and count.dying is not None:
        figures.append(f"dying={count.dying}")
    tail = f" | {' '.join(figures)}" if figures else ""
    state = diagnosis.verdict.state.upper()
    missing = f" Not seen: {', '.join(gap.what for gap in diagnosis.gaps)}." if diagnosis.gaps else ""
    # A bar may be in a cgroup's name; for Nagios it begins the performance data.
    said = f"{diagnosis.verdict.summary}{missing}".replace("|", "/")
    return printable(f"{state} - {said}{tail}") + "\n"


def _verdict_block(verdict: Verdict, *, colour: bool) -> str:
    word = verdict.state.upper()
    text = wrap(f"{word}: {verdict.summary[0].upper()}{verdict.summary[1:]}")
    return f"\033[1;{_COLOURS[verdict.state]}m{word}\033[0m{text[len(word) :]}" if colour else text


def _heading(diagnosis: Diagnosis) -> str:
    host = diagnosis.host
    uptime = diagnosis.last.uptime_seconds
    parts = [
        host.hostname or "unknown host",
        f"kernel {host.kernel}" if host.kernel else None,
        f"cgroups {diagnosis.cgroup_mode}",
        f"up {format_duration(uptime)}" if uptime is not None else None,
        f"inside a container ({host.container.kind})" if host.container else None,
        "from a capture" if diagnosis.captured else None,
    ]
    return wrap(" · ".join(part for part in parts if part))


def _finding_block(finding: Finding) -> str:
    lines = [wrap(f"{finding.id}  {finding.title}{_SURE[finding.confidence]}")]
    lines += [wrap(line.strip(), indent=4 if line.startswith(" ") else 2) for line in finding.evidence]
    lines += _steps("now", finding.recover)
    lines += _steps("to stop", finding.prevent)
    return "\n".join(lines)


def _steps(label: str, steps: Iterable[str]) -> list[str]:
    return [
        wrap(f"{label if number == 0 else '':<{_LABEL}}{step}", indent=2, hanging=2 + _LABEL)
        for number, step in enumerate(steps)
    ]


def container_block(container: Container | None, cure: str = "the cure is there too") -> str:
    """Say that the memory is not the container's, where its cure is, and how the container was told."""
    if container is None:
        return ""
    lines = [f"kernel memory, slab and per-CPU memory are the host's; {cure}"]
    if container.faked:
        lines.append(f"made up for this container by lxcfs: {', '.join(container.faked)}")
    lines += container.evidence
    return _section("Inside a container", lines)


def _slab_block(slabs: tuple[SlabUse, ...], number: int) -> str:
    if not slabs:
        return ""
    lines = ["Largest slab caches"]
    for use in slabs[:number]:
        size = "unknown" if use.size_bytes is None else format_bytes(use.size_bytes)
        growth = ""
        if use.growth_bytes_per_day:
            growth = f"  {'+' if use.growth_bytes_per_day > 0 else ''}{format_bytes(use.growth_bytes_per_day)} a day"
        merged = f"  (merged with {', '.join(use.merged_with[:2])}{' …' if len(use.merged_with) > 2 else ''})"
        lines.append(
            _clip(
                f"  {use.name:<24} {size:>9}  {format_count(use.objects):>11} x {use.object_size_bytes} B{growth}"
                f"{merged if use.merged_with else ''}"
            )
        )
    return "\n".join(lines)


def _ledger_block(diagnosis: Diagnosis) -> str:
    ledger = diagnosis.ledger
    if ledger is None:
        return ""
    lines = [f"Where all of {format_bytes(ledger.mem_total_bytes)} is"]
    for line in ledger.lines:
        if line.size_bytes is None:
            lines.append(f"  {line.title:<44} {'not said by this kernel':>24}")
        elif line.size_bytes:
            at_most = "  at most; overlaps another line" if line.relation == "at most" else ""
            lines.append(f"  {line.title:<44} {format_bytes(line.size_bytes):>10}{at_most}")
    low, high = format_bytes(ledger.unaccounted_low_bytes), format_bytes(ledger.unaccounted_high_bytes)
    between = "" if low == high else f"  ({low} to {high})"
    lines.append(f"  {'accounted for by no line':<44} {format_bytes(ledger.unaccounted_bytes):>10}{between}")
    return "\n".join(lines)


def _gap_block(gaps: tuple[Gap, ...], *, full: bool) -> str:
    if not gaps:
        return ""
    if full:
        return not_seen(gaps)
    remedies = dict.fromkeys(gap.remedy for gap in gaps if gap.remedy)
    text = "; ".join(f"{gap.what} ({gap.why})" for gap in gaps)
    return _row("Not seen", text + (f". To see more: {'; '.join(remedies)}" if remedies else ""))


def not_seen(gaps: Iterable[Gap]) -> str:
    """Write a line for each thing that could not be seen: what, why, and what would show it; empty: there is none."""
    return _section("Not seen", (f"{gap.what}: {gap.why}{f'; {gap.remedy}' if gap.remedy else ''}" for gap in gaps))


def _section(title: str, lines: Iterable[str]) -> str:
    body = [wrap(line.strip(), indent=4 if line.startswith(" ") else 2) for line in lines]
    return "\n".join([title, *body]) if body else ""


def _row(label: str, text: str) -> str:
    return wrap(f"{label:<{_LABEL}} {text}", hanging=_LABEL + 1) if text else ""


def _sentences(lines: Iterable[str]) -> list[str]:
    return [f"{line[0].upper()}{line[1:]}." for line in lines]


def wrap(text: str, *, indent: int = 0, hanging: int | None = None) -> str:
    """Break a line at `WIDTH` columns; `hanging` is the indent of the lines after the first."""
    lines = textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2 if hanging is None else hanging),
        break_on_hyphens=False,
    )
    # wrap() leaves a blank at the end of a line that is full where a word follows that is longer than a line.
    return "\n".join(line.rstrip() for line in lines)


def _clip(line: str) -> str:
    safe = printable(line)
    return safe if len(safe) <= WIDTH else safe[: WIDTH - 2] + " …"
