"""Reads /proc and /sys: memory, slab, pressure, and the facts that stand while a host runs."""

import errno

from msgspec.structs import replace

from unreclaim.base.errors import ParseError
from unreclaim.formats.boot_id import parse_boot_id
from unreclaim.formats.cpu_list import parse_cpu_list
from unreclaim.formats.kernel_cmdline import parse_kernel_cmdline
from unreclaim.formats.meminfo import MemInfo, parse_meminfo
from unreclaim.formats.os_release import OsRelease, parse_os_release
from unreclaim.formats.pressure import Pressure, parse_pressure
from unreclaim.formats.proc_cgroups import ControllerRow, parse_proc_cgroups
from unreclaim.formats.proc_pid_status import ProcessStatus, parse_proc_pid_status
from unreclaim.formats.slabinfo import SlabCache, parse_slabinfo
from unreclaim.formats.uptime import parse_uptime
from unreclaim.formats.vmstat import VmStat, parse_vmstat
from unreclaim.formats.zram_mm_stat import parse_zram_mm_stat
from unreclaim.host.probe import Probe
from unreclaim.model.host import STRUCTURES, Host

DAEMONS = frozenset({"systemd-logind", "kubelet", "containerd", "dockerd", "crio"})
"""Daemons whose own memory growth is mistaken for the kernel's, by the name in /proc/PID/comm."""

_SLAB = "/sys/kernel/slab"
_SLAB_LINES = ("slab_bytes", "sreclaimable_bytes", "sunreclaim_bytes")
_PRESSURE = "/proc/pressure"


def read_meminfo(probe: Probe) -> MemInfo | None:
    """Read /proc/meminfo; where lxcfs prints 0 for all slab, which no running kernel has, those lines are unknown."""
    info = probe.read("/proc/meminfo", parse_meminfo, "memory figures")
    if info is None or any(info.get(name) != 0 for name in _SLAB_LINES):
        return info
    probe.note("slab figures", "lxcfs has put 0 in their place in /proc/meminfo", "run on the container's host")
    return replace(info, values={name: size for name, size in info.values.items() if name not in _SLAB_LINES})


def read_vmstat(probe: Probe) -> VmStat | None:
    """Read /proc/vmstat."""
    return probe.read("/proc/vmstat", parse_vmstat, "page counters")


def read_slabinfo(probe: Probe) -> tuple[SlabCache, ...] | None:
    """Read /proc/slabinfo, which only root may."""
    return probe.read("/proc/slabinfo", parse_slabinfo, "slab caches")


def read_controllers(probe: Probe) -> tuple[ControllerRow, ...] | None:
    """Read /proc/cgroups; absent on a kernel without cgroup v1 support."""
    return probe.read("/proc/cgroups", parse_proc_cgroups, "controllers", optional=True)


def read_uptime(probe: Probe) -> float | None:
    """Read the seconds since boot."""
    return probe.read("/proc/uptime", parse_uptime, "time since boot")


def read_pressures(probe: Probe) -> dict[str, Pressure]:
    """Read /proc/pressure/*; empty where this kernel has no PSI or it is off (psi=0: EOPNOTSUPP)."""
    try:
        resources = probe.root.list_names(_PRESSURE)
    except OSError:
        return {}
    pressures = {}
    for resource in resources:
        try:
            pressures[resource] = parse_pressure(
                probe.root.read_text(f"{_PRESSURE}/{resource}"), file=f"{_PRESSURE}/{resource}"
            )
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                probe.note(f"pressure of {resource}", f"{_PRESSURE}/{resource}: {error.strerror}")
        except ParseError as error:
            probe.note(f"pressure of {resource}", str(error))
    return pressures


def read_zram_bytes(probe: Probe) -> int | None:
    """Add up the memory that zram disks hold; None: there are none."""
    try:
        disks = [name for name in probe.root.list_names("/sys/block") if name.startswith("zram")]
    except OSError:
        return None
    used = [
        probe.read(f"/sys/block/{disk}/mm_stat", parse_zram_mm_stat, f"memory of {disk}", optional=True)
        for disk in disks
    ]
    known = [size for size in used if size is not None]
    return sum(known) if known else None


