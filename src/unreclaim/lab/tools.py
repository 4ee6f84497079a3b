"""The programs that virtual machines need, and the Debian packages that bring them."""

import os
import shutil
import subprocess
from pathlib import Path

from unreclaim.lab.errors import LabError

PACKAGES = {
    "busybox": "busybox-static",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "zstd": "zstd",
}
"""The Debian package of each program that the laboratory starts."""


def find_tools(*names: str) -> tuple[str, ...]:
    """Give the path of each program, or say which Debian packages bring those that are missing."""
    # Debian keeps mke2fs where a user's PATH does not lead.
    found = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") for name in names}
    missing = [name for name in names if found[name] is None]
    if missing:
        hint = f"apt-get install {' '.join(PACKAGES[name] for name in missing)}"
        raise LabError("lab", f"not installed: {', '.join(missing)}", hint=hint)
    return tuple(path for path in found.values() if path is not None)


def run_quietly(scratch: Path, *command: str) -> None:
    """Run a program and show what it said only if it failed; an interrupt lets it clean up after itself.

    scratch: a directory for its log and for what it makes in between.

    Raises:
        LabError: it failed.

    """
    with (scratch / "log").open("w+", encoding="utf-8", errors="replace") as log:
        environment = {**os.environ, "TMPDIR": str(scratch), "LC_ALL": "C"}
        process = subprocess.Popen(  # noqa: S603  programs of ours, found in PATH
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        if code:
            log.seek(0)
            tail = " | ".join(log.read().strip().splitlines()[-4:])
            raise LabError(os.path.basename(command[0]), f"exit code {code}: {tail}", hint="is the network there?")
