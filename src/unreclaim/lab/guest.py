"""What runs in the guest before and around a command: a small initramfs, two shell scripts, and the payload's tar."""

import gzip
import io
import lzma
import os
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from unreclaim.lab.errors import LabError
from unreclaim.lab.tools import find_tools

# In the order of loading; what a kernel has built in has no file.
_MODULES = (
    *("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"),
    *("virtio_console", "crc16", "crc32c_generic", "libcrc32c", "mbcache", "jbd2", "ext4"),
)
_DIRECTORIES = ("bin", "dev", "mods", "proc", "root", "sys")
_EXECUTABLE, _DIRECTORY = 0o100755, 0o040755


def script(name: str) -> str:
    """Give the text of a program that runs in the guest."""
    # Only the laboratory needs it, and it takes milliseconds to import.
    from importlib.resources import files  # noqa: PLC0415

    return files("unreclaim.lab").joinpath(name).read_text(encoding="utf-8")


def make_initrd(output: Path, modules: Path | None) -> None:
    """Write an initramfs of busybox and what drives the virtual disks; `add_scripts` completes it.

    modules: a directory as below /lib/modules; None: the kernel has all of that built in.
    """
    (busybox,) = find_tools("busybox")
    program = Path(busybox).read_bytes()
    if b"/ld-linux" in program[:4096]:
        # Its libraries are not in the initramfs, where the kernel would give up on it.
        raise LabError("lab", "busybox is not a static program", hint="apt-get install busybox-static")
    entries = [(name, _DIRECTORY, b"") for name in _DIRECTORIES]
    entries += [
        ("bin/busybox", _EXECUTABLE, program),
    ]
    files = {path.name.split(".ko")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")} if modules else {}
    for number, name in enumerate(name for name in _MODULES if name in files):
        entries.append((f"mods/{number:02}-{name}.ko", _EXECUTABLE, _unpacked(files[name])))
    output.write_bytes(cpio(entries))


def add_scripts(initrd: Path, output: Path) -> None:
    """Write an initramfs that has the guest's scripts too: the kernel unpacks one archive after the other."""
    scripts = [(name, _EXECUTABLE, script(f"guest_{name}.sh").encode()) for name in ("init", "main")]
    output.write_bytes(initrd.read_bytes() + cpio(scripts))


def _unpacked(module: Path) -> bytes:
    match module.suffix:
        case ".xz":
            return lzma.decompress(module.read_bytes())
        case ".gz":
            return gzip.decompress(module.read_bytes())
        case ".zst":
            (zstd,) = find_tools("zstd")
            return subprocess.run([zstd, "-dc", module], capture_output=True, check=True).stdout  # noqa: S603  ours
        case _:
            return module.read_bytes()


def cpio(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """Give an archive as the kernel unpacks it, of (path, mode, content).

    Source: Documentation/driver-api/early-userspace/buffer-format.rst, "newc".
    """
    archive = io.BytesIO()
    for inode, (name, mode, data) in enumerate((*entries, ("TRAILER!!!", 0, b"")), 1):
        path = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device and rdevice in two parts each, length of the name, checksum
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + path, data):
            archive.write(part)
            archive.write(bytes(-archive.tell() % 4))
    return archive.getvalue()


def pack_payload(output: Path, files: Mapping[str, Path | bytes]) -> None:
    """Write the tar that the guest unpacks into /payload: files and directories by their path there.

    Hidden files are left out. Compiled Python goes along: it bears its Python's version, and emulation is slow.
    """
    with tarfile.open(output, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, source in files.items():
            if isinstance(source, bytes):
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(source), 0o755
                tar.addfile(member, io.BytesIO(source))
            elif source.exists():
                tar.add(source, name, filter=_kept)
            else:
                raise LabError(str(source), "no such file")
    # The disk that it becomes has whole sectors.
    os.truncate(output, -(-output.stat().st_size // 2**20) * 2**20)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = os.path.basename(member.name)
    if name.startswith("."):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