def read_processes(probe: Probe) -> tuple[ProcessStatus, ...]:
    """Read the resident memory of PID 1 and of every process named as one of `DAEMONS`."""
    try:
        pids = [int(name) for name in probe.root.list_names("/proc") if name.isdigit()]
    except OSError:
        return ()
    found = []
    for pid in sorted(pids):
        if pid == 1 or _is_daemon(probe, pid):
            status = probe.read(
                f"/proc/{pid}/status", parse_proc_pid_status, f"memory of process {pid}", optional=pid != 1
            )
            if status is not None and (pid == 1 or status.name in DAEMONS):
                found.append(status)
    return tuple(found)


def _is_daemon(probe: Probe, pid: int) -> bool:
    try:
        return probe.root.peek_text(f"/proc/{pid}/comm").rstrip("\n") in DAEMONS
    except OSError:
        # A capture holds no comm, but then only the processes that matter; on the live host it has exited.
        return not probe.root.live


def read_host(probe: Probe) -> Host:
    """Read the standing facts of a host."""
    possible = probe.read("/sys/devices/system/cpu/possible", parse_cpu_list, "possible CPUs")
    online = probe.read("/sys/devices/system/cpu/online", parse_cpu_list, "online CPUs", optional=True)
    nodes = probe.read("/sys/devices/system/node/possible", parse_cpu_list, "NUMA nodes", optional=True)
    return Host(
        hostname=probe.read_line("/proc/sys/kernel/hostname", "host name"),
        kernel=probe.read_line("/proc/sys/kernel/osrelease", "kernel release"),
        architecture=probe.read_line("/proc/sys/kernel/arch", "architecture", optional=True),
        os=_read_os_release(probe),
        boot_id=read_boot_id(probe),
        cmdline=probe.read("/proc/cmdline", parse_kernel_cmdline, "kernel parameters"),
        cpus_possible=len(possible) if possible else None,
        cpus_online=len(online) if online else None,
        # Without CONFIG_NUMA there is no such directory and the kernel has exactly one node.
        numa_nodes=len(nodes) if nodes else (1 if probe.root.live else None),
        slab_aliases=read_slab_aliases(probe),
    )


def read_boot_id(probe: Probe) -> str | None:
    """Read the random number that this boot bears."""
    return probe.read("/proc/sys/kernel/random/boot_id", parse_boot_id, "boot id")


def _read_os_release(probe: Probe) -> OsRelease | None:
    name = probe.read("/etc/os-release", parse_os_release, "distribution", optional=True)
    return name or probe.read("/usr/lib/os-release", parse_os_release, "distribution", optional=True)


def read_structures(probe: Probe) -> dict[str, int]:
    """Read the sizes of the structures that a memory cgroup is made of; empty where the kernel does not tell them."""
    try:
        return probe.root.structures(STRUCTURES)
    except ParseError as error:
        probe.note("sizes of the kernel's structures", str(error))
    except OSError:
        # No BTF; the cost of a dying cgroup then says where else it is from.
        pass
    return {}


def read_slab_aliases(probe: Probe) -> dict[str, tuple[str, ...]]:
    """Find which caches SLUB has merged: links in /sys/kernel/slab with the same target are one cache.

    /proc/slabinfo shows a merged cache under the name of the first that was made (sysfs_slab_alias() in mm/slub.c).
    Empty where the directory cannot be read (SLAB, or a kernel without CONFIG_SYSFS), which leaves no gap.
    """
    try:
        names = probe.root.list_names(_SLAB)
    except OSError:
        return {}
    merged: dict[str, list[str]] = {}
    for name in names:
        if not name.startswith(":"):
            try:
                merged.setdefault(probe.root.read_link(f"{_SLAB}/{name}"), []).append(name)
            except OSError:
                # A directory, not a link: a cache that was not merged.
                continue
    groups = [tuple(sorted(group)) for group in merged.values() if len(group) > 1]
    return {name: group for group in groups for name in group}
