"""What a guest is given: an initramfs as the kernel reads it, and a payload."""

import ast
import gzip
import lzma
import subprocess
import tarfile
from pathlib import Path

import pytest

from unreclaim.lab.errors import LabError
from unreclaim.lab.guest import add_scripts, cpio, make_initrd, pack_payload, script


def listed(archive: bytes, directory: Path) -> dict[str, bytes]:
    """Unpack an archive with busybox and give its files."""
    subprocess.run(["busybox", "cpio", "-i", "-d"], input=archive, cwd=directory, capture_output=True, check=True)
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_an_archive_is_read_by_another_program(tmp_path: Path) -> None:
    """Files of every length modulo four come out as they went in, with their directory."""
    files = {f"d/{'n' * length}": b"x" * length for length in range(1, 6)}
    archive = cpio([("d", 0o040755, b""), *((name, 0o100755, data) for name, data in files.items())])
    assert len(archive) % 4 == 0
    assert listed(archive, tmp_path) == files
    assert (tmp_path / "d" / "n").stat().st_mode & 0o777 == 0o755


def test_modules_are_unpacked_and_numbered_in_the_order_of_loading(tmp_path: Path) -> None:
    """Whatever the compression and the spelling, virtio comes before what needs it; other modules are left out."""
    modules = tmp_path / "modules" / "kernel"
    modules.mkdir(parents=True)
    (modules / "virtio_blk.ko.xz").write_bytes(lzma.compress(b"blk"))
    (modules / "virtio.ko.gz").write_bytes(gzip.compress(b"virtio"))
    (modules / "virtio-pci.ko").write_bytes(b"pci")
    (modules / "other.ko").write_bytes(b"other")
    make_initrd(tmp_path / "initrd", modules)
    (tmp_path / "out").mkdir()
    files = listed((tmp_path / "initrd").read_bytes(), tmp_path / "out")
    assert files.pop("bin/busybox")[:4] == b"\x7fELF"
    assert files == {"mods/00-virtio.ko": b"virtio", "mods/01-virtio_pci.ko": b"pci", "mods/02-virtio_blk.ko": b"blk"}


def test_a_busybox_with_libraries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the package that has a static one."""
    (tmp_path / "busybox").write_bytes(b"\x7fELF" + bytes(600) + b"/lib64/ld-linux-x86-64.so.2")
    (tmp_path / "busybox").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="not a static program"):
        make_initrd(tmp_path / "initrd", None)


def test_scripts_follow_in_an_archive_of_their_own(tmp_path: Path) -> None:
    """What is kept of a kernel holds no script, so that a newer program brings its own."""
    (tmp_path / "initrd").write_bytes(b"first")
    add_scripts(tmp_path / "initrd", tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert whole.startswith(b"first070701")
    assert script("guest_init.sh").encode() in whole


def test_a_payload_has_files_and_texts_without_hidden_ones(tmp_path: Path) -> None:
    """Directories go along, what is hidden stays, and the file is a whole number of MiB."""
    (tmp_path / "src" / ".cache").mkdir(parents=True)
    (tmp_path / "src" / ".cache" / "x").touch()
    (tmp_path / "src" / "a.py").write_text("a")
    pack_payload(tmp_path / "tar", {"command": b"true\n", "src": tmp_path / "src"})
    with tarfile.open(tmp_path / "tar") as tar:
        assert tar.getnames() == ["command", "src", "src/a.py"]
        assert {(member.uid, member.gid) for member in tar} == {(0, 0)}
    assert (tmp_path / "tar").stat().st_size == 2**20


def test_a_payload_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is named before a machine is started."""
    with pytest.raises(LabError, match="gone: no such file"):
        pack_payload(tmp_path / "tar", {"x": tmp_path / "gone"})


def test_the_guests_program_is_of_python_3_9_and_stands_alone() -> None:
    """It parses as Python 3.9 and imports the standard library only."""
    tree = ast.parse(script("guest_report.py"), feature_version=(3, 9))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not {name for name in imported if name and name.startswith(("unreclaim", "msgspec"))}
    assert "match" not in {type(node).__name__.lower() for node in ast.walk(tree)}
