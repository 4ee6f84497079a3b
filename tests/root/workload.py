"""Known workloads: they leave exactly so many dying memory cgroups behind, with a second source to check them."""

import subprocess
import time
from pathlib import Path

PRIME = 23


def leave_dying(parent: Path, files: Path, count: int = PRIME) -> None:
    """Make `count` memory cgroups below `parent` that each write a 4 KiB file into `files`, end and are removed.

    Each stays dying until its file's page cache goes: on kernels that do not reparent it, exactly one per file.
    """
    files.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cgroup = parent / f"c{number}"
        cgroup.mkdir()
        script = 'echo $$ > "$1/cgroup.procs"; exec head -c 4096 /dev/zero > "$2"'
        subprocess.run(["sh", "-c", script, "sh", cgroup, files / f"f{number}"], check=True)
        remove(cgroup)


def remove(cgroup: Path) -> None:
    """Remove a cgroup; a process that has just ended may still be in it for a moment."""
    for _ in range(200):
        try:
            cgroup.rmdir()
        except OSError:
            time.sleep(0.01)
        else:
            return
    cgroup.rmdir()


def remove_files(files: Path) -> None:
    """Delete what `leave_dying` wrote, and let the filesystem forget it."""
    for file in files.iterdir():
        file.unlink()
    files.rmdir()
    subprocess.run(["sync"], check=True)
