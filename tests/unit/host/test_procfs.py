"""The readers of /proc and /sys: what is missing becomes a gap with its remedy, never a zero."""

import errno

from tests.fakes.root import FakeRoot
from unreclaim.formats.pressure import Pressure, Stall
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.host.probe import Probe
from unreclaim.host.procfs import (
    read_host,
    read_meminfo,
    read_pressures,
    read_processes,
    read_slab_aliases,
    read_slabinfo,
    read_zram_bytes,
)
from unreclaim.model.gap import Gap

PSI = "some avg10=1.00 avg60=0.50 avg300=0.25 total=2000000\n"


def status(pid: int, name: str, rss: int) -> str:
    """Print what the kernel does of a process."""
    return f"Name:\t{name}\nPid:\t{pid}\nVmRSS:\t{rss} kB\n"


def test_slabinfo_that_only_root_may_read_is_a_gap_with_its_remedy() -> None:
    """EACCES says what to do: run as root on a live host, capture again on a capture."""
    for live, remedy in ((True, "run as root"), (False, "capture again as root")):
        probe = Probe(FakeRoot(errors={"/proc/slabinfo": errno.EACCES}, live=live))
        assert read_slabinfo(probe) is None
        assert probe.gaps == [Gap("slab caches", "/proc/slabinfo: not permitted", remedy)]


def test_a_file_that_is_not_there_is_told_apart_by_where_it_is_missing() -> None:
    """Missing on the running kernel and missing in a capture are two things."""
    live, captured = Probe(FakeRoot()), Probe(FakeRoot(live=False))
    assert read_meminfo(live) is None
    assert read_meminfo(captured) is None
    assert live.gaps == [Gap("memory figures", "/proc/meminfo does not exist on this kernel")]
    assert captured.gaps == [
        Gap("memory figures", "/proc/meminfo is not in a host in memory", "capture again with: unreclaim capture")
    ]


def test_a_damaged_file_is_a_gap_with_file_and_line() -> None:
    """What a parser refuses names the file and the line."""
    probe = Probe(FakeRoot({"/proc/meminfo": "MemTotal: 4 kB\n\0\1\2\n"}))
    assert read_meminfo(probe) is None
    assert [gap.why.split(": ")[0] for gap in probe.gaps] == ["/proc/meminfo:2"]


def test_pressure_that_is_switched_off_leaves_no_gap() -> None:
    """With psi=0 the files are there and reading gives EOPNOTSUPP: this host has no pressure figures."""
    root = FakeRoot({"/proc/pressure/cpu": PSI, "/proc/pressure/io": "garbage\n"})
    root.files["/proc/pressure/memory"] = ""
    root.errors = {"/proc/pressure/memory": errno.EOPNOTSUPP}
    probe = Probe(root)
    assert read_pressures(probe) == {"cpu": Pressure(Stall(1.0, 0.5, 0.25, 2.0))}
    assert [gap.what for gap in probe.gaps] == ["pressure of io"]


def test_only_pid_1_and_known_daemons_are_read() -> None:
    """Of all processes, PID 1 and those named like a known daemon give their memory; nothing else is opened."""
    names = {1: "systemd", 7: "bash", 11: "kubelet", 13: "systemd-logind"}
    files = {f"/proc/{pid}/comm": f"{name}\n" for pid, name in names.items()}
    files |= {f"/proc/{pid}/status": status(pid, name, pid * 100) for pid, name in names.items()}
    files["/proc/17/comm"] = "dockerd\n"
    root = FakeRoot({**files, "/proc/self/comm": "x\n"})
    probe = Probe(root)
    assert read_processes(probe) == (
        ProcessStatus("systemd", 1, 102_400),
        ProcessStatus("kubelet", 11, 1_126_400),
        ProcessStatus("systemd-logind", 13, 1_331_200),
    )
    assert "/proc/7/status" not in root.asked
    assert probe.gaps == []


def test_in_a_capture_processes_are_known_by_their_status() -> None:
    """A capture keeps no comm; the processes that it has are told by their status."""
    files = {"/proc/1/status": status(1, "init", 1), "/proc/9/status": status(9, "kubelet", 2)}
    files["/proc/12/status"] = status(12, "bash", 3)
    probe = Probe(FakeRoot(files, live=False))
    assert [process.pid for process in read_processes(probe)] == [1, 9]


def test_merged_caches_are_known_by_their_common_link() -> None:
    """Names that lead to one cache are aliases of each other; a cache of its own has none."""
    links = {
        "/sys/kernel/slab/UNIX": ":0001088",
        "/sys/kernel/slab/signal_cache": ":0001088",
        "/sys/kernel/slab/alone": ":0000064",
        "/sys/kernel/slab/:a": "nowhere",
    }
    root = FakeRoot(links=links, directories=["/sys/kernel/slab/dentry"])
    both = ("UNIX", "signal_cache")
    assert read_slab_aliases(Probe(root)) == {"UNIX": both, "signal_cache": both}


def test_compressed_ram_disks_are_added_up() -> None:
    """mem_used_total of every zram disk is summed; without one it is unknown, not zero."""
    files = {f"/sys/block/zram{number}/mm_stat": f"1 2 {4096 * (number + 1)} 0\n" for number in range(2)}
    assert read_zram_bytes(Probe(FakeRoot({**files, "/sys/block/vda/size": "1"}))) == 12_288
    assert read_zram_bytes(Probe(FakeRoot({"/sys/block/vda/size": "1"}))) is None


def test_a_host_that_says_nothing_is_all_gaps_and_no_error() -> None:
    """On an empty host every standing fact is unknown, and each that matters is named."""
    probe = Probe(FakeRoot(live=False))
    host = read_host(probe)
    assert (host.hostname, host.kernel, host.boot_id, host.cpus_possible, host.numa_nodes) == (None,) * 5
    assert [gap.what for gap in probe.gaps] == [
        "possible CPUs",
        "host name",
        "kernel release",
        "boot id",
        "kernel parameters",
    ]


def test_slab_that_lxcfs_prints_as_zero_is_unknown() -> None:
    """A container's meminfo with 0 for all slab (lxcfs 5.0.3) has no slab figures; the other lines are kept."""
    text = "MemTotal: 4 kB\nSlab: 0 kB\nSReclaimable: 0 kB\nSUnreclaim: 0 kB\nPercpu: 8 kB\n"
    probe = Probe(FakeRoot({"/proc/meminfo": text}))
    info = read_meminfo(probe)
    assert info is not None
    assert info.values == {"mem_total_bytes": 4096, "percpu_bytes": 8192}
    assert [gap.what for gap in probe.gaps] == ["slab figures"]
