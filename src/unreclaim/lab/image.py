"""What a virtual machine starts from: a Debian root and a kernel of a suite, made once by mmdebstrap and kept.

Kernel and root are apart, so that each kernel runs under any Python. Both are file systems of their own: modules are a
second, small disk. Nothing in them is changed by a run, which writes to a snapshot.
"""

import errno
import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgspec import Struct

from unreclaim.lab.errors import LabError
from unreclaim.lab.guest import make_initrd
from unreclaim.lab.tools import find_tools, run_quietly

SUITES = ("bullseye", "bookworm", "trixie", "sid")
PYTHONS = {"bullseye": (3, 9), "bookworm": (3, 11), "trixie": (3, 13)}
"""The Python of each Debian that is released: what has compiled parts runs there on the same version alone."""
KERNEL_PACKAGE = "linux-image-cloud-amd64"
_PACKAGES = ("python3",)
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
_ANOTHER = "choose another with --cache-dir"
_ROOT_BYTES = 3 * 2**30

Say = Callable[[str], None]


class Kernel(Struct, frozen=True):
    """A kernel that can be started: its release where known, its image, an initramfs, and a disk of its modules."""

    release: str | None
    image: Path
    initrd: Path
    modules: Path | None


def cache_directory(chosen: str | None) -> Path:
    """Give where images are kept, and make it: `chosen`, or ``unreclaim/lab`` in the user's cache.

    Raises:
        LabError: it cannot be made, or another user could put something there that is then started, or written to.

    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(chosen or os.path.join(home, "unreclaim", "lab"))
    try:
        path.mkdir(0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise LabError(str(path), error.strerror or str(error), hint=_ANOTHER) from error
    if status.st_uid not in _trusted_users():
        raise LabError(str(path), "it belongs to another user", hint=_ANOTHER)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        hint = f"chmod go-w {shlex.quote(str(path))}, if all in it is yours"
        raise LabError(str(path), "other users may write there", hint=hint)
    return path.absolute()


def _trusted_users() -> set[int]:
    """Give whom a cache may belong to: this user, and as root whoever asked for that by sudo."""
    user = os.geteuid()
    asked = os.environ.get("SUDO_UID", "") if user == 0 else ""
    return {user, int(asked)} if asked.isdecimal() else {user}


def open_in_cache(path: Path, mode: str) -> IO[str]:
    """Open a small file of a cache directory, but no link, which may lead anywhere.

    Raises:
        LabError: it is one, or cannot be opened.

    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o644)

    try:
        return open(path, mode, encoding="ascii", opener=opener)
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise LabError(str(path), why, hint=f"remove it, or {_ANOTHER}") from error


