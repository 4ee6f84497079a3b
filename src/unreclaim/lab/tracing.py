"""Traces cgroups that are made, removed and freed, in a tracefs instance of the laboratory's own."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from unreclaim.formats.trace_cgroup import CgroupTrace, parse_trace_cgroup
from unreclaim.host.root import LiveRoot
from unreclaim.lab.cgroup_tree import write_file
from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import own_name

TRACEFS = "/sys/kernel/tracing"
INSTANCES = f"{TRACEFS}/instances"
_EVENTS = ("mkdir", "rmdir", "release")
_BUFFER_KIB = 4096


class CgroupTracer:
    """The events of cgroups whose path holds a given word."""

    def __init__(self, instance: str) -> None:
        """Take a tracefs instance in which they are on."""
        self._instance = instance

    def clear(self) -> None:
        """Forget the events up to now."""
        # Opening it for writing with O_TRUNC is what empties it.
        os.close(os.open(f"{self._instance}/trace", os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC))

    def read(self) -> CgroupTrace:
        """Give the events since `clear`.

        Raises:
            ParseError: the kernel prints them in another form.

        """
        path = f"{self._instance}/trace"
        return parse_trace_cgroup(LiveRoot().read_text(path), file=path)


@contextlib.contextmanager
def trace_cgroups(word: str) -> Iterator[CgroupTracer]:
    """Trace cgroups whose path holds `word`, for as long as the context lasts.

    Raises:
        LabError: this kernel has no tracefs, or does not let us use it.

    """
    with _tracefs():
        instance = f"{INSTANCES}/{own_name()}"
        try:
            os.mkdir(instance)
        except OSError as error:
            raise LabError("lab", f"{instance}: {error.strerror}", hint="is the kernel locked down?") from error
        try:
            _switch_on(instance, word)
            yield CgroupTracer(instance)
        finally:
            os.rmdir(instance)


def _switch_on(instance: str, word: str) -> None:
    try:
        write_file(f"{instance}/buffer_size_kb", str(_BUFFER_KIB))
        for event in _EVENTS:
            write_file(f"{instance}/events/cgroup/cgroup_{event}/filter", f'path ~ "*{word}*"')
            write_file(f"{instance}/events/cgroup/cgroup_{event}/enable", "1")
    except OSError as error:
        why = f"this kernel has no trace events of cgroups: {error.filename or instance}: {error.strerror}"
        raise LabError("lab", why) from error


@contextlib.contextmanager
def _tracefs() -> Iterator[None]:
    """Mount tracefs where it belongs, if it is not there, and unmount it again."""
    if os.path.isdir(INSTANCES):
        yield
        return
    command = ["mount", "-t", "tracefs", "nodev", TRACEFS]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  words of our own
    if done.returncode:
        why = f"cgroups are counted by trace events, and tracefs cannot be mounted: {done.stderr.strip()}"
        raise LabError("lab", why, hint="run it on the host itself, not in a container")
    try:
        yield
    finally:
        # Somebody else may have begun to use it meanwhile; then it stays.
        if not os.listdir(INSTANCES):
            subprocess.run(["umount", TRACEFS], check=False, capture_output=True)  # noqa: S603, S607  found by PATH
