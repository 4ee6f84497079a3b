"""Finds and removes what runs of the laboratory left that were killed, or that were asked to keep it."""

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator

from unreclaim.host.cgroupfs import find_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.host.root import LiveRoot
from unreclaim.host.tracing.tracefs import remove_leftovers as remove_traces
from unreclaim.lab.cgroup_tree import remove_tree
from unreclaim.lab.ownership import DISK, TMPFS, is_orphan
from unreclaim.lab.systemd import UNITS


def hierarchies() -> tuple[str, ...]:
    """Give where cgroup hierarchies are mounted, one place each."""
    return tuple(mount.mount_point for mount in find_hierarchies(read_mounts(Probe(LiveRoot()))))


def remove_leftovers() -> tuple[str, ...]:
    """Remove what dead owners left, and name it; what a living process calls its own stays.

    Another run of the laboratory may do so at the same time: what it was quicker with is no error.

    Raises:
        OSError: something could not be removed.

    """
    return (*_stop_units(), *_remove_cgroups(), *remove_traces(), *_remove_files())


def _stop_units() -> Iterator[str]:
    for path in _orphans(UNITS):
        name = os.path.basename(path)
        _systemctl("stop", name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            yield path
        _systemctl("daemon-reload")


def _systemctl(*arguments: str) -> None:
    subprocess.run(["systemctl", *arguments], check=False, capture_output=True)  # noqa: S603, S607  found by PATH


def _remove_cgroups() -> Iterator[str]:
    for top in hierarchies():
        for path in _orphans(top):
            remove_tree(path)
            yield path


def _remove_files() -> Iterator[str]:
    """Remove directories; such as another user made under a name of ours are none of ours, nor is a link."""
    for place in (DISK, TMPFS):
        for path in _orphans(place):
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                    shutil.rmtree(path)
                    yield path


def _orphans(place: str) -> list[str]:
    try:
        return [f"{place}/{name}" for name in sorted(os.listdir(place)) if is_orphan(name)]
    except FileNotFoundError:
        return []
