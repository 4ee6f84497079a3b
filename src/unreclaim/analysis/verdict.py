"""The verdict: healthy, draining, growing, critical or cannot tell, with its evidence, its limits and what to run next.

Order of the questions: can it be told at all; is memory nearly gone; do cgroups come or go within the window; did they
pile up since boot; is kernel memory high for another reason. Thresholds and their reasons are in `impact`.
"""

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.impact import (
    BLIP,
    CRITICAL_SHARE,
    CRITICAL_SHARE_WHEN_SHORT,
    HIGH_BYTES,
    HIGH_SHARE,
    LONG_WINDOW_SECONDS,
    SHORT_OF_MEMORY,
    WORTH_MENTION,
    kernel_objects_pin,
    matters,
)
from unreclaim.analysis.reasons import daemons, dying_lines, page_cache_is_excluded, ruled_out, window_limit
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


def _held(evidence: Evidence) -> str:
    size, share = format_bytes(evidence.kernel_bytes or 0), format_percent(evidence.kernel_share)
    return f"{size} of kernel memory that cannot be reclaimed ({share} of memory)"


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
    if evidence.kernel_bytes is None or not evidence.mem_total_bytes:
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
    short = available is not None and available < SHORT_OF_MEMORY * evidence.mem_total_bytes
    share = evidence.kernel_share
    if share < CRITICAL_SHARE and not (short and share >= CRITICAL_SHARE_WHEN_SHORT):
        return None
    left = "" if available is None else f"; {format_bytes(available)} are still available"
    return Verdict(
        State.CRITICAL,
        f"this host holds {_held(evidence)}{left}.{_recoverable(evidence, findings)}",
        Confidence.HIGH,
        dying_lines(evidence, findings),
        ruled_out(evidence, findings),
        (_CAPTURE,),
    )


def _window(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    rate, cost, ledger = evidence.dying_rate, evidence.cost, evidence.ledger
    window = format_duration(evidence.growth.window_seconds)
    if rate is not None and rate.rising and rate.change > BLIP and ledger is not None and evidence.is_whole:
        each = cost.bytes_each
        if matters(rate.low * each, ledger.mem_total_bytes):
            return Verdict(
                State.GROWING,
                f"{format_count(rate.change)} more memory cgroups stayed behind in the kernel within {window}; "
                f"at that pace this host loses {format_bytes(rate.per_day * each)} of kernel memory a day."
                f"{_recoverable(evidence, findings)}",
                Confidence.HIGH if evidence.growth.window_seconds >= LONG_WINDOW_SECONDS else Confidence.MEDIUM,
                (*dying_lines(evidence, findings), *window_limit(evidence)),
                ruled_out(evidence, findings),
                _next(evidence, findings),
            )
    if rate is not None and rate.falling and -rate.change > BLIP and evidence.is_whole:
        return Verdict(
            State.DRAINING,
            f"{format_count(-rate.change)} dying memory cgroups were freed within {window}; "
            f"{format_count(evidence.dying or 0)} are left.",
            Confidence.HIGH,
            dying_lines(evidence, findings),
            ruled_out(evidence, findings),
            (_LONGER,),
        )
    return _byte_growth(evidence, findings)


def _byte_growth(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    """Judge bytes alone, which only a long window allows."""
    rates = [evidence.growth.rates.get(f"meminfo.{name}_bytes") for name in ("sunreclaim", "percpu")]
    known = [rate for rate in rates if rate is not None]
    low, middle, high = (sum(getattr(rate, end) for rate in known) for end in ("low", "per_day", "high"))
    if evidence.growth.window_seconds < LONG_WINDOW_SECONDS or low <= 0 or not matters(low, evidence.mem_total_bytes):
        return None
    rate = evidence.dying_rate
    theirs = None if rate is None else rate.per_day * evidence.cost.bytes_each
    return Verdict(
        State.GROWING,
        f"kernel memory that cannot be reclaimed grows by {format_bytes(middle)} a day "
        f"({format_bytes(low)} to {format_bytes(high)}), and {_explained(evidence, findings, theirs, middle)}.",
        Confidence.MEDIUM,
        dying_lines(evidence, findings),
        ruled_out(evidence, findings),
        (_CAPTURE,),
    )


def _accumulated(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    dying, cost = evidence.dying, evidence.cost
    if dying is None or dying <= NORMAL_DYING or cost.total is None or not evidence.is_whole:
        return None
    cure = _recoverable(evidence, findings)
    # Never more than there is: the price is of a like kernel.
    size = min(cost.total.middle, evidence.kernel_bytes or 0)
    return _since_boot(evidence, findings, dying, size, "memory cgroups are dying", cure)


def _unified(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    """Judge the v2 hierarchy beside memory cgroups on v1: a reference leak shows there alone (S7a)."""
    count, hierarchy = evidence.unified, evidence.observation.last.unified_hierarchy()
    if count is None or count.dying is None or count.dying <= NORMAL_DYING or evidence.is_v2:
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
    uptime, total = evidence.observation.last.uptime_seconds, evidence.mem_total_bytes
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
        (*dying_lines(evidence, findings), *window_limit(evidence)),
        ruled_out(evidence, findings),
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
                window_limit(evidence),
                ruled_out(evidence, findings),
                (_LONGER,),
            )
    return None


def _high(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict | None:
    size = evidence.kernel_bytes or 0
    if evidence.kernel_share < HIGH_SHARE or size < HIGH_BYTES:
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
        (*dying_lines(evidence, findings), *window_limit(evidence)),
        ruled_out(evidence, findings),
        (_LONGER, _CAPTURE),
    )


def _explained(evidence: Evidence, findings: tuple[Finding, ...], theirs: float | None, whole: float) -> str:
    """Say how much of so many bytes dying cgroups come to, or that it cannot be told."""
    if theirs is None or evidence.dying is None or not evidence.is_whole:
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
    if evidence.dying is not None and evidence.is_whole:
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
    if dying > NORMAL_DYING and cost is not None and cost.middle >= WORTH_MENTION * evidence.mem_total_bytes:
        few = f"which hold about {format_bytes(cost.middle)} and came too slowly to matter"
    number = format_number_of(dying, "memory cgroup is", "memory cgroups are")
    return Verdict(
        State.HEALTHY,
        f"this host holds {_held(evidence)}, and {number} dying, {few}.",
        Confidence.HIGH if dying <= NORMAL_DYING else Confidence.MEDIUM,
        (
            *(
                f"{name} itself holds {format_bytes(size)}, which is its own memory and not the kernel's"
                for name, size, large in daemons(evidence)
                if large
            ),
            *window_limit(evidence),
        ),
        ruled_out(evidence, ()),
        (_LONGER,) if evidence.growth.window_seconds < LONG_WINDOW_SECONDS else (),
    )


def _next(evidence: Evidence, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    host = evidence.observation.host
    if not page_cache_is_excluded(evidence, findings) or not kernel_objects_pin(host):
        return (_LONGER, _CAPTURE)
    return (_DROP if host.container is None else f"on the container's host: {_DROP}", _LONGER, _CAPTURE)


def _recoverable(evidence: Evidence, findings: tuple[Finding, ...]) -> str:
    """Say that no reboot is needed, where the cause was seen (in the charges) and can be undone on a running host."""
    likely = any(finding.id == "S1" and finding.confidence != Confidence.LOW for finding in findings)
    return " It can be got back without a reboot." if likely and evidence.residues is not None else ""
