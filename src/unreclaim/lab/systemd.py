"""Talks to a running systemd: the host's own, or one that was booted in a container."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from unreclaim.lab.errors import LabError

UNITS = "/run/systemd/system"
SLICE = "unreclaimlab.slice"
_ANSWER_SECONDS = 30.0


class Systemd:
    """A running systemd. prefix: the command that runs another one beside it. root: its root directory, from here."""

    def __init__(self, prefix: tuple[str, ...] = (), root: str = "", where: str = "this host") -> None:
        """Take the way to it."""
        self._prefix = prefix
        self.root = root
        self._where = where

    def ask(self, *arguments: str) -> str:
        """Run systemctl and give what it says.

        Raises:
            LabError: it failed.

        """
        done = self._run(*arguments)
        if done.returncode:
            raise LabError(f"systemctl {' '.join(arguments)}", (done.stderr or done.stdout).strip() or "failed")
        return done.stdout

    def attempt(self, *arguments: str) -> str:
        """Run systemctl and give what it says, whether it succeeds or not."""
        return self._run(*arguments).stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", *arguments)

    def command(self, *words: str) -> list[str]:
        """Give the words that run a command beside it."""
        return [*self._prefix, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it.

        Raises:
            LabError: there is none of that name, or it gave no answer in time.

        """
        command = self.command(*words)
        try:
            return subprocess.run(  # noqa: S603  words of our own, and a unit's name that systemctl checks
                command, check=False, capture_output=True, text=True, timeout=_ANSWER_SECONDS, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(" ".join(words), "no answer in time") from error
        except FileNotFoundError as error:
            raise LabError("lab", f"no {command[0]} here", hint="install systemd") from error

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Give some properties of a unit, as text."""
        options = [f"--property={name}" for name in names]
        lines = self.ask("show", unit, *options).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def version(self) -> str:
        """Name it: its version, and where it runs."""
        return f"{self.ask('--version').partition(' (')[0].strip()} on {self._where}"

    @contextlib.contextmanager
    def unit(self, name: str, text: str) -> Iterator[None]:
        """Have a unit of ours for as long as the context lasts."""
        path = f"{self.root}{UNITS}/{name}"
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
            self.ask("daemon-reload")
            yield
        finally:
            with contextlib.suppress(LabError):
                self.attempt("stop", name)
                self.attempt("reset-failed", name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with contextlib.suppress(LabError):
                self.attempt("daemon-reload")


def find_systemd() -> Systemd:
    """Give this host's systemd.

    Raises:
        LabError: PID 1 is another program.

    """
    # As sd_booted(3) tells it.
    if not os.path.isdir("/run/systemd/system"):
        raise LabError("lab", "systemd is not PID 1 here", hint="boot one in a container: --nspawn (Debian, as root)")
    return Systemd()
