"""How long the census takes beside the time that the kernel itself spends in its programs, and what memory it needs.

Makes dying memory cgroups, each held by a page of one file (with --own-files: of a file of its own, which takes more
memory to tell), and lists them. Prints for each number of them: the time to
records, and to records of pins, with the part of it that is spent in the kernel (the floor: nothing can be faster than
the walk itself) and their ratio; the longest single run of a program; loading apart, for that is libbpf reading the
kernel's BTF; and the peak memory of a process that makes a whole census.

Needs root, a memory hierarchy and a disk; leaves nothing behind. Run it with:
python -m bench.bench_census [--own-files] [N ...]
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from bench.cost import leave_dying, new_parent
from unreclaim.host.bpf.census import CensusPrograms
from unreclaim.host.bpf.libbpf import BpfObject
from unreclaim.host.collect import collect_host, collect_sample
from unreclaim.host.dying import drain_batches
from unreclaim.host.root import LiveRoot

ROUNDS = 7
GOALS = {10_000: (50, 100), 50_000: (250, None)}
"""Milliseconds to records, and to records of pins."""
GOAL_RUN_MS, GOAL_MIB = 5.0, 80


class Clocked:
    """Adds up the time of every run of a program: on the clock, and of this thread's processor alone."""

    def __init__(self) -> None:
        """Come in where a program is run."""
        run = BpfObject.run
        setattr(BpfObject, "run", lambda bpf, name: self._time(bpf, name, run))  # noqa: B010  or mypy would object
        self.seconds = self.longest = 0.0

    def _time(self, bpf: BpfObject, name: str, run: Callable[[BpfObject, str], None]) -> None:
        start, processor = time.perf_counter(), time.thread_time()
        run(bpf, name)
        self.seconds += time.perf_counter() - start
        self.longest = max(self.longest, time.thread_time() - processor)

    def reset(self) -> None:
        """Begin to add up anew."""
        self.seconds = 0.0


@contextlib.contextmanager
def dying_cgroups(mount_point: str, count: int, *, own_files: bool) -> Iterator[None]:
    """Make dying cgroups, and let them go afterwards."""
    with new_parent(mount_point) as parent, tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        for number in range(count):
            with open(f"{directory}/{number if own_files else 'shared'}", "ab") as file:
                leave_dying(parent, file.fileno(), number)
        yield


def measure(count: int, nodes: int) -> None:
    """Time the programs and print it."""
    start = time.perf_counter()
    with CensusPrograms() as programs:
        load = time.perf_counter() - start
        clocked = Clocked()
        drain_batches()
        times: dict[str, list[tuple[float, float]]] = {"records": [], "pins": []}
        dying = programs.list_dying()
        for _ in range(ROUNDS):
            clocked.reset()
            start = time.perf_counter()
            dying = programs.list_dying()
            times["records"].append((time.perf_counter() - start, clocked.seconds))
            clocked.reset()
            start = time.perf_counter()
            for _ in programs.list_pins(dying, nodes):
                pass
            times["pins"].append((time.perf_counter() - start, clocked.seconds))
    print(f"{len(dying):,} dying cgroups, {nodes} NUMA nodes; loading {load * 1e3:.0f} ms")
    for (name, pairs), goal in zip(times.items(), GOALS.get(count, (None, None)), strict=True):
        took, kernel = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
        ratio = statistics.median(whole / floor for whole, floor in pairs)
        wanted = "" if goal is None else f"   goal <= {goal} ms: {_met(took, goal)}"
        print(f"  to {name:<8} {took:7.1f} ms, in the kernel {kernel:7.1f} ms, ratio {ratio:.2f}{wanted}")
    longest = clocked.longest * 1e3
    print(f"  longest run {longest:5.1f} ms of processor   goal <= {GOAL_RUN_MS}: {_met(longest, GOAL_RUN_MS)}")
    script = (
        # Not ru_maxrss, which a program takes over from the one that started it.
        "import re\nfrom unreclaim.app.census import take_census\nfrom unreclaim.host.source import open_source\n"
        "take_census(open_source(None))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    peak = int(subprocess.check_output([sys.executable, "-c", script]))  # noqa: S603  our own
    print(f"  peak memory of a whole census {peak} MiB   goal <= {GOAL_MIB}: {_met(peak, GOAL_MIB)}")


def _met(figure: float, goal: float) -> str:
    return "met" if figure <= goal else "NOT MET"


def main() -> None:
    """Measure with each number of dying cgroups."""
    if os.geteuid() != 0:
        raise SystemExit("bench_census: needs root")
    root = LiveRoot()
    sample = collect_sample(root)
    hierarchy = sample.memory_hierarchy()
    if hierarchy is None:
        raise SystemExit("bench_census: no memory hierarchy")
    host, _ = collect_host(root, sample)
    own_files = "--own-files" in sys.argv
    for count in [int(text) for text in sys.argv[1:] if text != "--own-files"] or list(GOALS):
        with dying_cgroups(hierarchy.mount_point, count, own_files=own_files):
            measure(count, host.numa_nodes or 1)


if __name__ == "__main__":
    main()
