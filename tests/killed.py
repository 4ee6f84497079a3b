"""Runs work in a child that is killed before one of the calls by which it changes files: a crash at every step."""

import os
import signal
from collections.abc import Callable

CHANGING = (
    *("mkdir", "rmdir", "write", "fchmod", "fsync", "link", "unlink", "rename"),
    # Counted where it makes a file.
    "open",
)


def run_and_kill(work: Callable[[], object], before_call: int) -> bool:
    """Run work in a child that is killed before the changing call of that number (from 0); False: it made fewer.

    Raises:
        AssertionError: it ended otherwise.

    """
    child = os.fork()
    if child == 0:
        try:
            kill_before(before_call)
            work()
        finally:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


def kill_before(number: int) -> None:
    """Let this process be killed before its changing call of that number; the calls themselves stay the kernel's."""
    left = number

    def watched(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object, **options: object) -> object:
            nonlocal left
            if name != "open" or (isinstance(arguments[1], int) and arguments[1] & os.O_CREAT):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return call(*arguments, **options)

        return act

    for name in CHANGING:
        setattr(os, name, watched(name, getattr(os, name)))
