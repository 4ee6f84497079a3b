"""What systemd itself finds wrong with a unit, by ``systemd-analyze verify``, which starts and changes nothing."""

import os
import shutil
import subprocess

_PROGRAM = "systemd-analyze"
_SECONDS = 60.0


def verify_unit(fragment_path: str) -> tuple[str, ...] | None:
    """Give each complaint about a unit and its drop-ins, as a line; None: the program is not there.

    That it did not end well is a complaint too. Warnings alone end well, and are given all the same.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  a path that systemd gave
            # Without looking for manual pages, each of which would start a man.
            (program, "verify", "--man=no", fragment_path),
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
        )
    except subprocess.TimeoutExpired:
        return (f"{_PROGRAM}: no answer within {_SECONDS:.0f} seconds",)
    lines = [line for line in done.stderr.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    if done.returncode:
        lines.append(f"{_PROGRAM}: exit code {done.returncode}")
    return tuple(lines)
