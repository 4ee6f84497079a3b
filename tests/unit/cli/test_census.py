"""What a census needs and a host lacks is said, and is no fault of the program."""

import errno
from pathlib import Path

import pytest

from tests.fakes.hosts import HOSTS, FakeHost
from unreclaim.cli import census
from unreclaim.cli.main import run
from unreclaim.host.bpf import libbpf
from unreclaim.host.deep import program
from unreclaim.host.source import Source

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("live", [True, False])
def test_a_host_without_memory_cgroups_lacks_what_is_asked_for(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, live: bool
) -> None:
    """Running or captured, one that has no hierarchy with the memory controller is told so, and the exit code is 69."""
    root = str(tmp_path)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 4 kB\n", encoding="ascii")
    if live:
        host = FakeHost()
        host.root.files["/proc/self/mountinfo"] = "30 1 254:0 / / rw - ext4 /dev/vda rw\n"
        monkeypatch.setattr(census, "open_source", lambda _: Source("live", (host.root,), 4096))
    assert run(["census", *([] if live else ["--root", root])]) == 69
    error = "unreclaim: census: no hierarchy with the memory controller could be read\n"
    assert capsys.readouterr() == (
        "",
        f"{error}hint: census needs the memory controller; see: unreclaim diagnose --full\n",
    )


@pytest.mark.parametrize("backend", ["bpf", "drgn", "page-scan"])
def test_a_backend_that_does_not_work_here_is_no_internal_error(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """Asked for one way alone that this host does not offer, it says what is missing: 69; for a capture likewise."""
    assert run(["census", "--root", str(HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz"), "--backend", backend]) == 69
    source = Source("live", (FakeHost().root,), 4096)
    monkeypatch.setattr(census, "open_source", lambda _: source)
    monkeypatch.setattr(libbpf, "_LIBRARY", "libbpf-that-is-not-there.so.1")
    monkeypatch.setattr(program, "_KCORE", "/kcore-that-is-not-there")

    def refuse(path: str, _flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr("unreclaim.host.page_scan.os.open", refuse)
        assert run(["census", "--backend", backend]) == 69
    out, error = capsys.readouterr()
    assert out == ""
    assert [line.partition(":")[0] for line in error.splitlines() if "hint" not in line] == ["unreclaim"] * 2
