"""Physical pages are counted from the two files of the kernel, in whole blocks and bounded chunks."""

import errno
import os
import struct
from pathlib import Path

import pytest

from tests.fakes.build import v1
from tests.fakes.root import FakeRoot
from unreclaim.formats import kpagecgroup, kpageflags
from unreclaim.formats.kpagecgroup import BLOCK_PAGES
from unreclaim.formats.kpageflags import LRU, UPTODATE
from unreclaim.host import page_scan
from unreclaim.host.page_scan import PageScanUnavailableError, scan_pages
from unreclaim.host.probe import Probe
from unreclaim.host.root import Root
from unreclaim.model.page_scan import PageTally

MEMORY = "/sys/fs/cgroup/memory"
PAGE = os.sysconf("SC_PAGE_SIZE")
FILE = LRU | UPTODATE
# In the second block of their chunks.
OTHERS = (700, 2600)
PLACES = (f"{MEMORY}/s", f"{MEMORY}/t")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put files of 3 chunks of 1,024 pages, less 24, in the kernel's place: one page in 23 is /s's, two are /t's."""
    pages = 3 * 1024 - 24
    mine, other = (FakeRoot(directories=PLACES).inode(place) or 0 for place in PLACES)
    cgroups = [mine if page % 23 == 0 else other if page in OTHERS else 5 for page in range(pages)]
    for name, words in (("cgroups", cgroups), ("flags", [0 if cgroup == 5 else FILE for cgroup in cgroups])):
        (tmp_path / name).write_bytes(struct.pack(f"{pages}Q", *words))
    monkeypatch.setattr(kpagecgroup, "FILE", str(tmp_path / "cgroups"))
    monkeypatch.setattr(kpageflags, "FILE", str(tmp_path / "flags"))
    monkeypatch.setattr(page_scan, "CHUNK_PAGES", 2 * BLOCK_PAGES)
    return tmp_path


def scan(root: Root, *paths: str) -> tuple[dict[str, int], list[float]]:
    """Scan for cgroups; give the pages by path, which all are a file's, and the shares that were told as done."""
    told: list[float] = []
    tallies = scan_pages(Probe(root), v1(), paths, lambda gone, whole: told.append(gone / whole))
    assert {flags for tally in tallies for flags in tally.pages} <= {FILE}
    return {tally.path: sum(tally.pages.values()) for tally in tallies}, told


@pytest.mark.usefixtures("files")
def test_every_page_is_looked_at_once_where_ram_is_not_told() -> None:
    """Without /proc/iomem, and where it hides addresses, the files are read to the end that they have."""
    for texts in ({}, {"/proc/iomem": "00000000-00000000 : System RAM\n"}, {"/proc/iomem": "nonsense\n"}):
        counts, told = scan(FakeRoot(texts, directories=PLACES), "/s", "/t")
        assert counts == {"/s": len(range(0, 3048, 23)), "/t": 2}
        assert scan(FakeRoot(texts, directories=PLACES), "/t")[0] == {"/t": 2}
        assert told == pytest.approx([1024 / 3048, 2048 / 3048, 1])


@pytest.mark.usefixtures("files")
def test_only_ram_is_looked_at() -> None:
    """Ranges are widened to whole blocks, joined where they touch, and may lie behind the files' end."""
    ranges = ((600 * PAGE, 700 * PAGE - 1), (1000 * PAGE, 1100 * PAGE - 1), (10_000 * PAGE, 10_001 * PAGE - 1))
    iomem = "".join(f"{first:08x}-{last:08x} : System RAM\n" for first, last in ranges)
    counts, told = scan(FakeRoot({"/proc/iomem": iomem}, directories=PLACES), "/s")
    assert counts == {"/s": len([page for page in range(512, 1536) if page % 23 == 0])}
    assert told == pytest.approx([1024 / 1536, 1])


@pytest.mark.usefixtures("files")
def test_cgroups_that_are_gone_or_have_no_page_have_no_tally() -> None:
    """A cgroup removed since it was chosen is left out, and one without a page has an empty tally."""
    root = FakeRoot(directories=(*PLACES, f"{MEMORY}/empty"))
    tallies = scan_pages(Probe(root), v1(), ("/gone", "/empty"))
    assert tallies == (PageTally("/empty", {}),)
    assert scan(root, "/gone") == ({}, [])
    assert scan(root) == ({}, [])


def test_a_capture_has_no_identities(files: Path) -> None:
    """Where no inode is kept nothing is looked for."""

    class Capture(FakeRoot):
        def inode(self, path: str) -> None:
            super().inode(path)

    assert files.exists()
    assert scan_pages(Probe(Capture(directories=PLACES)), v1(), ("/s",)) == ()


def test_what_is_missing_is_said(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing files name the kernel's options, refused ones ask for root, broken ones name the fault."""
    root = FakeRoot(directories=PLACES)
    (files / "flags").unlink()
    with pytest.raises(PageScanUnavailableError, match=r"flags: No such file") as caught:
        scan(root, "/s")
    assert caught.value.hint == "a kernel with CONFIG_MEMCG and CONFIG_PROC_PAGE_MONITOR has it"
    (files / "flags").mkdir()
    with pytest.raises(PageScanUnavailableError, match="Is a directory"):
        scan(root, "/s")

    def refuse(path: str, *_: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PageScanUnavailableError, match="not permitted") as caught:
        scan(root, "/s")
    assert caught.value.hint == "run as root"


@pytest.mark.usefixtures("files")
def test_nothing_stays_open() -> None:
    """Whether a scan ends well, badly or by Ctrl-C, no descriptor is left."""

    def interrupt(_gone: float, _whole: float) -> None:
        raise KeyboardInterrupt

    root = FakeRoot(directories=PLACES)
    before = os.listdir("/proc/self/fd")
    scan(root, "/s")
    with pytest.raises(KeyboardInterrupt):
        scan_pages(Probe(root), v1(), ("/s",), interrupt)
    assert os.listdir("/proc/self/fd") == before
