"""Boots a Debian with its own systemd in a container (systemd-nspawn), where this host's PID 1 is something else.

A container may write no hierarchy of cgroup v1 but systemd's own. Ours has a memory cgroup, too, in which its mount of
that hierarchy is made writable (nobody else's is) and its systemd told to look again: so its units have memory cgroups.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from unreclaim.app.clock import Clock
from unreclaim.host.cgroupfs import find_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.control_file import write_file
from unreclaim.host.probe import Probe
from unreclaim.host.root import LiveRoot
from unreclaim.lab.cgroup_tree import remove_tree
from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import is_orphan, own_name
from unreclaim.lab.systemd import Systemd
from unreclaim.lab.tools import run_quietly

PACKAGES = "systemd,systemd-sysv,dbus,python3"
_BOOT_SECONDS = 60.0
_TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
_PR_SET_PDEATHSIG = 1


def cache_directory() -> str:
    """Give where roots are kept, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return f"{base}/unreclaim"


def make_root(suite: str, cache: str) -> str:
    """Give the directory of a suite's root; it is made if it is not there, which takes a minute and the network.

    What a run that was killed had begun to make is removed.

    Raises:
        LabError: a tool is missing, or it could not be made.

    """
    _require_tools()
    root = f"{cache}/nspawn-{suite}"
    if os.path.isdir(root):
        return root
    partial = f"{cache}/{own_name()}.partial"
    try:
        os.makedirs(partial, exist_ok=True)
        for name in filter(is_orphan, os.listdir(cache)):
            shutil.rmtree(f"{cache}/{name}", ignore_errors=True)
        options = ("--quiet", "--variant=minbase", f"--include={PACKAGES}")
        run_quietly(Path(partial), "mmdebstrap", *options, suite, f"{partial}/tree")
        os.rename(f"{partial}/tree", root)
    except OSError as error:
        # Another run may have made it meanwhile.
        if not os.path.isdir(root):
            raise LabError(root, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _require_tools() -> None:
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if missing:
        hint = f"apt-get install --no-install-recommends {' '.join(missing)}"
        raise LabError("lab", f"missing: {', '.join(missing)} (named as in Debian)", hint=hint)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "failed"


@contextlib.contextmanager
def boot(root: str, suite: str, clock: Clock, bind: tuple[str, ...] = ()) -> Iterator[Systemd]:
    """Boot a root, and end it with the context; it ends too when this process is killed.

    bind: directories of this host that it sees at the same place.

    Raises:
        LabError: it did not come up.

    """
    with _own_cgroups() as cgroups, _log() as log:
        command = ["systemd-nspawn", "-D", root, f"--machine={own_name()}", "--boot", "--register=no", "--keep-unit"]
        command += ["--console=pipe", *(f"--bind={place}" for place in bind)]
        libc = ctypes.CDLL(None)

        def join() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for cgroup in cgroups:
                write_file(f"{cgroup}/cgroup.procs", "0")

        with subprocess.Popen(  # noqa: S603  words of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=join,  # noqa: PLW1509  this process has no threads
        ) as process:
            try:
                system = _wait_until_up(process, suite, clock, log)
                _allow_memory_cgroups(system)
                yield system
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a container by its first process, or systemd-nspawn itself where it has none (any more)."""
    leader = _leader(process)
    if leader is None:
        process.kill()
        return
    # It may end by itself now.
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader, signal.SIGKILL)


@contextlib.contextmanager
def _own_cgroups() -> Iterator[tuple[str, ...]]:
    """Make a cgroup for the container in each hierarchy that systemd manages, so that what is left of it is ours."""
    made: list[str] = []
    try:
        for mount in find_hierarchies(read_mounts(Probe(LiveRoot()))):
            if mount.filesystem == "cgroup2" or {"name=systemd", "memory"} & mount.super_options:
                path = f"{mount.mount_point}/{own_name()}"
                if os.path.isdir(path):
                    # An experiment's own; on v2 it may hold cgroups and no processes.
                    path += "/container"
                os.mkdir(path)
                made.append(path)
        yield tuple(made)
    finally:
        for path in made:
            remove_tree(path)


def _allow_memory_cgroups(system: Systemd) -> None:
    """Let the container's systemd use memory cgroups of v1; where there is no such hierarchy nothing is done."""
    for mount in find_hierarchies(read_mounts(Probe(LiveRoot()))):
        if mount.filesystem == "cgroup" and "memory" in mount.super_options:
            place = "/sys/fs/cgroup/memory"
            if system.run("mount", "-o", "remount,bind,rw", place).returncode == 0:
                system.ask("daemon-reexec")


@contextlib.contextmanager
def _log() -> Iterator[int]:
    descriptor = os.memfd_create("console", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _leader(process: subprocess.Popen[bytes]) -> int | None:
    """Give the container's first process, which is nspawn's child."""
    try:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            return next((int(pid) for pid in file.read().split()), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _wait_until_up(process: subprocess.Popen[bytes], suite: str, clock: Clock, log: int) -> Systemd:
    give_up = clock.monotonic() + _BOOT_SECONDS
    while process.poll() is None and clock.monotonic() < give_up:
        leader = _leader(process)
        if leader is not None:
            # Its root, too: where this host is itself in a chroot, the namespace of mounts begins above it.
            prefix = ("nsenter", "-t", str(leader), "-m", "-p", "-i", "-u", "-n", "-C", "-r", "-w", "--")
            system = Systemd(prefix, f"/proc/{leader}/root", f"Debian {suite} in a container")
            with contextlib.suppress(LabError):
                # Degraded: some unit failed that we do not need.
                if system.attempt("is-system-running").strip() in ("running", "degraded"):
                    return system
        clock.sleep(0.2)
    said = _last_line(os.pread(log, 1 << 16, 0).decode("utf-8", "replace"))
    raise LabError("systemd-nspawn", f"the container did not come up: {said}")
