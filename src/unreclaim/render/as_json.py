"""JSON of every command: the output contract. Keys may be added, never renamed; None is a fact that is not known."""

from collections.abc import Mapping

import msgspec

from unreclaim.model.diagnosis import Diagnosis, DyingCost
from unreclaim.model.dying import Count
from unreclaim.model.finding import Finding, Verdict
from unreclaim.model.gap import Gap
from unreclaim.model.growth import Rate
from unreclaim.model.ledger import Ledger

Json = Mapping[str, object] | list[object] | str | float | bool | None


def encode(document: object, *, pretty: bool = True) -> str:
    """Write a document as JSON text; bytes that were no UTF-8 appear as escapes."""
    raw = msgspec.json.encode(_printable(document))
    return (msgspec.json.format(raw, indent=2) if pretty else raw).decode()


def _printable(value: object) -> object:
    """Replace what JSON cannot hold: surrogates (undecodable bytes of a name), and integers above 64 bits."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, object]:
    """Build the document of ``unreclaim diagnose --json``."""
    return {
        "schema": "unreclaim.diagnose/1",
        "host": _host(diagnosis),
        "window_seconds": round(diagnosis.window_seconds, 2),
        "readings": diagnosis.growth.readings,
        "captured": diagnosis.captured,
        "memory": memory_document(diagnosis),
        "cgroups": {count.name: count_document(count) for count in diagnosis.counts},
        "subtrees": _subtrees(diagnosis),
        "residual_charges": _residues(diagnosis),
        "dying_cost": _cost(diagnosis.cost),
        "fingerprint": None if diagnosis.fingerprint is None else msgspec.to_builtins(diagnosis.fingerprint),
        "growth": {field: _rate(rate) for field, rate in diagnosis.growth.rates.items()},
        "since_boot": {
            field: {f"at_most_{bound.unit}_per_day": round(bound.at_most_per_day, 1)}
            for field, bound in diagnosis.growth.since_boot.items()
        },
        "slab_caches": [
            {
                "name": use.name,
                "objects": use.objects,
                "active_objects": use.active_objects,
                "object_size_bytes": use.object_size_bytes,
                "size_bytes": use.size_bytes,
                "growth_bytes_per_day": None if use.growth_bytes_per_day is None else round(use.growth_bytes_per_day),
                "merged_with": list(use.merged_with),
            }
            for use in diagnosis.slabs
        ],
        "processes": [msgspec.to_builtins(process) for process in diagnosis.last.processes],
        "pressure": msgspec.to_builtins(diagnosis.last.pressure),
        "findings": [finding_document(finding) for finding in diagnosis.findings],
        "verdict": verdict_document(diagnosis.verdict),
        "gaps": gaps_document(diagnosis.gaps),
    }


def status_document(diagnosis: Diagnosis, exit_code: int) -> dict[str, object]:
    """Build the document of ``unreclaim status --json``."""
    host = diagnosis.host
    return {
        "schema": "unreclaim.status/1",
        "state": diagnosis.verdict.state,
        "exit_code": exit_code,
        "summary": diagnosis.verdict.summary,
        "host": {
            "hostname": host.hostname,
            "kernel": host.kernel,
            "uptime_seconds": diagnosis.last.uptime_seconds,
        },
        "memory": memory_document(diagnosis),
        "cgroups": {count.name: count_document(count) for count in diagnosis.counts},
        "gaps": gaps_document(diagnosis.gaps),
    }


def _host(diagnosis: Diagnosis) -> dict[str, object]:
    host = diagnosis.host
    return {
        "hostname": host.hostname,
        "kernel": host.kernel,
        "architecture": host.architecture,
        "os": None if host.os is None else msgspec.to_builtins(host.os),
        "boot_id": host.boot_id,
        "uptime_seconds": diagnosis.last.uptime_seconds,
        "cgroup_mode": diagnosis.cgroup_mode,
        "container": None if host.container is None else msgspec.to_builtins(host.container),
        "cpus_possible": host.cpus_possible,
        "cpus_online": host.cpus_online,
        "numa_nodes": host.numa_nodes,
        "page_size_bytes": host.page_size_bytes,
        "mem_total_bytes": diagnosis.ledger.mem_total_bytes if diagnosis.ledger else None,
    }


def memory_document(diagnosis: Diagnosis) -> dict[str, object] | None:
    """Give every line of /proc/meminfo that the kernel printed, the four that matter always, and the ledger."""
    info, ledger = diagnosis.last.meminfo, diagnosis.ledger
    if info is None or ledger is None:
        return None
    always = ("sunreclaim_bytes", "sreclaimable_bytes", "percpu_bytes", "kernel_stack_bytes")
    return {
        **dict.fromkeys(always),
        **info.values,
        "unaccounted_bytes": ledger.unaccounted_bytes,
        "unaccounted_low_bytes": ledger.unaccounted_low_bytes,
        "unaccounted_high_bytes": ledger.unaccounted_high_bytes,
        "unknown_lines": msgspec.to_builtins(info.unknown),
        "ledger": _ledger(ledger),
    }


def _ledger(ledger: Ledger) -> list[object]:
    return [
        {
            "id": line.id,
            "title": line.title,
            "size_bytes": line.size_bytes,
            "reclaimable": line.reclaimable,
            "relation": line.relation,
        }
        for line in ledger.lines
    ]


def count_document(count: Count) -> dict[str, object]:
    """Give one controller's live and dying cgroups with the source of the figures."""
    return {
        "live": count.live,
        "dying": count.dying,
        "dying_low": count.low,
        "dying_high": count.high,
        "source": count.source,
        "weakness": count.weakness,
    }


