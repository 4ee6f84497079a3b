"""The census of the running host, by the best way that it offers."""

from msgspec import Struct

from unreclaim.analysis.census import group_census
from unreclaim.analysis.residue import counter_slack_bytes, find_residues
from unreclaim.app.observe import Progress
from unreclaim.base.errors import UnreclaimError
from unreclaim.host.bpf.libbpf import BpfUnavailableError, Log
from unreclaim.host.census import read_census
from unreclaim.host.collect import collect_host, collect_sample, with_charges
from unreclaim.host.probe import Probe
from unreclaim.host.source import Source
from unreclaim.model.census import Census, CensusGroup, Pin, PinKind
from unreclaim.model.dying import Count, count_memory
from unreclaim.model.gap import Gap
from unreclaim.model.host import Host
from unreclaim.model.sample import Sample

RESIDUAL = "residual charge"


class CensusReport(Struct, frozen=True):
    """A census with its groups and the count that the kernel gives besides, as a second source."""

    census: Census
    groups: tuple[CensusGroup, ...]
    count: Count | None
    gaps: tuple[Gap, ...]


def take_census(
    source: Source, *, locked: bool = False, progress: Progress | None = None, log: Log | None = None
) -> CensusReport:
    """List every dying memory cgroup by BPF, or where that cannot be, what is held below which living ancestor."""
    root = source.roots[-1]
    sample = collect_sample(root)
    host, _ = collect_host(root, sample, page_size_bytes=source.page_size_bytes)
    hierarchy = sample.memory_hierarchy()
    if hierarchy is None:
        hint = "census needs the memory controller; see: unreclaim diagnose --full"
        raise UnreclaimError("census", "no hierarchy with the memory controller could be read", hint=hint)
    count = count_memory(sample)
    if not source.live:
        gap = Gap("dying cgroups by name", "a capture does not hold them", "run census on the host itself")
        return _by_residual_charge(with_charges(root, sample), host, count, gap)
    try:
        nodes = host.numa_nodes or 1
        census = read_census(Probe(root), hierarchy, nodes, locked=locked, progress=progress, log=log)
    except BpfUnavailableError as error:
        gap = Gap("dying cgroups by name", error.why, error.hint)
        return _by_residual_charge(with_charges(root, sample), host, count, gap)
    return CensusReport(census, group_census(census), count, census.gaps)


def _by_residual_charge(sample: Sample, host: Host, count: Count | None, gap: Gap) -> CensusReport:
    census = Census(RESIDUAL, count.live if count else None, (), (gap,))
    residues = find_residues(sample.charges or (), counter_slack_bytes(host))
    groups = []
    for residue in residues:
        parts = ((PinKind.PAGE_CACHE, residue.file_bytes - residue.shmem_bytes), (PinKind.TMPFS, residue.shmem_bytes))
        pins = tuple((Pin(kind, size, 0), 0) for kind, size in parts if size)
        groups.append(CensusGroup(residue.path, None, 0, residue.file_bytes, pins))
    return CensusReport(census, tuple(groups), count, (gap,))
