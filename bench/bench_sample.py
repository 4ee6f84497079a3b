"""Compare a Sample of this host with reading the same files, in the same order, with no parsing.

Prints the ratio of the two, measured in turn in one run; the goal is at most 2. Then the wall time of whole commands,
started cold, against a bare interpreter; both find compiled modules, as an installed program does.

    python bench/bench_sample.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

from unreclaim.host.collect import collect_sample
from unreclaim.host.root import LiveRoot, walk_directories

ROUNDS = 60
GOAL = 2.0


class ListingRoot(LiveRoot):
    """The running host, and a list of every question it was asked, in order."""

    def __init__(self) -> None:
        """Begin with an empty list."""
        self.asked: list[tuple[Callable[[str], object], str]] = []

    def read_text(self, path: str) -> str:
        """Note and read a file."""
        self.asked.append((read_raw, path))
        return super().read_text(path)

    peek_text = read_text

    def list_names(self, path: str) -> list[str]:
        """Note and list a directory."""
        self.asked.append((os.listdir, path))
        return super().list_names(path)

    def read_link(self, path: str) -> str:
        """Note and read a link."""
        self.asked.append((os.readlink, path))
        return super().read_link(path)

    def inode(self, path: str) -> int | None:
        """Note and look up an inode."""
        self.asked.append((os.stat, path))
        return super().inode(path)

    def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
        """Note and walk directories."""
        self.asked.append((exhaust_walk, path))
        return super().walk(path)


def read_raw(path: str) -> None:
    """Read a file to its end as bytes and drop them; one that has vanished or is refused costs its open()."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        while os.read(descriptor, 65_536):
            pass
    except OSError:
        pass
    finally:
        os.close(descriptor)


def exhaust_walk(path: str) -> None:
    """Walk directories and keep nothing."""
    for _ in walk_directories(path):
        pass


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    listing = ListingRoot()
    collect_sample(listing)
    asked = list(listing.asked)

    def floor() -> None:
        for ask, path in asked:
            try:
                ask(path)
            except OSError:
                continue

    floors, samples = [], []
    for _ in range(ROUNDS):
        floors.append(seconds(floor))
        samples.append(seconds(lambda: collect_sample(LiveRoot())))
    ratios = sorted(sample / bare for sample, bare in zip(samples, floors, strict=True))
    ratio = statistics.median(ratios)
    print(f"a sample asks {len(asked)} questions of the host")
    print(f"floor  {statistics.median(floors) * 1e3:7.2f} ms   reading alone")
    print(f"sample {statistics.median(samples) * 1e3:7.2f} ms   read and parsed")
    print(f"ratio  {ratio:7.2f}      goal <= {GOAL}: {'met' if ratio <= GOAL else 'NOT MET'}")
    print(f"       {ratios[len(ratios) // 10]:7.2f} to {ratios[len(ratios) * 9 // 10]:.2f} for the middle eight tenths")
    bare = _command([sys.executable, "-c", "pass"])
    for arguments in (["status"], ["diagnose", "--for", "0"], ["--help"]):
        took = _command([sys.executable, "-m", "unreclaim", *arguments])
        line = f"{' '.join(arguments):<18} {took * 1e3:6.0f} ms cold"
        print(f"{line}, {took / bare:5.1f} x a bare interpreter ({bare * 1e3:.0f} ms)")


def _command(command: list[str]) -> float:
    """Give the median wall time of a command over 11 runs after one that warms the disk cache and compiles modules."""
    with tempfile.TemporaryDirectory() as compiled:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        run = partial(subprocess.run, command, env=environment, capture_output=True, check=False)
        times = [seconds(run) for _ in range(12)]
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
