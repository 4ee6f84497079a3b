"""Makes and removes cgroups of the laboratory's own."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from unreclaim.host.root import walk_directories

_GIVE_UP_SECONDS = 5.0


def remove_cgroup(path: str) -> None:
    """Remove a cgroup without children; a process that has just ended may still be in it for a moment.

    Raises:
        OSError: it is in use, still after five seconds.

    """
    _until_removed(lambda: os.rmdir(path))


def remove_tree(top: str) -> None:
    """End the processes in and below a cgroup of ours, and remove it with all below it. Raises OSError as above."""

    def remove() -> None:
        # Looked at anew each time: a system that is being ended goes on making cgroups until its first process is gone.
        below = [f"{top}/{path}" if path else top for path, _ in walk_directories(top)]
        # All are ended before any is removed: one of them may be a system's first process, which starts others.
        for path in below:
            _end_processes(path)
        for path in sorted(below, key=lambda path: -path.count("/")):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(path)

    _until_removed(remove)


def _until_removed(remove: Callable[[], None]) -> None:
    give_up = time.monotonic() + _GIVE_UP_SECONDS
    while True:
        try:
            remove()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _end_processes(path: str) -> None:
    with contextlib.suppress(FileNotFoundError), open(f"{path}/cgroup.procs", encoding="ascii") as file:
        for line in file:
            # Zero: a process that this PID namespace does not show.
            if int(line) not in (0, os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(line), signal.SIGKILL)
