"""Compare a scan of all physical pages with only reading the same two files, in large reads, with nothing done to them.

Prints the ratio of the two, measured in turn in one run, for two sets of cgroups: those that a census looks for now
(living ones that are charged for more than the living own), and every live one, which is the worst that can be. The
goal is at most 1.35 for both. Then the memory that it took. Needs root.

    python bench/bench_page_scan.py
"""

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from unreclaim.analysis.page_scan import choose_ancestors
from unreclaim.analysis.residue import counter_slack_bytes
from unreclaim.formats.kpagecgroup import FILE as CGROUPS
from unreclaim.formats.kpageflags import FILE as FLAGS
from unreclaim.host.collect import collect_host, collect_sample, with_charges
from unreclaim.host.page_scan import scan_pages
from unreclaim.host.probe import Probe
from unreclaim.host.root import LiveRoot

ROUNDS = 9
GOAL = 1.35
LARGE = 8 * 1024 * 1024


def read_both() -> int:
    """Read both files to their ends into one buffer, again and again; give the pages."""
    buffer = bytearray(LARGE)
    pages = 0
    for path in (CGROUPS, FLAGS):
        descriptor = os.open(path, os.O_RDONLY)
        offset = 0
        while step := os.preadv(descriptor, [buffer], offset):
            offset += step
        os.close(descriptor)
        pages = offset // 8
    return pages


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_kib() -> int:
    """Give the most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Measure and print; give 0 if the goal is met."""
    root = LiveRoot()
    sample = with_charges(root, collect_sample(root))
    hierarchy = sample.memory_hierarchy()
    if os.geteuid() != 0 or hierarchy is None or sample.charges is None:
        print("needs root and a hierarchy with the memory controller")
        return 1
    host, _ = collect_host(root, sample)
    probe = Probe(root)
    chosen = choose_ancestors(sample.charges, counter_slack_bytes(host))
    everyone = tuple(charge.path for charge in sample.charges)
    before = peak_kib()
    scan_pages(probe, hierarchy, everyone)
    print(f"peak memory {before:,} KiB before the first scan, {peak_kib():,} KiB after it")
    met = True
    for title, paths in ((f"the {len(chosen)} that are looked for", chosen), (f"all {len(everyone)} live", everyone)):
        floors, scans = [], []
        for _ in range(ROUNDS):
            floors.append(seconds(read_both))
            scans.append(seconds(partial(scan_pages, probe, hierarchy, paths)))
        ratio = statistics.median(scan / floor for scan, floor in zip(scans, floors, strict=True))
        met = met and ratio <= GOAL
        print(f"cgroups: {title}")
        print(f"floor {statistics.median(floors):6.3f} s   reading {read_both():,} pages of both files")
        print(f"scan  {statistics.median(scans):6.3f} s")
        print(f"ratio {ratio:6.3f}     goal <= {GOAL}: {'met' if ratio <= GOAL else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
