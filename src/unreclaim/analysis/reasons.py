"""What stands beside a verdict's sentence: what speaks for it, what its window could not have seen, what it is not."""

from collections.abc import Iterator

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.impact import (
    HIGH_BYTES,
    HIGH_SHARE,
    LONG_WINDOW_SECONDS,
    RESIDUE_PER_DYING_BYTES,
    kernel_objects_pin,
)
from unreclaim.base.units import format_bytes, format_count, format_duration, format_number_of, format_percent
from unreclaim.model.dying import NORMAL_DYING
from unreclaim.model.finding import Finding


def dying_lines(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Say how many are dying, what they cost and what share of kernel memory that is, and what does not hold them."""
    found = {finding.id for finding in findings}
    lines = []
    memory, cost = evidence.memory, evidence.cost
    if memory is not None and memory.dying is not None and "S1" not in found:
        number = format_number_of(memory.dying, "memory cgroup is", "memory cgroups are")
        lines.append(f"{number} dying (a fresh boot has up to {NORMAL_DYING})")
    if cost.total is not None and cost.total.middle:
        percpu = "" if cost.percpu is None else f" and {format_bytes(cost.percpu.middle)} of per-CPU memory"
        whole = format_bytes(cost.total.middle)
        lines.append(f"each costs about {format_bytes(cost.slab.middle)} of slab{percpu} here: {whole} in all")
    shares = ((cost.slab_share, "the unreclaimable slab"), (cost.percpu_share, "per-CPU memory"))
    parts = [f"{format_percent(share) if share <= 1 else 'more than all'} of {what}" for share, what in shares if share]
    if parts:
        too_dear = any(share is not None and share > 1 for share, _ in shares)
        lines.append(f"that is {' and '.join(parts)}{': they cost less here' if too_dear else ''}")
    if page_cache_is_excluded(evidence, findings):
        lines.append(_other_pins(evidence))
    if evidence.unified is not None and evidence.unified.dying and memory is not None and not evidence.is_v2:
        one, many = "cgroup of the v2 hierarchy is", "cgroups of the v2 hierarchy are"
        lines.append(f"{format_number_of(evidence.unified.dying, one, many)} dying besides")
    return tuple(lines)


def _other_pins(evidence: Evidence) -> str:
    """Say why page cache is not what holds them, or what holds them as a rule."""
    if kernel_objects_pin(evidence.observation.host):
        return (
            "page cache was not seen to hold them; before kernel 5.3 cached directory entries and inodes do, as a rule"
        )
    if (evidence.residue_file_bytes or 0) >= (evidence.dying or 0) * RESIDUE_PER_DYING_BYTES:
        return "page cache does not hold the new ones: what removed cgroups hold of it did not grow with them"
    return "page cache does not hold them: the charges of live cgroups leave too little of it over"


def page_cache_is_excluded(evidence: Evidence, findings: tuple[Finding, ...]) -> bool:
    """Tell whether page cache was looked for and something else holds the dying."""
    found = any(finding.id == "S1" for finding in findings)
    return not found and evidence.residues is not None and (evidence.dying or 0) > NORMAL_DYING


def window_limit(evidence: Evidence) -> tuple[str, ...]:
    """Say what the window could not have seen, or how wide it leaves the growth that it saw."""
    window = evidence.growth.window_seconds
    rate = evidence.dying_rate
    if window <= 0:
        why = "there is only one reading"
        if evidence.growth.readings > 1:
            why = "the time between the readings is not known"
        return (f"{why}, so growth cannot be seen, only what has piled up since boot",)
    if rate is None:
        return ()
    each = evidence.cost.bytes_each
    if rate.rising:
        low, high = format_bytes(rate.low * each), format_bytes(rate.high * each)
        return (f"{format_duration(window)} leave it between {low} and {high} a day, if it goes on like this",)
    if window >= LONG_WINDOW_SECONDS:
        return ()
    if rate.high <= 0:
        return ()
    return (f"a window of {format_duration(window)} cannot see growth below {format_bytes(rate.high * each)} a day",)


def ruled_out(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Name what is not the cause: PID 1 and daemons that hold little, and live cgroups that do not pile up."""
    lines = [f"{name} itself: {format_bytes(size)}" for name, size, large in daemons(evidence) if not large]
    memory = evidence.memory
    if memory is not None and memory.live is not None and all(finding.id != "S6" for finding in findings):
        lines.append(f"live cgroups: {format_count(memory.live)}")
    return tuple(lines)


def daemons(evidence: Evidence) -> Iterator[tuple[str, int, bool]]:
    """Give PID 1 and the daemons with what they hold, and whether that is much: a tenth of memory, or 1 GiB."""
    for process in evidence.observation.last.processes:
        if process.rss_bytes is not None:
            name = f"PID 1 ({process.name})" if process.pid == 1 else process.name
            yield name, process.rss_bytes, process.rss_bytes >= min(HIGH_SHARE * evidence.mem_total_bytes, HIGH_BYTES)
