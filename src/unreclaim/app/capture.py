"""Captures a host: everything that a diagnosis reads, as a bundle."""

from collections.abc import Callable

from msgspec import Struct

from unreclaim.app.clock import Clock
from unreclaim.base.progress import Progress
from unreclaim.host.bundle import BundleWriter, open_bundle
from unreclaim.host.collect import collect_host, collect_sample, reparents_page_cache, with_charges, with_structures
from unreclaim.host.recorder import RecordingRoot
from unreclaim.host.source import Source
from unreclaim.model.gap import Gap

# Files that no judgement reads yet and that people who are sent a bundle ask for; none names a user or a command line.
EXTRA_FILES = (
    "/proc/1/cgroup",
    "/proc/self/cgroup",
    "/proc/version",
    "/proc/zoneinfo",
    "/proc/buddyinfo",
    "/proc/loadavg",
    "/proc/swaps",
    "/proc/filesystems",
    "/proc/sys/vm/swappiness",
    "/proc/sys/vm/vfs_cache_pressure",
)


class Captured(Struct, frozen=True):
    """What a capture wrote: where, how many samples and files, and what was missing."""

    path: str
    samples: int
    files: int
    size_bytes: int
    gaps: tuple[Gap, ...]


def capture(
    source: Source,
    clock: Clock,
    output: str,
    *,
    samples: int = 1,
    every_seconds: float = 30.0,
    with_arguments: bool = False,
    progress: Progress | None = None,
) -> Captured:
    """Write a bundle of `samples` samples, `every_seconds` apart; of a capture, all of its own samples.

    The bundle appears under its name only when it is complete.

    Raises:
        OutputError: the bundle cannot be written.

    """
    with open_bundle(output, clock.unix()) as writer:
        if source.live:
            gaps = _sample_live(source, clock, writer, samples, every_seconds, progress, with_arguments=with_arguments)
        else:
            gaps = _each(source, writer, with_arguments=with_arguments)
        writer.finish(page_size_bytes=source.page_size_bytes, architecture=source.architecture)
    return Captured(output, writer.samples, writer.files, writer.size_bytes, gaps)


def _sample_live(
    source: Source,
    clock: Clock,
    writer: BundleWriter,
    samples: int,
    every_seconds: float,
    progress: Progress | None,
    *,
    with_arguments: bool,
) -> tuple[Gap, ...]:
    start = clock.monotonic()
    gaps: tuple[Gap, ...] = ()
    whole = (samples - 1) * every_seconds
    for number in range(samples):
        due = number * every_seconds
        while (gone := clock.monotonic() - start) < due:
            if progress is not None:
                progress(gone, whole)
            clock.sleep(min(1.0, due - gone))
        gaps = _write_sample(RecordingRoot(source.roots[0]), writer, with_arguments=with_arguments)
    if progress is not None and whole:
        # The line of a terminal is wiped at the end.
        progress(whole, whole)
    return gaps


def _each(source: Source, writer: BundleWriter, *, with_arguments: bool) -> tuple[Gap, ...]:
    gaps: tuple[Gap, ...] = ()
    for root in source.roots:
        gaps = _write_sample(RecordingRoot(root), writer, with_arguments=with_arguments)
    return gaps


def _write_sample(root: RecordingRoot, writer: BundleWriter, *, with_arguments: bool) -> tuple[Gap, ...]:
    sample = with_charges(root, collect_sample(root))
    reparents_page_cache(root)
    host, host_gaps = collect_host(root, sample)
    _, more = with_structures(root, host)
    extra = [f"/proc/{process.pid}/cmdline" for process in sample.processes] if with_arguments else []
    for path in (*EXTRA_FILES, *extra):
        _try(root.read_text, path)
    writer.add_sample(root.files, root.directories, root.errors)
    return tuple(dict.fromkeys((*sample.gaps, *host_gaps, *more)))


def _try(read: Callable[[str], str], path: str) -> None:
    try:
        read(path)
    except OSError:
        # Kept by the recorder as an error where it is one; an extra file that is absent is no loss.
        return
