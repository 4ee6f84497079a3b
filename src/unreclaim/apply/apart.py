"""Runs work that may block for ever in a child process, which is given up when it does not answer in time."""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import msgspec
from msgspec import Struct

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 1.0
_CHUNK = 65_536

Alive = Callable[[], None]
"""Called by work that takes long whenever it has got on, which begins its time limit anew."""

Work = Callable[[int, Alive], str | None]
"""Does the work of an index and gives a remark; raises OSError, whose text is what is told."""


class Answer(Struct, frozen=True, array_like=True):
    """What came of the work of one index. stuck: it did not answer, and nothing after it was begun."""

    index: int
    done: bool
    note: str | None = None
    stuck: bool = False


def run_apart(work: Work, number: int, timeout_seconds: float) -> Iterator[Answer]:
    """Do the work of 0 to `number` - 1 in a child and give each answer as it comes.

    It ends early after an answer that is stuck: the child gave no sign within the time limit, or it died. The child
    is killed then, and when this process ends or stops listening; one that is blocked in the kernel goes when that
    lets it.
    """
    reading, writing = os.pipe()
    # A signal between fork() and the child's first line would run this process's handlers twice, and one before the
    # child's number is known would leave it behind.
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        parent = os.getpid()
        try:
            child = os.fork()
            if child == 0:
                _be_the_child(work, number, writing, parent)
        finally:
            os.close(writing)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
            yield from _listen(reading, child, number, timeout_seconds)
        finally:
            _end(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        os.close(reading)


def _be_the_child(work: Work, number: int, writing: int, parent: int) -> NoReturn:
    """Answer for each index, and never come back into the program."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for index in range(number) if os.getppid() == parent else ():
            answer = _answer(work, index, lambda: _write(writing, b"\n"))
            _write(writing, msgspec.json.encode(answer) + b"\n")
    finally:
        os._exit(0)


def _write(descriptor: int, line: bytes) -> None:
    os.write(descriptor, line)


def _answer(work: Work, index: int, alive: Alive) -> Answer:
    try:
        return Answer(index, done=True, note=work(index, alive))
    except OSError as error:
        return Answer(index, done=False, note=error.strerror or str(error))


def _listen(reading: int, child: int, number: int, timeout_seconds: float) -> Iterator[Answer]:
    rest = b""
    answered = 0
    while answered < number:
        ready, _, _ = select.select([reading], [], [], timeout_seconds)
        chunk = os.read(reading, _CHUNK) if ready else b""
        if not chunk:
            yield Answer(answered, done=False, note=_why_silent(child, timeout_seconds, ended=bool(ready)), stuck=True)
            return
        *lines, rest = (rest + chunk).split(b"\n")
        # An empty one says that the work has got on.
        for line in filter(None, lines):
            yield msgspec.json.decode(line, type=Answer)
            answered += 1


def _why_silent(child: int, timeout_seconds: float, *, ended: bool) -> str:
    if ended:
        return "the process that was to do it ended early"
    if _end(child):
        return f"no answer within {timeout_seconds:.0f} seconds"
    return f"no answer within {timeout_seconds:.0f} seconds; process {child} is still blocked in the kernel"


def _end(child: int) -> bool:
    """Kill the child and collect it; False: it is blocked in the kernel and goes later."""
    give_up = time.monotonic() + _GRACE_SECONDS
    with contextlib.suppress(ChildProcessError):
        # As long as it is not collected its number is no other process's.
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            os.kill(child, signal.SIGKILL)
            if time.monotonic() > give_up:
                return False
            time.sleep(0.005)
    return True
