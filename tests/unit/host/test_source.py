"""What --root names is recognised: bundles, trees with one or more snapshots, and what is neither."""

from pathlib import Path

import pytest

from tests.unit.host.test_archive import pack
from unreclaim.base.errors import RootError
from unreclaim.host.source import open_source

MANIFEST = b'schema = "unreclaim.bundle/1"\npage_size_bytes = 65536\nsamples = ["0001", "0002"]\n'


def meminfo(directory: Path, total: int) -> None:
    """Write the one file by which a tree is known."""
    (directory / "proc").mkdir(parents=True)
    (directory / "proc" / "meminfo").write_text(f"MemTotal: {total} kB\n")


def totals(path: Path) -> list[str]:
    """Give the first line of each sample's meminfo."""
    return [root.read_text("/proc/meminfo") for root in open_source(str(path)).roots]


def test_the_running_host_is_the_default() -> None:
    """No path and "/" are the running host."""
    assert open_source(None).live
    assert open_source("/").live


def test_a_tree_is_one_sample(tmp_path: Path) -> None:
    """A directory with proc/meminfo is one sample."""
    meminfo(tmp_path, 1)
    assert open_source(str(tmp_path)).kind == "tree"
    assert totals(tmp_path) == ["MemTotal: 1 kB\n"]


def test_snapshots_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """snap10 comes after snap2, and what is no snapshot is passed over."""
    for number in (10, 1, 2):
        meminfo(tmp_path / f"snap{number}", number)
    (tmp_path / "notes").mkdir()
    assert totals(tmp_path) == ["MemTotal: 1 kB\n", "MemTotal: 2 kB\n", "MemTotal: 10 kB\n"]


def test_an_archive_of_snapshots_is_like_the_directory(tmp_path: Path) -> None:
    """A tar archive of snapshots gives the samples in order, however deep they lie."""
    path = pack(
        tmp_path / "host.tar.gz",
        {f"host/snap{number}/proc/meminfo": b"MemTotal: %d kB\n" % number for number in (2, 10, 1)},
    )
    assert totals(Path(path)) == ["MemTotal: 1 kB\n", "MemTotal: 2 kB\n", "MemTotal: 10 kB\n"]


@pytest.mark.parametrize("packed", [True, False])
def test_a_bundle_is_read_by_its_manifest(tmp_path: Path, *, packed: bool) -> None:
    """A bundle, packed or unpacked, gives the samples that its manifest lists, its page size and its errors."""
    files = {
        "0001/proc/meminfo": b"MemTotal: 1 kB\n",
        "0002/proc/meminfo": b"MemTotal: 2 kB\n",
        "0002/unreadable": b"EACCES /proc/slabinfo\n",
        "0003/proc/meminfo": b"MemTotal: 3 kB\n",
        "bundle.toml": MANIFEST,
    }
    if packed:
        path = Path(pack(tmp_path / "b.tar.gz", {f"unreclaim-bundle/{name}": raw for name, raw in files.items()}))
    else:
        path = tmp_path / "bundle"
        for name, raw in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(raw)
    source = open_source(str(path))
    assert (source.kind, source.page_size_bytes, source.live) == ("bundle", 65_536, False)
    assert totals(path) == ["MemTotal: 1 kB\n", "MemTotal: 2 kB\n"]
    with pytest.raises(FileNotFoundError):
        source.roots[0].read_text("/proc/slabinfo")
    with pytest.raises(PermissionError):
        source.roots[1].read_text("/proc/slabinfo")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/bundle.toml": b"samples = 7"}, "bundle.toml"),
        ({"a/bundle.toml": b'schema = "unreclaim.bundle/2"\nsamples = ["0001"]'}, "expected schema"),
        ({"a/bundle.toml": MANIFEST, "a/0001/unreadable": b"nonsense"}, "expected an error's name"),
        ({"a/b/c": b""}, "holds no proc/meminfo"),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    """An archive with a wrong manifest, a damaged sample or nothing of a host is refused with the reason."""
    with pytest.raises(RootError, match=reason):
        open_source(pack(tmp_path / "b.tar.gz", files))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path that does not exist and an empty directory are refused, and both say what can be given."""
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(RootError) as caught:
            open_source(str(path))
        assert caught.value.hint is not None
        assert "unreclaim capture" in caught.value.hint


def test_a_system_that_is_not_linux_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc the running host cannot be read, and --root is offered instead."""
    monkeypatch.setattr("unreclaim.host.source.os.path.exists", lambda path: not path.startswith("/proc"))
    with pytest.raises(RootError, match="/proc is not mounted") as caught:
        open_source(None)
    assert caught.value.hint == "unreclaim reads Linux hosts; elsewhere use --root with a bundle"


def test_a_link_is_no_snapshot(tmp_path: Path) -> None:
    """A directory whose only snapshot is a link, to the running host say, is refused."""
    (tmp_path / "snap1").symlink_to("/")
    with pytest.raises(RootError, match="holds neither"):
        open_source(str(tmp_path))
