"""What a dying memory cgroup costs on this machine, against what unreclaim's model says (docs/kernel-notes/cost.md).

Makes dying memory cgroups: a process joins a fresh cgroup, writes one 4 KiB page of a file on disk and ends, and the
cgroup is removed; the page in the page cache holds it. All pages are of one file, so that no inodes are measured. The
rounds pile up on each other, because the kernel fills the memory that an earlier round left free before it takes more;
after the last round the file is deleted, and what comes back is shown as well.

Needs root, a memory hierarchy and a disk; leaves nothing behind. Run it with: python -m bench.cost [N [ROUNDS]]
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from unreclaim.analysis.cost import estimate_cost
from unreclaim.analysis.structures import slot_bytes
from unreclaim.base.units import format_count
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.host.collect import collect_host, collect_sample, with_structures
from unreclaim.host.root import LiveRoot
from unreclaim.model.diagnosis import Span
from unreclaim.model.dying import count_memory
from unreclaim.model.sample import Sample

PAGE = 4096
SETTLE_SECONDS = 4.0
GIVE_UP_SECONDS = 30.0
# A dying cgroup has these objects in whole numbers; caches that move by less belong to somebody else's work.
OBJECTS_FROM = 0.5


class Reading(NamedTuple):
    """The figures of one moment; bytes, but dying."""

    dying: int
    sunreclaim: int
    sreclaimable: int
    percpu: int


class Each(NamedTuple):
    """What one dying cgroup took between two readings, in bytes; slab is both slab lines together."""

    dying: int
    sunreclaim: float
    slab: float
    percpu: float


def read(sample: Sample) -> Reading:
    """Take the figures of interest out of a sample."""
    count = count_memory(sample)
    if count is None or count.dying is None or sample.meminfo is None:
        raise SystemExit("bench/cost.py: the dying memory cgroups of this machine cannot be counted")
    names = ("sunreclaim_bytes", "sreclaimable_bytes", "percpu_bytes")
    return Reading(count.dying, *(sample.meminfo.get(name) or 0 for name in names))


def difference(before: Reading, after: Reading) -> Each:
    """Share the difference of two readings out among the cgroups that began, or ceased, to be dying."""
    dying = after.dying - before.dying
    unreclaimable = after.sunreclaim - before.sunreclaim
    reclaimable = after.sreclaimable - before.sreclaimable
    parts = (unreclaimable, unreclaimable + reclaimable, after.percpu - before.percpu)
    return Each(dying, *(part / (dying or 1) for part in parts))


@contextlib.contextmanager
def new_parent(mount_point: str) -> Iterator[str]:
    """Make a cgroup for the others to be in, and remove it and what is left in it."""
    parent = f"{mount_point}/unreclaim-cost-{os.getpid()}-{time.monotonic_ns()}"
    os.mkdir(parent)
    try:
        if os.path.exists(f"{parent}/cgroup.subtree_control"):
            write(f"{parent}/cgroup.subtree_control", "+memory")
        yield parent
    finally:
        with os.scandir(parent) as entries:
            left = [entry.path for entry in entries if entry.is_dir()]
        for path in (*left, parent):
            os.rmdir(path)


def write(path: str, text: str) -> None:
    """Write a pseudo-file, which exists."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def leave_dying(parent: str, file: int, number: int) -> None:
    """Make one dying cgroup, held by page `number` of an open file."""
    cgroup = f"{parent}/{number}"
    os.mkdir(cgroup)
    pid = os.fork()
    if pid == 0:
        # A process of its own: memory that it used itself goes with it and holds nothing.
        try:
            write(f"{cgroup}/cgroup.procs", "0")
            os.pwrite(file, b"\0" * PAGE, number * PAGE)
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    os.rmdir(cgroup)
    if status:
        raise SystemExit(f"bench/cost.py: a process could not write to {cgroup}/cgroup.procs or to its file")


def settle() -> Sample:
    """Sample the host once the kernel's work queues and per-CPU counters had their time.

    The pages are not written to the disk before: clean ones would be free for anybody's reclaim to take.
    """
    time.sleep(SETTLE_SECONDS)
    return collect_sample(LiveRoot())


