"""Observes a host: samples over a window, and a closer look where dying cgroups call for one."""

from msgspec.structs import replace

from unreclaim.app.clock import Clock
from unreclaim.base.progress import Progress
from unreclaim.host.collect import (
    collect_brief_sample,
    collect_host,
    collect_light_sample,
    collect_sample,
    read_boot,
    reparents_page_cache,
    with_charges,
    with_structures,
)
from unreclaim.host.root import Root
from unreclaim.host.source import Source
from unreclaim.model.dying import NORMAL_DYING, count_memory
from unreclaim.model.gap import Gap
from unreclaim.model.sample import Observation, Sample

LIGHT_SAMPLE_SECONDS = 1.0
_MAX_LIGHT_SAMPLES = 120


def observe(source: Source, clock: Clock, *, window_seconds: float, progress: Progress | None = None) -> Observation:
    """Sample a live host over a window, or read every sample that a capture holds."""
    if not source.live:
        roots, others = _last_boot(source)
        captured = [collect_sample(root) for root in roots]
        captured[0] = with_charges(roots[0], captured[0])
        return _finish(source, roots[-1], captured, others)
    root = source.roots[0]
    samples = [collect_sample(root)]
    if _many_dying(samples[0]):
        samples[0] = with_charges(root, samples[0])
    start = clock.monotonic()
    every = max(LIGHT_SAMPLE_SECONDS, window_seconds / _MAX_LIGHT_SAMPLES)
    while (gone := clock.monotonic() - start) < window_seconds:
        if progress is not None:
            progress(gone, window_seconds)
        clock.sleep(min(every, window_seconds - gone))
        if clock.monotonic() - start < window_seconds:
            samples.append(collect_light_sample(root))
    if window_seconds > 0:
        samples.append(collect_sample(root))
        if progress is not None:
            progress(window_seconds, window_seconds)
    return _finish(source, root, samples)


def observe_briefly(source: Source) -> Observation:
    """Read only what one line needs: once on a live host, every sample of a capture."""
    roots, others = _last_boot(source)
    samples = tuple(collect_brief_sample(root) for root in roots)
    host, gaps = collect_host(roots[-1], samples[-1], page_size_bytes=source.page_size_bytes)
    return Observation(host, samples, captured=not source.live, gaps=(*others, *gaps))


def _last_boot(source: Source) -> tuple[tuple[Root, ...], tuple[Gap, ...]]:
    """Leave out the samples before the last one's boot: their figures, and their time, are another kernel's.

    Two hosts in one directory are told apart by it too. Where a capture kept no boot id, nothing is left out.
    """
    boots = [read_boot(root) for root in source.roots] if len(source.roots) > 1 else []
    last = boots[-1] if boots else None
    others = [number for number, boot in enumerate(boots, 1) if boot != last and boot is not None and last is not None]
    if not others:
        return source.roots, ()
    first = others[-1]
    why = f"the first {first} of {len(boots)} samples are of another boot or another host and were left out"
    return source.roots[first:], (Gap("growth between samples", why, "capture two samples of one boot"),)


def _finish(source: Source, root: Root, samples: list[Sample], others: tuple[Gap, ...] = ()) -> Observation:
    host, gaps = collect_host(root, samples[-1], page_size_bytes=source.page_size_bytes)
    host = replace(host, architecture=host.architecture or source.architecture)
    reparenting = None
    if _many_dying(samples[-1]) or _grew(samples):
        # Reading every cgroup's charges and the kernel's symbols and types is not free; a host in order is spared it.
        reparenting = reparents_page_cache(root)
        host, more = with_structures(root, host)
        gaps = (*gaps, *more)
        if samples[-1].charges is None:
            samples[-1] = with_charges(root, samples[-1])
    return Observation(host, tuple(samples), reparenting, not source.live, (*others, *gaps))


def _many_dying(sample: Sample) -> bool:
    count = count_memory(sample)
    return count is not None and (count.dying or 0) > NORMAL_DYING


def _grew(samples: list[Sample]) -> bool:
    first, last = count_memory(samples[0]), count_memory(samples[-1])
    return first is not None and last is not None and (last.dying or 0) > (first.dying or 0)
