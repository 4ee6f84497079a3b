"""Makes samples: one pass over a root, whole or light."""

from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from unreclaim.host.cgroupfs import MAX_CHARGES, read_charges, read_hierarchies
from unreclaim.host.container import detect_container, read_mounts
from unreclaim.host.probe import Probe
from unreclaim.host.procfs import (
    read_boot_id,
    read_host,
    read_meminfo,
    read_pressures,
    read_processes,
    read_slabinfo,
    read_structures,
    read_uptime,
    read_vmstat,
    read_zram_bytes,
)
from unreclaim.host.root import Root
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.gap import Gap
from unreclaim.model.host import Host
from unreclaim.model.pages import infer_page_size
from unreclaim.model.sample import Sample


@runtime_checkable
class Remarking(Protocol):
    """A root that knows limits of its own (how a sosreport was made) besides the files that it lacks."""

    def remarks(self) -> tuple[Gap, ...]:
        """Say what they are, when all is read."""


def collect_sample(root: Root) -> Sample:
    """Read everything that a diagnosis uses."""
    probe = Probe(root)
    uptime = read_uptime(probe)
    return Sample(
        uptime_seconds=uptime,
        meminfo=read_meminfo(probe),
        vmstat=read_vmstat(probe),
        slabs=read_slabinfo(probe),
        pressure=read_pressures(probe),
        hierarchies=_read_hierarchies(probe),
        processes=read_processes(probe),
        zram_bytes=read_zram_bytes(probe),
        gaps=tuple(probe.gaps),
    )


def collect_brief_sample(root: Root) -> Sample:
    """Read what one line needs: memory figures, slab, and the count of dying memory cgroups."""
    probe = Probe(root)
    uptime = read_uptime(probe)
    return Sample(
        uptime_seconds=uptime,
        meminfo=read_meminfo(probe),
        vmstat=read_vmstat(probe),
        slabs=read_slabinfo(probe),
        hierarchies=_read_hierarchies(probe, brief=True),
        gaps=tuple(probe.gaps),
    )


def collect_light_sample(root: Root) -> Sample:
    """Read only the memory figures, many times a minute if need be; what is missing was said by the whole sample."""
    probe = Probe(root)
    return Sample(uptime_seconds=read_uptime(probe), meminfo=read_meminfo(probe), vmstat=read_vmstat(probe))


def collect_host(root: Root, sample: Sample, *, page_size_bytes: int | None = None) -> tuple[Host, tuple[Gap, ...]]:
    """Read the standing facts; the page size is told from `sample` where it is not known better."""
    probe = Probe(root)
    host = read_host(probe)
    size = page_size_bytes or infer_page_size(sample.meminfo, sample.vmstat)
    if size is None:
        probe.note("page size", "meminfo and vmstat do not tell it", "slab sizes are left out")
    container = detect_container(probe)
    remarks = root.remarks() if isinstance(root, Remarking) else ()
    return replace(host, container=container, page_size_bytes=size), (*remarks, *probe.gaps)


def read_boot(root: Root) -> str | None:
    """Read which boot a sample is of; None: it does not say."""
    return read_boot_id(Probe(root))


def with_structures(root: Root, host: Host) -> tuple[Host, tuple[Gap, ...]]:
    """Add the sizes of the kernel's structures, to price a dying cgroup."""
    probe = Probe(root)
    return replace(host, structures=read_structures(probe)), tuple(probe.gaps)


def with_charges(root: Root, sample: Sample, *, most: int = MAX_CHARGES) -> Sample:
    """Add to a sample what every live memory cgroup is charged, to find by subtraction what the dying ones hold."""
    hierarchy = sample.memory_hierarchy()
    if hierarchy is None:
        return sample
    probe = Probe(root)
    return replace(sample, charges=read_charges(probe, hierarchy, most=most), gaps=(*sample.gaps, *probe.gaps))


def reparents_page_cache(root: Root) -> bool | None:
    """Tell whether this kernel hands a removed cgroup's page cache to its parent; None: its symbols are not shown."""
    return root.has_symbol("lru_reparent_memcg")


def reparents_kernel_memory(root: Root) -> bool | None:
    """Tell whether a removed cgroup's kernel objects go to its parent (5.9); None: the symbols are not shown."""
    return root.has_symbol("obj_cgroup_charge")


def _read_hierarchies(probe: Probe, *, brief: bool = False) -> tuple[Hierarchy, ...]:
    """Read every hierarchy; what a capture does not show to be whole is a part where it was made in a container."""
    hierarchies = read_hierarchies(probe, read_mounts(probe), brief=brief)
    if all(hierarchy.whole is not None for hierarchy in hierarchies) or detect_container(Probe(probe.root)) is None:
        return hierarchies
    return tuple(replace(found, whole=False) if found.whole is None else found for found in hierarchies)