def wait_until_freed(dying: int) -> Sample:
    """Wait until no more than so many cgroups are dying, or long enough, and sample the host."""
    os.sync()
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while True:
        sample = settle()
        if read(sample).dying <= dying or time.monotonic() > give_up:
            return sample


def objects_each(before: Sample, after: Sample, dying: int) -> dict[str, tuple[float, SlabCache]]:
    """Give, for each slab cache that grew with the cgroups, its objects per cgroup."""
    earlier = {cache.name: cache.active_objects for cache in before.slabs or ()}
    grown = {
        cache.name: ((cache.active_objects - earlier.get(cache.name, 0)) / dying, cache) for cache in after.slabs or ()
    }
    return {name: found for name, found in grown.items() if found[0] >= OBJECTS_FROM}


def show(title: str, each: Each) -> None:
    """Print one line of the table."""
    print(
        f"{title:22}{format_count(each.dying):>8}{each.sunreclaim:>12,.0f}{each.slab:>12,.0f}{each.percpu:>12,.0f}",
        flush=True,
    )


def judge(what: str, span: Span, measured: list[float]) -> bool:
    """Print the ratio of the model to the median of the rounds, and tell whether the median is within its bounds."""
    middle = statistics.median(measured)
    fits = span.low <= middle <= span.high
    print(
        f"{what}: model {span.middle:,} bytes ({span.low:,} to {span.high:,}), measured {middle:,.0f} "
        f"({min(measured):,.0f} to {max(measured):,.0f}); "
        f"ratio {span.middle / middle if middle else float('inf'):.3f}: {'ok' if fits else 'NOT within the bounds'}"
    )
    return fits


def measure(parent: str, number: int, rounds: int) -> tuple[list[Each], Sample, Sample]:
    """Make `number` dying cgroups in each round; give the rounds, and the samples before and after all of them."""
    found = []
    with tempfile.TemporaryFile(dir="/var/tmp", buffering=0) as file:
        os.ftruncate(file.fileno(), number * rounds * PAGE)
        first = before = settle()
        for turn in range(rounds):
            for page in range(turn * number, (turn + 1) * number):
                leave_dying(parent, file.fileno(), page)
            after = settle()
            found.append(difference(read(before), read(after)))
            show(f"round {turn + 1}", found[-1])
            before = after
    show("file deleted", difference(read(before), read(wait_until_freed(read(first).dying))))
    return found, first, before


def main(arguments: list[str]) -> int:
    """Measure, compare with the model, and give 0 if the model holds."""
    number = int(arguments[0]) if arguments else 2000
    rounds = int(arguments[1]) if arguments[1:] else 3
    start = collect_sample(LiveRoot())
    hierarchy = start.memory_hierarchy()
    if os.geteuid() != 0 or hierarchy is None:
        raise SystemExit("bench/cost.py: needs root and a hierarchy with the memory controller")
    host, _ = collect_host(LiveRoot(), start)
    machine = f"{host.cpus_possible} possible CPUs, {host.numa_nodes} node, memory on v{hierarchy.version}"
    print(f"kernel {host.kernel}, {machine}, {number} cgroups a round")
    print(f"{'bytes per dying cgroup':22}{'dying':>8}{'SUnreclaim':>12}{'Slab':>12}{'Percpu':>12}")
    with new_parent(hierarchy.mount_point) as parent:
        found, first, last = measure(parent, number, rounds)
    made = sum(each.dying for each in found)
    if not made:
        raise SystemExit("bench/cost.py: this kernel keeps no cgroup by page cache, so there is nothing to measure")
    print(f"\n{'objects per dying cgroup':28}{'objects':>8}{'slot bytes':>12}{'bytes':>10}")
    for name, (objects, cache) in sorted(objects_each(first, last, made).items()):
        slot = slot_bytes(cache, PAGE)
        print(f"{name:28}{objects:>8.2f}{slot:>12,}{objects * slot:>10,.0f}")
    host, _ = with_structures(LiveRoot(), host)
    cost = estimate_cost(host, last, count_memory(last))
    print(f"\n{cost.source}")
    fits = [judge("slab", cost.slab, [each.slab for each in found])]
    if cost.percpu is not None:
        fits.append(judge("per-CPU", cost.percpu, [each.percpu for each in found]))
    return 0 if all(fits) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
