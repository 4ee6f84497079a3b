"""Slab caches ranked by size and growth, and the fingerprint that many memory cgroups leave in them."""

from unreclaim.base.units import SECONDS_PER_DAY
from unreclaim.formats.slabinfo import SlabCache
from unreclaim.model.diagnosis import Fingerprint, SlabUse
from unreclaim.model.dying import Count
from unreclaim.model.sample import Observation

# Caches of which every memory cgroup has a known number, wherever the kernel keeps them apart (6.16 and newer).
_PER_CGROUP = {"mem_cgroup": 1.0}
_FIT_LOW, _FIT_HIGH = 0.8, 1.6
_ENOUGH = 20


def rank_slabs(observation: Observation) -> tuple[SlabUse, ...]:
    """Rank every cache of the last sample, largest first; caches of the same name are separate entries."""
    host, last = observation.host, observation.last
    if last.slabs is None:
        return ()
    earlier = _pages_by_key(observation.first.slabs or ())
    seconds = observation.window_seconds
    page = host.page_size_bytes
    uses = []
    for key, cache in _keyed(last.slabs):
        growth = None
        if page is not None and seconds > 0 and observation.first.slabs is not None:
            growth = (cache.pages - earlier.get(key, 0)) * page / seconds * SECONDS_PER_DAY
        uses.append(
            SlabUse(
                cache.name,
                cache.objects,
                cache.active_objects,
                cache.object_size_bytes,
                None if page is None else cache.pages * page,
                growth,
                tuple(name for name in host.slab_aliases.get(cache.name, ()) if name != cache.name),
            )
        )
    return tuple(sorted(uses, key=lambda use: (-(use.size_bytes or use.objects * use.object_size_bytes), use.name)))


def _keyed(slabs: tuple[SlabCache, ...]) -> list[tuple[tuple[str, int], SlabCache]]:
    """Tell caches of one name apart by their order, which the kernel keeps while none is created."""
    seen: dict[str, int] = {}
    keyed = []
    for cache in slabs:
        seen[cache.name] = seen.get(cache.name, 0) + 1
        keyed.append(((cache.name, seen[cache.name]), cache))
    return keyed


def _pages_by_key(slabs: tuple[SlabCache, ...]) -> dict[tuple[str, int], int]:
    return {key: cache.pages for key, cache in _keyed(slabs)}


def read_fingerprint(observation: Observation, count: Count | None) -> Fingerprint | None:
    """Compare the caches that every memory cgroup fills with the number of cgroups that live and are dying.

    <active_objs> counts objects that wait on per-CPU lists too, so it lies somewhat above the truth.
    """
    if count is None or count.live is None or count.dying is None:
        return None
    expected = count.live + count.dying
    slabs = observation.last.slabs or ()
    objects = {
        cache.name: round(cache.active_objects / expected, 2)
        for cache in slabs
        if cache.name in _PER_CGROUP and expected
    }
    fits = None
    if objects and expected >= _ENOUGH:
        fits = all(_FIT_LOW <= ratio / _PER_CGROUP[name] <= _FIT_HIGH for name, ratio in objects.items())
    return Fingerprint(expected, objects, fits)