def _subtrees(diagnosis: Diagnosis) -> list[object]:
    """Give dying cgroups below each upper cgroup, where the kernel counts them per cgroup (v2)."""
    rows: list[object] = []
    for hierarchy in diagnosis.last.hierarchies:
        for subtree in hierarchy.subtrees:
            stat = subtree.stat
            if stat is not None and stat.nr_dying_descendants:
                dying = stat.nr_dying_subsys.get("memory")
                rows.append(
                    {
                        "path": subtree.path,
                        "cgroup_id": subtree.inode,
                        "live": stat.nr_descendants + 1,
                        "dying": stat.nr_dying_descendants,
                        "dying_memory": dying,
                    }
                )
    return rows


def _residues(diagnosis: Diagnosis) -> list[object] | None:
    if diagnosis.residues is None:
        return None
    return [
        {"path": residue.path, "file_bytes": residue.file_bytes, "shmem_bytes": residue.shmem_bytes}
        for residue in diagnosis.residues
    ]


def _cost(cost: DyingCost) -> dict[str, object]:
    document: dict[str, object] = {}
    for part, name in ((cost.slab, "slab"), (cost.percpu, "percpu")):
        for end in ("middle", "low", "high"):
            key = f"{name}_bytes_each" if end == "middle" else f"{name}_{end}_bytes_each"
            document[key] = None if part is None else getattr(part, end)
    for end in ("middle", "low", "high"):
        key = "total_bytes" if end == "middle" else f"total_{end}_bytes"
        document[key] = None if cost.total is None else getattr(cost.total, end)
    for share in ("slab_share", "percpu_share"):
        value = getattr(cost, share)
        document[share] = None if value is None else round(value, 4)
    return {**document, "source": cost.source}


def _rate(rate: Rate) -> dict[str, object]:
    return {
        f"{rate.unit}_per_day": round(rate.per_day, 1),
        "low": round(rate.low, 1),
        "high": round(rate.high, 1),
        "change": rate.change,
        "unit": rate.unit,
    }


def finding_document(finding: Finding) -> dict[str, object]:
    """Give a finding with all its texts."""
    document: dict[str, object] = msgspec.to_builtins(finding)
    return document


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """Give the verdict with all its texts."""
    document: dict[str, object] = msgspec.to_builtins(verdict)
    return document


def gaps_document(gaps: tuple[Gap, ...]) -> list[object]:
    """Give what could not be seen."""
    return [{"what": gap.what, "why": gap.why, "remedy": gap.remedy} for gap in gaps]
