"""The verdict: healthy, draining, growing, critical or cannot tell, with its evidence, its limits and what to run next.

Order of the questions: can it be told at all; is memory nearly gone; do cgroups come or go within the window; did they
pile up since boot; is kernel memory high for another reason. Thresholds and their reasons are in `impact`.
"""

from collections.abc import Iterator

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.impact import (
    BLIP,
    CRITICAL_SHARE,
    CRITICAL_SHARE_WHEN_SHORT,
    HIGH_BYTES,
    HIGH_SHARE,
    LONG_WINDOW_SECONDS,
    RESIDUE_PER_DYING_BYTES,
    SHORT_OF_MEMORY,
    WORTH_MENTION,
    kernel_objects_pin,
    matters,
)
from unreclaim.base.units import (
    SECONDS_PER_DAY,
    format_bytes,
    format_count,
    format_duration,
    format_number_of,
    format_percent,
)
from unreclaim.model.dying import NORMAL_DYING
from unreclaim.model.finding import Confidence, Finding, State, Verdict

_LONGER = "unreclaim diagnose --for 10m    a longer look tells growth from noise"
_DROP = "echo 2 > /proc/sys/vm/drop_caches    frees those that no process has open; repeat it"
_CAPTURE = "unreclaim capture    keeps the evidence, for a second look or a report"
# S7a, measured on 4.15 and 5.4: a cgroup of the v2 hierarchy that net_prio pins costs 4 to 5 kB of slab.
_UNIFIED_BYTES_EACH = 4_500
# What is said to explain growth; the price of a cgroup is known to a half at worst.
_MOST, _SOME = 0.5, 0.1


