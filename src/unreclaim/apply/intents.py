"""The journal of intent: what is about to be written where, kept on disk before any of it is.

One file a plan, below /var/lib, or below /run for drop-ins that a reboot takes away. It goes last of all, so whatever
a process that was killed had begun is known to the next one (docs/decisions/0007-*.md).
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from unreclaim.apply.own_files import (
    directory,
    make_directory,
    read_file,
    remove_file,
    replace_file,
)
from unreclaim.base.errors import OutputError

_SUFFIX = ".json"
# A name of a file has 255 bytes, and a unit's drop-ins are in NAME.d.
_MOST_NAME = 255 - len(_SUFFIX)


class Written(Struct, frozen=True):
    """A drop-in that is to be there. Before it nothing of its name was; made_directory: nor was its directory."""

    unit: str
    text: str
    made_directory: bool


class Intent(Struct, frozen=True):
    """What a plan writes. done: all of it is there and systemd has taken it; else the next run takes it back."""

    unit: str
    drop_ins: tuple[Written, ...]
    done: bool = False
    version: int = 1


class Place(Struct, frozen=True):
    """Where drop-ins go, and where their journal is kept."""

    units: str
    journal: str
    lock: str


def choose_place(root: str = "", *, runtime: bool) -> Place:
    """Give the place of drop-ins that last, or of those that are gone after a reboot; root: of another host's tree."""
    base, journal = ("/run", "/run/unreclaim") if runtime else ("/etc", "/var/lib/unreclaim")
    return Place(f"{root}{base}/systemd/system", f"{root}{journal}/intent", f"{root}/run/unreclaim")


@contextlib.contextmanager
def locked(place: Place) -> Iterator[None]:
    """Keep every other run from changing drop-ins as long as the context lasts.

    Raises:
        OutputError: another one is at it.

    """
    _make_directories(place.lock)
    with directory(place.lock) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError("apply", "another unreclaim changes drop-ins now", hint="try again later") from error
        yield


def write_intent(place: Place, intent: Intent) -> None:
    """Keep an intent, on disk when this returns.

    Raises:
        OutputError: the unit's name is too long for a file.

    """
    if len(intent.unit) > _MOST_NAME:
        raise OutputError(intent.unit, f"its name has more than {_MOST_NAME} bytes, too many for a file")
    _make_directories(place.journal)
    with directory(place.journal) as journal:
        replace_file(f"{intent.unit}{_SUFFIX}", msgspec.json.format(msgspec.json.encode(intent)) + b"\n", journal)


def forget_intent(place: Place, unit: str) -> None:
    """Remove an intent: nothing of it is there any more."""
    with directory(place.journal) as journal:
        remove_file(f"{unit}{_SUFFIX}", journal)


def read_intents(place: Place) -> tuple[Intent, ...]:
    """Read every intent that is kept, sorted by unit.

    Raises:
        OutputError: one of them is no intent; who wrote it is not known, so nothing is undone by it.

    """
    try:
        with directory(place.journal) as journal:
            names = sorted(name for name in os.listdir(journal) if name.endswith(_SUFFIX))
            return tuple(_parse(f"{place.journal}/{name}", read_file(name, journal)) for name in names)
    except FileNotFoundError:
        return ()


def _parse(path: str, text: bytes | None) -> Intent:
    try:
        return msgspec.json.decode(text or b"", type=Intent)
    except msgspec.MsgspecError as error:
        raise OutputError(path, f"is no journal of unreclaim: {error}", hint="move it away, and look at it") from error


def _make_directories(path: str) -> None:
    """Make a directory and the one above it, of which others' are never removed."""
    above = os.path.dirname(path)
    for each in (above, path):
        if not os.path.isdir(each) and make_directory(each):
            with directory(os.path.dirname(each)) as parent:
                os.fsync(parent)
