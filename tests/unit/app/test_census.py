"""Where BPF cannot be used the census says what it can, and why it is no more."""

from pathlib import Path

import pytest

from unreclaim.app.census import RESIDUAL, take_census
from unreclaim.base.errors import UnreclaimError
from unreclaim.host.bpf import libbpf
from unreclaim.host.bpf.libbpf import BpfObject, BpfUnavailableError
from unreclaim.host.source import open_source
from unreclaim.model.gap import Gap

HOSTS = Path(__file__).parents[2] / "hosts"


def test_a_capture_gives_what_is_held_below_which_cgroup() -> None:
    """A bundle has no kernel to ask: 340 dying by its count, most of their page cache below flappy.slice, and a gap."""
    report = take_census(open_source(str(HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz")))
    assert report.census.backend == RESIDUAL
    assert report.census.dying == ()
    assert report.count is not None
    assert report.count.dying == 340
    # 330 cgroups of four pages each, less what one CPU may have charged in advance (32 pages).
    assert (report.groups[0].ancestor, report.groups[0].bytes) == ("/flappy.slice", (330 * 4 - 32) * 4096)
    assert report.gaps == (
        Gap("dying cgroups by name", "a capture does not hold them", "run census on the host itself"),
    )


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
