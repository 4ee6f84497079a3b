"""Trace a host on which 5,000 events of cgroups happen each second, for 30 seconds, and one on which hardly any do.

This process makes and removes cgroups at that rate; another is ``unreclaim trace``, whose time on a CPU is measured
between two moments of its watch. Goals: no event is lost, every cycle of ours is counted, and at most 15 % of one core;
at rest at most 0.1 %, where the events of others are told beside it.

Needs root. Run it with: python bench/bench_trace.py [SECONDS]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

EVENTS_PER_SECOND = 5000
EVENTS_PER_CYCLE = 3
BUSY_GOAL, IDLE_GOAL = 0.15, 0.001
IDLE_SECONDS, STRETCHES = 10.0, 6


class Run(NamedTuple):
    """What a watch came to. share: of one core."""

    summary: dict[str, Any]
    share: float
    seconds: float


def hierarchy() -> str:
    """Give where the hierarchy is mounted in which our cgroups are made: memory's on v1, else v2."""
    return next(place for place in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup") if os.path.isdir(place))


def make_cgroups(top: str, seconds: float) -> int:
    """Make and remove cgroups, evenly in time, and give their number."""
    number = 0
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        due = int(gone * EVENTS_PER_SECOND / EVENTS_PER_CYCLE)
        if number >= due:
            time.sleep(0.001)
        for _ in range(number, due):
            path = f"{top}/a@{number % 100}.service"
            os.mkdir(path)
            os.rmdir(path)
            number += 1
    return number


def cpu_seconds(pid: int) -> float:
    """Give the time that a process was on a CPU, to a nanosecond."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as file:
        return int(file.read().split()[0]) / 1e9


@contextmanager
def trace(output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Watch for as long as the context lasts."""
    command = [sys.executable, "-m", "unreclaim", "trace", "--for", "1h", "--json"]
    with subprocess.Popen(command, stdout=output) as process:  # noqa: S603  words of our own
        time.sleep(2.0)
        yield process
        process.send_signal(signal.SIGINT)


def busy(seconds: float) -> tuple[Run, int]:
    """Watch while cgroups are made."""
    top = f"{hierarchy()}/unreclaim-bench-{os.getpid()}"
    os.mkdir(top)
    try:
        with tempfile.TemporaryFile() as output:
            with trace(output) as process:
                before, began = cpu_seconds(process.pid), time.monotonic()
                number = make_cgroups(top, seconds)
                # Until the kernel has released the last.
                time.sleep(1.0)
                share = (cpu_seconds(process.pid) - before) / (time.monotonic() - began - 1.0)
            output.seek(0)
            summary = json.loads(output.read().splitlines()[-1])
    finally:
        os.rmdir(top)
    return Run(summary, share, seconds), number


def idle() -> Run:
    """Watch a host on which we do nothing; what counts is the quietest stretch, for others may do something."""
    shares = []
    with tempfile.TemporaryFile() as output:
        with trace(output) as process:
            for _ in range(STRETCHES):
                before = cpu_seconds(process.pid)
                time.sleep(IDLE_SECONDS)
                shares.append((cpu_seconds(process.pid) - before) / IDLE_SECONDS)
        output.seek(0)
        summary = json.loads(output.read().splitlines()[-1])
    return Run(summary, min(shares), STRETCHES * IDLE_SECONDS)


def judge(what: str, value: str, *, met: bool) -> bool:
    """Print a figure beside its goal."""
    print(f"{what:<40} {value:<48} {'met' if met else 'NOT MET'}", flush=True)
    return met


def main(arguments: list[str]) -> int:
    """Measure, print, and give 0 if every goal is met."""
    quiet = idle()
    events = sum(one[what] for one in quiet.summary["hierarchies"] for what in ("created", "removed", "released"))
    rest = f"{quiet.share:.3%} of a core ({events} events of others in {quiet.seconds:.0f} s)"
    fine = [judge(f"at rest, goal <= {IDLE_GOAL:.1%}", rest, met=quiet.share <= IDLE_GOAL)]
    run, number = busy(float(arguments[0]) if arguments else 30.0)
    row: dict[str, int] = next((one for one in run.summary["sources"] if one["source"] == "a@*.service"), {})
    counted = [row.get(what, 0) for what in ("created", "removed", "released")]
    rate = number * EVENTS_PER_CYCLE / run.seconds
    fine += [
        judge(f"events a second, goal >= {EVENTS_PER_SECOND}", f"{rate:,.0f}", met=rate >= EVENTS_PER_SECOND * 0.99),
        judge("lost, goal 0", f"{run.summary['lost_events']}", met=run.summary["lost_events"] == 0),
        judge(f"counted of {number:,}", f"{counted}", met=counted == [number] * 3),
        judge(f"while they happen, goal <= {BUSY_GOAL:.0%}", f"{run.share:.1%} of a core", met=run.share <= BUSY_GOAL),
    ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
