"""The census of the running host, by the best way that it offers."""

from enum import StrEnum
from functools import partial
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.analysis.census import group_census
from unreclaim.analysis.page_scan import attribute_pages, choose_ancestors
from unreclaim.analysis.residue import counter_slack_bytes, find_residues
from unreclaim.base.errors import UnavailableError
from unreclaim.base.progress import Progress
from unreclaim.host.bpf.census import CensusPrograms
from unreclaim.host.bpf.libbpf import BpfUnavailableError, Log
from unreclaim.host.census import read_census
from unreclaim.host.collect import (
    collect_host,
    collect_sample,
    reparents_kernel_memory,
    reparents_page_cache,
    with_charges,
)
from unreclaim.host.deep.opening import open_deep_census
from unreclaim.host.deep.program import DeepUnavailableError
from unreclaim.host.page_scan import PageScanUnavailableError, scan_pages
from unreclaim.host.probe import Probe
from unreclaim.host.root import Root
from unreclaim.host.source import Source
from unreclaim.model.census import Census, CensusGroup, Pin, PinKind
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.dying import Count, count_memory
from unreclaim.model.gap import Gap
from unreclaim.model.host import Host
from unreclaim.model.sample import Sample

MAX_CHARGES = 20_000
"""Live cgroups whose charges a census reads; a diagnosis, which must be quick, stops earlier."""

_NO_BACKEND = "none"
_NAMES = "dying cgroups by name"
_PAGES = "pages of dying cgroups, by kind"


class Backend(StrEnum):
    """The ways to a census, the best first: each shows less than the one before."""

    BPF = "bpf"
    DRGN = "drgn"
    PAGE_SCAN = "page scan"
    RESIDUAL = "residual charge"


class CensusReport(Struct, frozen=True):
    """A census with its groups and the count that the kernel gives besides, as a second source."""

    census: Census
    groups: tuple[CensusGroup, ...]
    count: Count | None
    gaps: tuple[Gap, ...]


class _Seen(Struct, frozen=True):
    """What every way begins with, and how it is to go."""

    root: Root
    sample: Sample
    host: Host
    hierarchy: Hierarchy
    count: Count | None
    locked: bool
    progress: Progress | None
    log: Log | None

    def with_charges(self) -> Self:
        """Read the charges, if they are not read yet."""
        if self.sample.charges is not None:
            return self
        return replace(self, sample=with_charges(self.root, self.sample, most=MAX_CHARGES))

    def without_names(self, backend: str, groups: tuple[CensusGroup, ...], gaps: tuple[Gap, ...]) -> CensusReport:
        """Make a report of groups alone."""
        gaps = (*gaps, *self.sample.gaps)
        census = Census(backend, self.count.live if self.count else None, (), gaps)
        return CensusReport(census, groups, self.count, gaps)


def take_census(
    source: Source,
    backend: Backend | None = None,
    *,
    locked: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
) -> CensusReport:
    """List every dying memory cgroup, or where the kernel cannot be asked, what is held below which living ancestor.

    backend: use this one and no other; None: the best that works here. locked: search all of memory for locked pages
    too, if dying cgroups are listed. progress: of a search of all memory. log: is given what libbpf says.

    Raises:
        UnavailableError: no memory controller, or the one way that was asked for does not work here.

    """
    root = source.roots[-1]
    sample = collect_sample(root)
    host, _ = collect_host(root, sample, page_size_bytes=source.page_size_bytes)
    hierarchy = sample.memory_hierarchy()
    if hierarchy is None:
        hint = "census needs the memory controller; see: unreclaim diagnose --full"
        raise UnavailableError("census", "no hierarchy with the memory controller could be read", hint=hint)
    seen = _Seen(root, replace(sample, gaps=()), host, hierarchy, count_memory(sample), locked, progress, log)
    if not source.live:
        if backend not in (None, Backend.RESIDUAL):
            raise UnavailableError("census", f"a capture has no kernel to ask by {backend}", hint="leave --backend out")
        gap = Gap(_NAMES, "a capture does not hold them", "run census on the host itself")
        return _by(Backend.RESIDUAL, seen, (gap,))
    if backend is not None:
        return _by(backend, seen, ())
    gaps: tuple[Gap, ...] = ()
    try:
        return _by(Backend.BPF, seen, gaps)
    except BpfUnavailableError as error:
        gaps = (Gap(_NAMES, error.why, error.hint),)
    try:
        return _by(Backend.DRGN, seen, gaps)
    except DeepUnavailableError as error:
        # Said where something can be done about it, and that is more than what BPF asks for.
        if error.hint and error.hint not in {gap.remedy for gap in gaps}:
            gaps = (*gaps, Gap(_NAMES, error.why, error.hint))
    seen = seen.with_charges()
    try:
        return _by(Backend.PAGE_SCAN, seen, gaps)
    except PageScanUnavailableError as error:
        gaps = (*gaps, Gap(_PAGES, error.why, error.hint))
    return _by(Backend.RESIDUAL, seen, gaps)


def _by(backend: Backend, seen: _Seen, gaps: tuple[Gap, ...]) -> CensusReport:
    if backend in (Backend.BPF, Backend.DRGN):
        nodes = seen.host.numa_nodes or 1
        way = partial(CensusPrograms, seen.log) if backend == Backend.BPF else open_deep_census
        census = read_census(Probe(seen.root), seen.hierarchy, way, nodes, locked=seen.locked, progress=seen.progress)
        if census.dying:
            census = replace(census, lru_reparenting=reparents_page_cache(seen.root))
        return CensusReport(census, group_census(census), seen.count, census.gaps)
    gaps = gaps or (Gap(_NAMES, f"not seen by {backend}", "run census without --backend"),)
    if reparents_page_cache(seen.root):
        # What a living cgroup is charged for beyond its own may be what a removed child has left to it.
        why = "this kernel gives the page cache of a removed cgroup to its parent, so pages hold none"
        report = seen.without_names(_NO_BACKEND, (), (*gaps, Gap(_PAGES, why)))
        return replace(report, census=replace(report.census, lru_reparenting=True))
    by = _by_page_scan if backend == Backend.PAGE_SCAN else _by_residual_charge
    return by(seen.with_charges(), gaps)


def _by_page_scan(seen: _Seen, gaps: tuple[Gap, ...]) -> CensusReport:
    """Look at every physical page for those below living cgroups that are charged for more than the living own."""
    probe = Probe(seen.root)
    charges = seen.sample.charges or ()
    slack = counter_slack_bytes(seen.host)
    tallies = scan_pages(probe, seen.hierarchy, choose_ancestors(charges, slack), seen.progress)
    groups = attribute_pages(
        tallies,
        charges,
        page_size_bytes=seen.host.page_size_bytes or 4096,
        slack_bytes=slack,
        kernel_pages_pin=reparents_kernel_memory(seen.root) is False,
    )
    return seen.without_names(Backend.PAGE_SCAN, groups, (*gaps, *probe.gaps))


def _by_residual_charge(seen: _Seen, gaps: tuple[Gap, ...]) -> CensusReport:
    residues = find_residues(seen.sample.charges or (), counter_slack_bytes(seen.host))
    groups = []
    for residue in residues:
        parts = ((PinKind.PAGE_CACHE, residue.file_bytes - residue.shmem_bytes), (PinKind.TMPFS, residue.shmem_bytes))
        pins = tuple((Pin(kind, size, 0), 0) for kind, size in parts if size)
        groups.append(CensusGroup(residue.path, None, None, residue.file_bytes, pins, relation="about"))
    return seen.without_names(Backend.RESIDUAL, tuple(groups), gaps)
