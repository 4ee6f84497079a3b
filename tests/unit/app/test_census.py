"""Where BPF cannot be used the census says what it can, and why it is no more."""

from functools import partial
from pathlib import Path

import pytest

from tests.fakes.hosts import FakeHost
from unreclaim.app import census
from unreclaim.app.census import Backend, CensusReport, take_census
from unreclaim.base.errors import UnreclaimError
from unreclaim.formats.kpageflags import LRU, UPTODATE
from unreclaim.host.bpf import libbpf
from unreclaim.host.bpf.census import CensusPrograms
from unreclaim.host.bpf.libbpf import BpfObject, BpfUnavailableError
from unreclaim.host.deep.opening import open_deep_census
from unreclaim.host.deep.program import DeepUnavailableError
from unreclaim.host.page_scan import PageScanUnavailableError
from unreclaim.host.probe import Probe
from unreclaim.host.source import Source, open_source
from unreclaim.model.census import Census
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.gap import Gap
from unreclaim.model.page_scan import PageTally

HOSTS = Path(__file__).parents[2] / "hosts"


def test_a_capture_gives_what_is_held_below_which_cgroup() -> None:
    """A bundle has no kernel to ask: 340 dying by its count, most of their page cache below flappy.slice, and a gap."""
    report = take_census(open_source(str(HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz")))
    assert report.census.backend == Backend.RESIDUAL
    assert report.census.dying == ()
    assert report.count is not None
    assert report.count.dying == 340
    # 330 cgroups of four pages each, less what one CPU may have charged in advance (32 pages).
    first = report.groups[0]
    assert (first.ancestor, first.bytes) == ("/flappy.slice", (330 * 4 - 32) * 4096)
    assert (first.nr_dying, first.relation) == (None, "about")
    assert report.gaps == (
        Gap("dying cgroups by name", "a capture does not hold them", "run census on the host itself"),
    )


def test_a_capture_has_no_kernel_to_ask() -> None:
    """A backend that needs the running kernel is refused for a bundle; the other is what it gets anyhow."""
    bundle = str(HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz")
    for backend in (Backend.BPF, Backend.DRGN, Backend.PAGE_SCAN):
        with pytest.raises(UnreclaimError, match=f"a capture has no kernel to ask by {backend}"):
            take_census(open_source(bundle), backend)
    assert take_census(open_source(bundle), Backend.RESIDUAL) == take_census(open_source(bundle))


class Ways:
    """The ways to a census of a host in memory, each of which can be taken away; `taken` are those that were tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, bpf: bool, pages: bool, drgn: bool = False) -> None:
        """Put values in the kernel's place."""
        self.host = FakeHost(dying=23)
        self.host.residue_pages = 23
        self.taken: list[str] = []
        self.bpf, self.drgn, self.pages = bpf, drgn, pages
        self.drgn_hint: str | None = "get drgn"
        monkeypatch.setattr(census, "read_census", self.read_census)
        monkeypatch.setattr(census, "scan_pages", self.scan_pages)

    def read_census(self, _probe: Probe, _hierarchy: Hierarchy, way: object, _nodes: int, **how: object) -> Census:
        """List the dying by BPF or drgn."""
        assert how == {"locked": False, "progress": None}
        if way is open_deep_census:
            self.taken.append("drgn")
            if not self.drgn:
                raise DeepUnavailableError("no drgn", self.drgn_hint)
            return Census("drgn", 5, (), ())
        assert isinstance(way, partial)
        assert way.func is CensusPrograms
        self.taken.append("bpf")
        if not self.bpf:
            raise BpfUnavailableError("BPF", "no BPF", hint="get BPF")
        return Census("bpf", 5, (), ())

    def scan_pages(self, _probe: Probe, _hierarchy: Hierarchy, paths: tuple[str, ...], *_: object) -> object:
        """Give 23 pages of a file for each cgroup."""
        self.taken.append("page scan")
        if not self.pages:
            raise PageScanUnavailableError("page scan", "no pages", hint="get pages")
        return tuple(PageTally(path, {LRU | UPTODATE: 23}) for path in paths)

    def take(self, backend: Backend | None = None) -> CensusReport:
        """Take the census."""
        self.taken.clear()
        return take_census(Source("live", (self.host.root,), 4096), backend)


NO_BPF = Gap("dying cgroups by name", "no BPF", "get BPF")
NO_DRGN = Gap("dying cgroups by name", "no drgn", "get drgn")
NO_PAGES = Gap("pages of dying cgroups, by kind", "no pages", "get pages")


@pytest.mark.parametrize(
    ("bpf", "drgn", "pages", "backend", "gaps"),
    [
        (True, True, True, "bpf", ()),
        (False, True, True, "drgn", ()),
        (False, False, True, "page scan", (NO_BPF, NO_DRGN)),
        (False, False, False, "residual charge", (NO_BPF, NO_DRGN, NO_PAGES)),
    ],
)
def test_the_best_way_that_works_is_taken(
    monkeypatch: pytest.MonkeyPatch, *, bpf: bool, drgn: bool, pages: bool, backend: str, gaps: tuple[Gap, ...]
) -> None:
    """Each way that does not work is a gap that says what would make it work, and the next one is taken."""
    report = Ways(monkeypatch, bpf=bpf, drgn=drgn, pages=pages).take()
    assert (report.census.backend, report.gaps) == (backend, gaps)
    assert report.count is not None
    assert report.count.dying == 23
    relation = {"page scan": "exact", "residual charge": "about"}.get(backend)
    held = [(group.ancestor, group.bytes, group.nr_dying, group.relation) for group in report.groups]
    assert held == ([] if relation is None else [("/flappy.slice", 23 * 4096, None, relation)])


@pytest.mark.parametrize("hint", [None, "get BPF"])
def test_drgn_is_a_gap_only_where_it_asks_for_something_more(monkeypatch: pytest.MonkeyPatch, hint: str | None) -> None:
    """What cannot be had, or is said of BPF already (run as root), is not said again."""
    ways = Ways(monkeypatch, bpf=False, pages=True)
    ways.drgn_hint = hint
    assert ways.take().gaps == (NO_BPF,)


def test_a_way_that_is_asked_for_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that was named is used where a better one works, with a gap for what it cannot see, or is an error."""
    ways = Ways(monkeypatch, bpf=True, drgn=True, pages=True)
    for backend in Backend:
        report = ways.take(backend)
        assert report.census.backend == backend
        assert ways.taken == ([] if backend == Backend.RESIDUAL else [backend])
        gap = Gap("dying cgroups by name", f"not seen by {backend}", "run census without --backend")
        assert report.gaps == (() if backend in (Backend.BPF, Backend.DRGN) else (gap,))
    ways.bpf = ways.drgn = ways.pages = False
    for backend, why in ((Backend.BPF, "no BPF"), (Backend.DRGN, "no drgn"), (Backend.PAGE_SCAN, "no pages")):
        with pytest.raises(UnreclaimError, match=why):
            ways.take(backend)
        assert ways.taken == [backend]


@pytest.mark.parametrize("backend", [None, Backend.PAGE_SCAN, Backend.RESIDUAL])
def test_a_kernel_that_reparents_has_no_such_pages(monkeypatch: pytest.MonkeyPatch, backend: Backend | None) -> None:
    """Where page cache goes to the parent nothing is scanned or subtracted, no backend is named, and a gap says why."""
    ways = Ways(monkeypatch, bpf=False, pages=True)
    ways.host.root.symbols = frozenset({"lru_reparent_memcg"})
    report = ways.take(backend)
    assert (report.groups, ways.taken) == ((), [] if backend else ["bpf", "drgn"])
    assert (report.census.backend, report.census.lru_reparenting) == ("none", True)
    assert "gives the page cache of a removed cgroup to its parent" in report.gaps[-1].why


def test_more_cgroups_than_can_be_read_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without charges nothing can be looked for, and the gap says that."""
    monkeypatch.setattr(census, "MAX_CHARGES", 1)
    ways = Ways(monkeypatch, bpf=False, pages=True)
    for backend in (None, Backend.RESIDUAL):
        report = ways.take(backend)
        assert report.groups == ()
        assert "more than 1 live memory cgroups" in report.gaps[-1].why


def test_a_host_without_memory_cgroups_is_told_so(tmp_path: Path) -> None:
    """Without the memory controller there is nothing to list, and the error says where to look."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 4 kB\n")
    with pytest.raises(UnreclaimError, match="no hierarchy with the memory controller"):
        take_census(open_source(str(tmp_path)))


def test_a_host_without_libbpf_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is named with the package that has it."""
    monkeypatch.setattr(libbpf, "_LIBRARY", "libbpf-that-is-not-there.so.1")
    with pytest.raises(BpfUnavailableError, match="is missing") as caught:
        BpfObject("census.bpf.o")
    assert caught.value.hint == "install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, RHEL)"
