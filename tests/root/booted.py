"""A systemd that runs, and our program beside it: this machine's own where it is PID 1, else a Debian in a container.

The program runs there from a copy in /run. Nothing of this host is bound into a container: a Debian that boots empties
its /tmp, whatever lies there.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.house.source import TOP
from tests.machine import DISK, own_name, skip_unless_forced, systemd_is_first
from unreclaim.app.clock import SystemClock
from unreclaim.lab.nspawn import boot, cache_directory, make_root
from unreclaim.lab.systemd import Systemd, find_systemd

SUITE, _PYTHON = "bookworm", (3, 11)
PLACE = "/run/unreclaim-test"
_ANSWER_SECONDS = 300


@contextlib.contextmanager
def boot_systemd(suite: str = SUITE, prepare: Callable[[str], None] = lambda _root: None) -> Iterator[Systemd]:
    """Give a systemd for as long as the context lasts; skip where there is none and none can be booted.

    prepare: is given its root directory beforehand, to write into.
    """
    if suite == SUITE and systemd_is_first():
        # A guest of vmtest, which is nobody else's.
        system = find_systemd()
        prepare("")
        system.ask("daemon-reload")
        yield system
        return
    missing = [tool for tool in ("mmdebstrap", "systemd-nspawn", "nsenter") if shutil.which(tool) is None]
    if missing:
        skip_unless_forced(f"not installed: {', '.join(missing)}")
    # Of its own: nothing that one test writes is in the next one's, and a root that is booted is locked.
    copy = DISK / own_name("boot")
    try:
        subprocess.run(["cp", "-a", "--reflink=auto", make_root(suite, cache_directory()), copy], check=True)
        prepare(str(copy))
        with boot(str(copy), suite, SystemClock()) as system:
            yield system
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def bring_program(system: Systemd, *modules: Path) -> None:
    """Copy the program to where a systemd runs, with what it imports, and further modules of tests."""
    if sys.version_info[:2] != _PYTHON:
        skip_unless_forced(f"Debian {SUITE} has Python {_PYTHON}, for which msgspec is not compiled here")
    top = Path(f"{system.root}{PLACE}")
    shutil.rmtree(top, ignore_errors=True)
    shutil.copytree(TOP / "src" / "unreclaim", top / "unreclaim")
    for name in ("click", "jeepney", "msgspec"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(os.path.dirname(spec.origin), top / name)
    for module in modules:
        shutil.copy(module, top)


def program(system: Systemd, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run our program there."""
    return python(system, "-m", "unreclaim", *arguments)


def python(system: Systemd, *arguments: str, environment: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run Python there, with the program; an emulated machine needs minutes where another needs seconds."""
    command = python_command(system, *arguments, environment=environment)
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=_ANSWER_SECONDS, stdin=subprocess.DEVNULL
    )


def python_command(system: Systemd, *arguments: str, environment: tuple[str, ...] = ()) -> list[str]:
    """Give the words that do so."""
    return system.command("env", f"PYTHONPATH={PLACE}", *environment, "python3", *arguments)


def asked(system: Systemd, *arguments: str) -> dict[str, Any]:
    """Run our program there, and give its JSON."""
    done = program(system, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
