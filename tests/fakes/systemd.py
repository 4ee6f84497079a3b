"""A systemd at the seam of what asks PID 1: one unit, whose settings it reads from a tree when it is told to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from unreclaim.formats.journal_entry import JournalEntry
from unreclaim.host.systemd.bus import BusError
from unreclaim.host.systemd.journal import JournalError
from unreclaim.model.unit import Unit


class FakeSystemd:
    """Holds a unit with RestartSec= and Slice= from its drop-ins. calls: what was called, in order.

    refusing: how many reloads from now on are refused. overridden: a later drop-in has the last word.
    """

    def __init__(self, root: str, unit: Unit, version: int = 252) -> None:
        """Begin with a unit as it is without drop-ins."""
        self._root = root
        self._bare = self._unit = unit
        self._version = version
        self.calls: list[str] = []
        self.refusing = 0
        self.overridden = False

    def version(self) -> int:
        """Give the version."""
        return self._version

    def read_unit(self, name: str) -> Unit:
        """Give the unit as it was read last; NRestarts grows by 23 each time."""
        if name != self._bare.name:
            return Unit(name, load_state="not-found")
        unit = self._unit
        if unit.nr_restarts is not None:
            self._unit = replace(unit, nr_restarts=unit.nr_restarts + 23)
        return unit

    def call(self, path: str, interface: str, member: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:  # noqa: ANN401, ARG002
        """Answer Reload."""
        self.calls.append(member)
        if member == "Reload":
            if self.refusing:
                self.refusing -= 1
                raise BusError("D-Bus: Manager.Reload", "no answer in time")
            self._read()
        return ()

    def _read(self) -> None:
        places = [f"{base}/systemd/system/{self._bare.name}.d" for base in ("/etc", "/run")]
        paths = [path for place in places for path in sorted(Path(f"{self._root}{place}").glob("*.conf"))]
        text = "" if self.overridden else "".join(path.read_text(encoding="utf-8") for path in paths)
        seconds = re.findall(r"^RestartSec=(\d+)s$", text, re.MULTILINE)
        slices = re.findall(r"^Slice=(.+)$", text, re.MULTILINE)
        self._unit = replace(
            self._bare,
            nr_restarts=self._unit.nr_restarts,
            restart_seconds=float(seconds[-1]) if seconds else self._bare.restart_seconds,
            slice=slices[-1] if slices else self._bare.slice,
            drop_in_paths=tuple(str(path).removeprefix(self._root) for path in paths),
        )

    @contextmanager
    def open(self) -> Iterator["FakeSystemd"]:
        """Connect to it."""
        yield self


def no_journal(since: float, unit: str) -> Iterator[JournalEntry]:
    """Read a journal where there is none."""
    raise JournalError("journal", f"nothing of {unit} since {since}")