def judge(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict:
    """Weigh everything and say it in one sentence."""
    for question in (
        _cannot_tell_memory,
        _critical,
        _window,
        _accumulated,
        _unified,
        _piling_up,
        _high,
        _cannot_tell,
    ):
        verdict = question(evidence, findings)
        if verdict is not None:
            return verdict
    return _healthy(evidence)


def kernel_bytes(evidence: Evidence) -> int | None:
    """Give kernel memory that cannot be reclaimed: unreclaimable slab and per-CPU memory."""
    info = evidence.observation.last.meminfo
    slab = info.get("sunreclaim_bytes") if info else None
    return None if info is None or slab is None else slab + (info.get("percpu_bytes") or 0)


def _total(evidence: Evidence) -> int:
    return evidence.ledger.mem_total_bytes if evidence.ledger else 0


def _share(evidence: Evidence) -> float:
    size, total = kernel_bytes(evidence), _total(evidence)
    return size / total if size and total else 0.0


def _held(evidence: Evidence) -> str:
    size = kernel_bytes(evidence) or 0
    return (
        f"{format_bytes(size)} of kernel memory that cannot be reclaimed ({format_percent(_share(evidence))} of memory)"
    )


def _faked(evidence: Evidence) -> bool:
    container = evidence.observation.host.container
    return container is not None and "/proc/meminfo" in container.faked


def _cannot_tell_memory(evidence: Evidence, _findings: tuple[Finding, ...]) -> Verdict | None:
    if _faked(evidence):
        return Verdict(
            State.CANNOT_TELL,
            "this is inside a container whose memory figures lxcfs makes up; kernel memory belongs to the host.",
            Confidence.HIGH,
            ("lxcfs is mounted over /proc/meminfo",),
            next_commands=("run unreclaim diagnose on the container's host; the cure is there too",),
        )
    if kernel_bytes(evidence) is None or not _total(evidence):
        return Verdict(
            State.CANNOT_TELL,
            "the kernel's memory figures could not be read, so nothing can be said about this host.",
            Confidence.HIGH,
            next_commands=("see what is missing below",),
        )
    return None


def _critical(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    info = evidence.observation.last.meminfo
    available = info.get("mem_available_bytes") if info else None
    short = available is not None and available < SHORT_OF_MEMORY * _total(evidence)
    share = _share(evidence)
    if share < CRITICAL_SHARE and not (short and share >= CRITICAL_SHARE_WHEN_SHORT):
        return None
    left = "" if available is None else f"; {format_bytes(available)} are still available"
    return Verdict(
        State.CRITICAL,
        f"this host holds {_held(evidence)}{left}.{_recoverable(evidence, findings)}",
        Confidence.HIGH,
        _dying_lines(evidence, findings),
        _ruled_out(evidence, findings),
        (_CAPTURE,),
    )


def _window(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    rate, cost, ledger = evidence.dying_rate, evidence.cost, evidence.ledger
    window = format_duration(evidence.growth.window_seconds)
    if rate is not None and rate.rising and rate.change > BLIP and ledger is not None and _whole(evidence):
        each = cost.bytes_each
        if matters(rate.low * each, ledger.mem_total_bytes):
            return Verdict(
                State.GROWING,
                f"{format_count(rate.change)} more memory cgroups stayed behind in the kernel within {window}; "
                f"at that pace this host loses {format_bytes(rate.per_day * each)} of kernel memory a day."
                f"{_recoverable(evidence, findings)}",
                Confidence.HIGH if evidence.growth.window_seconds >= LONG_WINDOW_SECONDS else Confidence.MEDIUM,
                (*_dying_lines(evidence, findings), *_window_limit(evidence)),
                _ruled_out(evidence, findings),
                _next(evidence, findings),
            )
    if rate is not None and rate.falling and -rate.change > BLIP and _whole(evidence):
        return Verdict(
            State.DRAINING,
            f"{format_count(-rate.change)} dying memory cgroups were freed within {window}; "
            f"{format_count(evidence.dying or 0)} are left.",
            Confidence.HIGH,
            _dying_lines(evidence, findings),
            _ruled_out(evidence, findings),
            (_LONGER,),
        )
    return _byte_growth(evidence, findings)


def _byte_growth(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    """Judge bytes alone, which only a long window allows."""
    rates = [evidence.growth.rates.get(f"meminfo.{name}_bytes") for name in ("sunreclaim", "percpu")]
    known = [rate for rate in rates if rate is not None]
    low, middle, high = (sum(getattr(rate, end) for rate in known) for end in ("low", "per_day", "high"))
    if evidence.growth.window_seconds < LONG_WINDOW_SECONDS or low <= 0 or not matters(low, _total(evidence)):
        return None
    rate = evidence.dying_rate
    theirs = None if rate is None else rate.per_day * evidence.cost.bytes_each
    return Verdict(
        State.GROWING,
        f"kernel memory that cannot be reclaimed grows by {format_bytes(middle)} a day "
        f"({format_bytes(low)} to {format_bytes(high)}), and {_explained(evidence, findings, theirs, middle)}.",
        Confidence.MEDIUM,
        _dying_lines(evidence, findings),
        _ruled_out(evidence, findings),
        (_CAPTURE,),
    )


def _accumulated(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    dying, cost = evidence.dying, evidence.cost
    if dying is None or dying <= NORMAL_DYING or cost.total is None or not _whole(evidence):
        return None
    cure = _recoverable(evidence, findings)
    # Never more than there is: the price is of a like kernel.
    size = min(cost.total.middle, kernel_bytes(evidence) or 0)
    return _since_boot(evidence, findings, dying, size, "memory cgroups are dying", cure)


def _unified(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    """Judge the v2 hierarchy beside memory cgroups on v1: a reference leak shows there alone (S7a)."""
    count, hierarchy = evidence.unified, evidence.observation.last.unified_hierarchy()
    if count is None or count.dying is None or count.dying <= NORMAL_DYING or _is_v2(evidence):
        return None
    if hierarchy is None or hierarchy.whole is False:
        return None
    return _since_boot(
        evidence,
        findings,
        count.dying,
        count.dying * _UNIFIED_BYTES_EACH,
        "cgroups of the v2 hierarchy are dying",
    )


def _since_boot(
    evidence: Evidence, findings: tuple[Finding, ...], dying: int, size: int, what: str, cure: str = ""
) -> Verdict | None:
    uptime, total = evidence.observation.last.uptime_seconds, _total(evidence)
    if size < WORTH_MENTION * total:
        return None
    since = "since when is not known"
    if uptime:
        daily = size / uptime * SECONDS_PER_DAY
        if not matters(daily, total):
            return None
        since = f"up to {format_bytes(daily)} a day on average since boot, {format_duration(uptime)} ago"
    since += _lately(evidence, what)
    return Verdict(
        State.GROWING,
        f"{format_count(dying)} {what} and hold about {format_bytes(size)}: {since}.{cure}",
        Confidence.MEDIUM if uptime else Confidence.LOW,
        (*_dying_lines(evidence, findings), *_window_limit(evidence)),
        _ruled_out(evidence, findings),
        _next(evidence, findings),
    )


def _lately(evidence: Evidence, what: str) -> str:
    """Add that what piled up did not grow within a long window."""
    seconds = evidence.growth.window_seconds
    field = "memory" if what.startswith("memory") else "unified"
    rate = evidence.growth.rates.get(f"cgroups.{field}.dying")
    if seconds < LONG_WINDOW_SECONDS or rate is None or rate.change > BLIP:
        return ""
    return f", but no more within the {format_duration(seconds)} watched"


def _piling_up(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    for finding in findings:
        if finding.id == "S6":
            return Verdict(
                State.GROWING,
                f"{finding.evidence[0]}: {finding.title.partition(': ')[2]}.",
                finding.confidence,
                _window_limit(evidence),
                _ruled_out(evidence, findings),
                (_LONGER,),
            )
    return None


def _high(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    size = kernel_bytes(evidence) or 0
    if _share(evidence) < HIGH_SHARE or size < HIGH_BYTES:
        return None
    uptime = evidence.observation.last.uptime_seconds
    since = f" in the {format_duration(uptime)} since boot" if uptime else " since boot"
    cost = evidence.cost.total
    explained = _explained(evidence, findings, None if cost is None else cost.middle, size)
    grows = "whether it still grows, this window cannot tell"
    if evidence.growth.window_seconds >= LONG_WINDOW_SECONDS:
        # Growth that matters would have been told before.
        grows = f"within the {format_duration(evidence.growth.window_seconds)} watched it did not grow enough to matter"
    return Verdict(
        State.GROWING,
        f"this host has gathered {_held(evidence)}{since}, and {explained}; {grows}.",
        Confidence.LOW,
        (*_dying_lines(evidence, findings), *_window_limit(evidence)),
        _ruled_out(evidence, findings),
        (_LONGER, _CAPTURE),
    )


def _explained(evidence: Evidence, findings: tuple[Finding, ...], theirs: float | None, whole: float) -> str:
    """Say how much of so many bytes dying cgroups come to, or that it cannot be told."""
    if theirs is None or evidence.dying is None or not _whole(evidence):
        return "how much of it dying cgroups hold cannot be told from here"
    share = theirs / whole
    if share >= _MOST:
        return f"dying cgroups are most of it: about {format_bytes(min(theirs, whole))}"
    if any(finding.id == "S6" for finding in findings):
        return "live cgroups that pile up have a part in it"
    if share >= _SOME:
        return f"dying cgroups explain about {format_percent(share)} of it"
    return "dying cgroups do not explain it"


def _cannot_tell(evidence: Evidence, _findings: tuple[Finding, ...]) -> Verdict | None:
    if evidence.dying is not None and _whole(evidence):
        return None
    container = evidence.observation.host.container
    if container is not None:
        why = f"this is inside a container ({container.kind}), which sees only its own cgroups"
        command = "run unreclaim diagnose on the container's host; the cure is there too"
    elif evidence.memory is None:
        why = "no hierarchy with the memory controller could be read"
        command = "see what is missing below"
    else:
        why = evidence.memory.weakness or "the kernel does not say how many memory cgroups are dying"
        command = "see what is missing below"
    return Verdict(
        State.CANNOT_TELL,
        f"this host holds {_held(evidence)}, which is not much, but {why}: dying cgroups cannot be counted from here.",
        Confidence.HIGH,
        next_commands=(command,),
    )


def _healthy(evidence: Evidence) -> Verdict:
    dying, cost = evidence.dying or 0, evidence.cost.total
    few = "as after any boot" if dying <= NORMAL_DYING else "which cost too little here to matter"
    if dying > NORMAL_DYING and cost is not None and cost.middle >= WORTH_MENTION * _total(evidence):
        few = f"which hold about {format_bytes(cost.middle)} and came too slowly to matter"
    number = format_number_of(dying, "memory cgroup is", "memory cgroups are")
    return Verdict(
        State.HEALTHY,
        f"this host holds {_held(evidence)}, and {number} dying, {few}.",
        Confidence.HIGH if dying <= NORMAL_DYING else Confidence.MEDIUM,
        (
            *(
                f"{name} itself holds {format_bytes(size)}, which is its own memory and not the kernel's"
                for name, size, large in _processes(evidence)
                if large
            ),
            *_window_limit(evidence),
        ),
        _ruled_out(evidence, ()),
        (_LONGER,) if evidence.growth.window_seconds < LONG_WINDOW_SECONDS else (),
    )


def _whole(evidence: Evidence) -> bool:
    """Tell whether the count of dying memory cgroups is that of the whole host."""
    hierarchy = evidence.observation.last.memory_hierarchy()
    if hierarchy is None or hierarchy.whole is False:
        return False
    return hierarchy.whole is True or evidence.observation.host.container is None


def _dying_lines(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
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
    if _is_excluded(evidence, findings):
        lines.append(_other_pins(evidence))
    if evidence.unified is not None and evidence.unified.dying and memory is not None and not _is_v2(evidence):
        lines.append(f"{format_count(evidence.unified.dying)} cgroups of the v2 hierarchy are dying besides")
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


def _is_excluded(evidence: Evidence, findings: tuple[Finding, ...]) -> bool:
    """Tell whether page cache was looked for and something else holds the dying."""
    found = any(finding.id == "S1" for finding in findings)
    return not found and evidence.residues is not None and (evidence.dying or 0) > NORMAL_DYING


def _next(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    cure = (_DROP,) if _is_excluded(evidence, findings) and kernel_objects_pin(evidence.observation.host) else ()
    return (*cure, _LONGER, _CAPTURE)


def _recoverable(evidence: Evidence, findings: tuple[Finding, ...]) -> str:
    """Say that no reboot is needed, where the cause was seen (in the charges) and can be undone on a running host."""
    likely = any(finding.id == "S1" and finding.confidence != Confidence.LOW for finding in findings)
    return " It can be got back without a reboot." if likely and evidence.residues is not None else ""


def _is_v2(evidence: Evidence) -> bool:
    hierarchy = evidence.observation.last.memory_hierarchy()
    return hierarchy is not None and hierarchy.version == 2


def _window_limit(evidence: Evidence) -> tuple[str, ...]:
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


def _ruled_out(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    lines = [f"{name} itself: {format_bytes(size)}" for name, size, large in _processes(evidence) if not large]
    memory = evidence.memory
    if memory is not None and memory.live is not None and all(finding.id != "S6" for finding in findings):
        lines.append(f"live cgroups: {format_count(memory.live)}")
    return tuple(lines)


def _processes(evidence: Evidence) -> Iterator[tuple[str, int, bool]]:
    """Give PID 1 and the daemons with what they hold, and whether that is much: a tenth of memory, or 1 GiB."""
    for process in evidence.observation.last.processes:
        if process.rss_bytes is not None:
            name = f"PID 1 ({process.name})" if process.pid == 1 else process.name
            yield name, process.rss_bytes, process.rss_bytes >= min(HIGH_SHARE * _total(evidence), HIGH_BYTES)
