"""The units of a comparison: copies under names of our own, that systemd starts a given number of times and no more."""

import os
import re
from collections.abc import Callable

from msgspec import Struct

from unreclaim.app.clock import Clock
from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import own_name
from unreclaim.lab.systemd import SLICE, Systemd

_POLL_SECONDS, _NO_PROGRESS_SECONDS = 0.1, 30.0
_TYPE = re.compile(r"^\s*Type\s*=\s*(\S+)\s*$", re.MULTILINE)
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9]*=.*")
# What a copy must not do: reboot the host, start others, or remove directories that the original still uses.
_HARMLESS = """
[Unit]
StartLimitAction=none
FailureAction=none
SuccessAction=none
OnFailure=
OnSuccess=

[Service]
Slice={slice}
RuntimeDirectoryPreserve=yes
"""
# systemd itself counts the starts: it refuses the one after the last (start-limit-hit).
_LOOP = """
[Unit]
StartLimitIntervalSec=1d
StartLimitBurst={starts}

[Service]
Restart=always
RestartSec=1ms
"""
_ONE_BY_ONE = """
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=no
"""


class Variant(Struct, frozen=True):
    """One of two units: what it is called in what is said, and its text before ours is added."""

    label: str
    text: str

    @property
    def oneshot(self) -> bool:
        """Tell whether its starts end by themselves, so that systemd restarts it at no exit (Restart=always)."""
        types = _TYPE.findall(self.text)
        return bool(types) and types[-1] == "oneshot"

    def unit_text(self, starts: int, run_for: str | None = None) -> str:
        """Give the text of the copy. starts: how many there will be. run_for: end each after this time."""
        loop = _ONE_BY_ONE if self.oneshot else _LOOP.format(starts=starts)
        limit = f"RuntimeMaxSec={run_for}\n" if run_for and not self.oneshot else ""
        return f"{self.text.rstrip()}\n{_HARMLESS.format(slice=SLICE)}{loop}{limit}"


def plain_unit(command: str) -> str:
    """Give the text of a unit that runs a command."""
    return f"[Unit]\nDescription=unreclaim lab\n\n[Service]\nExecStart={command}\n"


def with_settings(text: str, settings: tuple[str, ...]) -> Variant:
    """Give a unit with settings of its service added.

    Raises:
        LabError: one of them is no NAME=VALUE.

    """
    wrong = next((setting for setting in settings if not _SETTING.fullmatch(setting)), None)
    if wrong is not None:
        raise LabError("lab compare", f"{wrong!r} is no setting; write NAME=VALUE, such as Type=exec")
    return Variant(" ".join(settings), f"{text.rstrip()}\n\n[Service]\n" + "".join(f"{line}\n" for line in settings))


def read_unit(system: Systemd, name: str) -> Variant:
    """Read a unit: a file here (with a slash in its name), or one that systemd knows.

    Raises:
        LabError: there is none.

    """
    if "/" not in name:
        return Variant(name, system.ask("cat", "--", name))
    try:
        with open(name, encoding="utf-8") as file:
            return Variant(os.path.basename(name), file.read())
    except (OSError, UnicodeError) as error:
        raise LabError(name, str(getattr(error, "strerror", None) or error)) from error


def restart_until_limit(
    system: Systemd, name: str, starts: int, clock: Clock, seen: Callable[[int], bool] = lambda _: True
) -> int:
    """Let systemd restart a unit of ours until its limit is hit, and give how often it was started.

    seen: is told the restarts from time to time; False: stop it now.

    Raises:
        LabError: it stays as it is for long, or ends in another way.

    """
    system.attempt("start", "--no-block", name)
    last, moved = "", clock.monotonic()
    while True:
        shown = system.show(name, "ActiveState", "Result", "NRestarts")
        state, result, restarts = (shown.get(key, "") for key in ("ActiveState", "Result", "NRestarts"))
        # Refused was the start after the last; systemd has counted it as a restart or not.
        if result == "start-limit-hit" and restarts in (str(starts), str(starts - 1)):
            return starts
        if restarts != last:
            last, moved = restarts, clock.monotonic()
        if state == "failed" or clock.monotonic() - moved > _NO_PROGRESS_SECONDS:
            hint = "does its program end by itself? compare ends it with --run-for 100ms"
            raise LabError(name, f"restarted {restarts} times of {starts}, then no more ({state}, {result})", hint=hint)
        if not seen(int(restarts or 0)):
            system.attempt("stop", name)
            # What it was stopped in the middle of is no restart yet.
            return int(restarts or 0)
        clock.sleep(_POLL_SECONDS)


def unit_name() -> str:
    """Name the copy."""
    return f"{own_name()}.service"