def make_root(cache: Path, suite: str, say: Say, packages: tuple[str, ...] = _PACKAGES) -> Path:
    """Give a disk with a small Debian of this suite, made when it is asked for the first time (a minute)."""
    packages = tuple(sorted({*packages, *_PACKAGES}))
    mark = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    final = cache / f"root-{suite}-{mark}.ext4"
    with _once(cache, final) as scratch:
        if scratch is not None:
            say(f"making a Debian {suite} with {', '.join(packages)} (once)")
            tree = scratch / "tree"
            excluded = [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
            _debootstrap(scratch, suite, tree, "minbase", packages, *excluded)
            (tree / "etc" / "hostname").write_text("lab\n", encoding="ascii")
            (tree / "etc" / "hosts").write_text("127.0.0.1 localhost lab\n", encoding="ascii")
            # A systemd that takes this for the first start of a new machine asks for its name and presets all units.
            (tree / "etc" / "machine-id").write_text("6c61622d6775657374" + "0" * 14 + "\n", encoding="ascii")
            (tree / "etc" / ".updated").touch()
            for directory in ("payload", "usr/lib/modules"):
                (tree / directory).mkdir(exist_ok=True)
            # A library that is read from source takes an emulated machine ten seconds at each start.
            run_quietly(scratch, "chroot", str(tree), "sh", "-c", "python3 -m compileall -q /usr/lib/python3* || true")
            _make_disk(scratch, tree, scratch / final.name, _ROOT_BYTES)
    return final


def make_kernel(cache: Path, suite: str, say: Say) -> Kernel:
    """Give the newest cloud kernel of a suite, fetched when it is asked for the first time."""
    final = cache / f"kernel-{suite}"
    with _once(cache, final) as scratch:
        if scratch is not None:
            say(f"fetching the kernel of Debian {suite} (once)")
            tree, kept = scratch / "tree", scratch / final.name
            kept.mkdir()
            try:
                _debootstrap(scratch, suite, tree, "extract", (KERNEL_PACKAGE,))
            except LabError as error:
                # A mirror of a suite that is no longer supported may list security updates that it has not.
                say(f"{error}; trying without security updates")
                shutil.rmtree(tree, ignore_errors=True)
                _debootstrap(scratch, suite, tree, "extract", (KERNEL_PACKAGE,), security=False)
            image, modules = _find_kernel(tree)
            release = modules.name
            shutil.copyfile(image, kept / "vmlinuz")
            (kept / "release").write_text(release + "\n", encoding="ascii")
            make_initrd(kept / "initrd", modules)
            _make_modules_disk(scratch, modules, kept / "modules.ext4")
    release = (final / "release").read_text(encoding="ascii").strip()
    return Kernel(release, final / "vmlinuz", final / "initrd", final / "modules.ext4")


def take_kernel(directory: Path, image: str, modules: str | None) -> Kernel:
    """Prepare a kernel of the user's own in `directory`; modules: its directory below /lib/modules, or none needed."""
    source = Path(modules) if modules else None
    if not Path(image).is_file():
        raise LabError(image, "no such file", hint="--image takes a vmlinuz or bzImage")
    if source is not None and not (source / "kernel").is_dir():
        raise LabError(str(source), "holds no kernel/", hint="--modules takes a directory such as /lib/modules/6.1.0")
    initrd = directory / "initrd"
    make_initrd(initrd, source)
    if source is None:
        return Kernel(None, Path(image), initrd, None)
    disk = directory / "modules.ext4"
    _make_modules_disk(directory, source, disk)
    return Kernel(source.name, Path(image), initrd, disk)


@contextmanager
def _once(cache: Path, final: Path) -> Iterator[Path | None]:
    """Give a directory in which `final` is to be made under its name, None where it is there; one maker at a time."""
    if final.exists():
        yield None
        return
    with open_in_cache(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Nobody else makes anything now: what there is of this kind was left by a run that was killed.
        for leftover in cache.glob("making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if final.exists():
            yield None
            return
        scratch = Path(tempfile.mkdtemp(prefix="making-", dir=cache))
        try:
            yield scratch
            (scratch / final.name).rename(final)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _debootstrap(
    scratch: Path,
    suite: str,
    tree: Path,
    variant: str,
    packages: tuple[str, ...],
    *options: str,
    security: bool = True,
) -> None:
    if os.geteuid() != 0:
        # Owners and devices of a root are root's to set; running the machine afterwards needs no privileges.
        hint = f"run it once as root with --cache-dir {scratch.parent}"
        raise LabError("lab", f"a Debian {suite} has to be made, which needs root", hint=hint)
    if platform.machine() != "x86_64":
        raise LabError("lab", f"only x86-64 is supported, not {platform.machine()}")
    (program,) = find_tools("mmdebstrap")
    sources = [f"deb http://deb.debian.org/debian {suite} main"]
    if security and suite != "sid":
        sources.append(f"deb http://deb.debian.org/debian-security {suite}-security main")
    run_quietly(
        scratch,
        program,
        "--mode=root",
        f"--variant={variant}",
        f"--include={','.join(packages)}",
        # The list of packages of a suite that is not released may have expired.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Apt::Install-Recommends "false"',
        *options,
        suite,
        str(tree),
        *sources,
    )


def _find_kernel(tree: Path) -> tuple[Path, Path]:
    """Find image and modules in what Debian's packages hold; the newest keep the image beside the modules."""
    modules = next(path.parent for path in sorted(tree.glob("**/lib/modules/*/kernel")))
    images = [*tree.glob(f"boot/vmlinuz-{modules.name}"), *tree.glob(f"**/lib/modules/{modules.name}/vmlinuz")]
    return images[0], modules


def _make_modules_disk(scratch: Path, modules: Path, disk: Path) -> None:
    """Write the modules of one kernel to a disk that is mounted as /lib/modules, with the index that modprobe reads."""
    (busybox,) = find_tools("busybox")
    tree = scratch / "modules"
    shutil.copytree(
        modules, tree / "lib" / "modules" / modules.name, symlinks=True, ignore=shutil.ignore_patterns("vmlinuz")
    )
    run_quietly(scratch, busybox, "depmod", "-b", str(tree), modules.name)
    size = sum(path.lstat().st_size for path in tree.rglob("*"))
    _make_disk(scratch, tree / "lib" / "modules", disk, size * 5 // 4 + 32 * 2**20)
    shutil.rmtree(tree)


def _make_disk(scratch: Path, tree: Path, disk: Path, size_bytes: int) -> None:
    (program,) = find_tools("mke2fs")
    with disk.open("wb") as file:
        file.truncate(size_bytes)
    # Old kernels know neither feature; what is left to be initialised would be written in the first run.
    features = "^metadata_csum_seed,^orphan_file"
    now = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    run_quietly(scratch, program, "-q", "-F", "-t", "ext4", "-O", features, "-E", now, "-d", str(tree), str(disk))
