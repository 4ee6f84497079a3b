"""Joins every judgement over one observation: the whole of room `analysis` behind one function."""

from unreclaim.analysis.cost import estimate_cost
from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.growth import measure_growth
from unreclaim.analysis.residue import count_untold, counter_slack_bytes, find_residues
from unreclaim.analysis.signatures import match_signatures
from unreclaim.analysis.slab import rank_slabs, read_fingerprint
from unreclaim.analysis.verdict import judge
from unreclaim.model.cgroups import cgroup_mode
from unreclaim.model.diagnosis import Diagnosis, Residue
from unreclaim.model.dying import count_controllers, count_memory, count_unified
from unreclaim.model.gap import Gap
from unreclaim.model.ledger import build_ledger
from unreclaim.model.sample import Observation, Sample


def diagnose(observation: Observation) -> Diagnosis:
    """Judge one host from its samples."""
    evidence = weigh(observation)
    findings = match_signatures(evidence)
    last = observation.last
    return Diagnosis(
        host=observation.host,
        cgroup_mode=cgroup_mode(last.hierarchies),
        window_seconds=observation.window_seconds,
        last=last,
        ledger=evidence.ledger,
        counts=count_controllers(last),
        cost=evidence.cost,
        residues=evidence.residues,
        fingerprint=evidence.fingerprint,
        growth=evidence.growth,
        slabs=rank_slabs(observation),
        findings=findings,
        verdict=judge(evidence, findings),
        gaps=_gaps(observation),
        captured=observation.captured,
    )


def weigh(observation: Observation) -> Evidence:
    """Work out what the verdict and the signatures stand on."""
    last = observation.last
    memory = count_memory(last)
    slack = counter_slack_bytes(observation.host)
    return Evidence(
        observation=observation,
        ledger=build_ledger(last),
        memory=memory,
        unified=count_unified(last),
        cost=estimate_cost(observation.host, last, memory),
        residues=_residues(last, slack),
        earlier_residues=_residues(observation.first, slack),
        fingerprint=read_fingerprint(observation, memory),
        growth=measure_growth(observation),
    )


def _residues(sample: Sample, slack_bytes: int | None) -> tuple[Residue, ...] | None:
    """Give what dying cgroups hold; None: the charges do not say it of most of them."""
    if sample.charges is None or _mostly_untold(sample):
        return None
    return find_residues(sample.charges, slack_bytes)


def _mostly_untold(sample: Sample) -> bool:
    count = count_memory(sample)
    return 2 * count_untold(sample.charges or ()) > ((count.dying if count else None) or 0)


def _gaps(observation: Observation) -> tuple[Gap, ...]:
    """Give every gap once, those of the last sample first."""
    gaps = dict.fromkeys((*observation.last.gaps, *observation.first.gaps, *observation.gaps))
    for count in count_controllers(observation.last):
        if count.name in ("memory", "unified") and count.dying is None and count.weakness:
            gaps[Gap(f"dying cgroups ({count.name})", count.weakness, "run on the host itself")] = None
    info = observation.last.meminfo
    if info is not None and (info.get("sunreclaim_bytes") is None or not info.mem_total_bytes):
        gaps[Gap("memory figures", "/proc/meminfo has no SUnreclaim line, or a MemTotal of 0")] = None
    elif info is not None and info.get("percpu_bytes") is None:
        gaps[Gap("per-CPU memory", "/proc/meminfo has no Percpu line (since 4.20), so it is in no sum here")] = None
    if _mostly_untold(observation.last):
        why = "cgroup v2 does not tell the pages of dying cgroups from those of processes beside them"
        gaps[Gap("what dying cgroups hold", why, "run unreclaim census on the host itself")] = None
    if observation.last.hierarchies and observation.last.memory_hierarchy() is None:
        gaps[Gap("dying cgroups (memory)", "no hierarchy with the memory controller could be read")] = None
    return tuple(gaps)
