"""A tracefs instance of our own: made, removed, and removed by the next run if its owner was killed."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from unreclaim.base.errors import UnavailableError
from unreclaim.host.ownership import is_orphan, own_name

TRACEFS = "/sys/kernel/tracing"
INSTANCES = f"{TRACEFS}/instances"
PURPOSES = ("trace", "lab")


class TracingUnavailableError(UnavailableError):
    """This host lets us use no trace events; `why` and `hint` say what is missing."""


@contextlib.contextmanager
def open_instance(purpose: str) -> Iterator[str]:
    """Give the directory of an instance that is there for as long as the context lasts, with no event on.

    What dead owners left is removed before. Tracefs is mounted if it is not, and unmounted again if nobody uses it.

    Raises:
        TracingUnavailableError: not root, no tracefs, or the kernel makes no instance.

    """
    if os.geteuid() != 0:
        raise TracingUnavailableError("trace events", "only root can read them", hint="run it with sudo")
    with _tracefs():
        # One that somebody else has open cannot be removed yet.
        with contextlib.suppress(OSError):
            remove_leftovers()
        instance = f"{INSTANCES}/{own_name(purpose)}"
        try:
            os.mkdir(instance)
        except OSError as error:
            hint = "is the kernel locked down?"
            raise TracingUnavailableError("trace events", f"{instance}: {error.strerror}", hint=hint) from error
        try:
            yield instance
        finally:
            # This also switches off what is on in it.
            os.rmdir(instance)


def remove_leftovers() -> tuple[str, ...]:
    """Remove the instances whose owners are dead, and name them.

    Another run may do so at the same time: what it was quicker with is no error.

    Raises:
        OSError: one could not be removed.

    """
    removed = []
    for name in _names(INSTANCES):
        if is_orphan(name, *PURPOSES):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(f"{INSTANCES}/{name}")
                removed.append(f"{INSTANCES}/{name}")
    return tuple(removed)


def _names(place: str) -> list[str]:
    try:
        return sorted(os.listdir(place))
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def _tracefs() -> Iterator[None]:
    """Mount tracefs where it belongs, if it is not there, and unmount it again."""
    if os.path.isdir(INSTANCES):
        yield
        return
    command = ["mount", "-t", "tracefs", "nodev", TRACEFS]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  words of our own
    if done.returncode:
        why = f"tracefs cannot be mounted: {done.stderr.strip()}"
        raise TracingUnavailableError("trace events", why, hint="run it on the host itself, not in a container")
    try:
        yield
    finally:
        # Somebody else may have begun to use it meanwhile; then it stays.
        if not os.listdir(INSTANCES):
            subprocess.run(["umount", TRACEFS], check=False, capture_output=True)  # noqa: S603, S607  found by PATH
