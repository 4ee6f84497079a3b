"""Whole hosts in memory, whose files hang together: what is dying moves /proc/cgroups, time moves /proc/uptime."""

import tarfile
from pathlib import Path

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from unreclaim.host.source import Source

HOSTS = Path(__file__).parents[1] / "hosts"
UPTIME = 3600.0
PAGE = 4096
MEMORY = "/sys/fs/cgroup/memory"
SLABINFO = """\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
mem_cgroup            28     28   2240   14    8 : tunables    0    0    0 : slabdata      2      2      0
pool_workqueue       128    128    512    8    1 : tunables    0    0    0 : slabdata     16     16      0
dentry             21672  21672    192   21    1 : tunables    0    0    0 : slabdata   1032   1032      0
"""  # noqa: E501
STANDING = {
    "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    "/proc/1/comm": "systemd\n",
    "/proc/1/cgroup": "2:memory:/init.scope\n0::/init.scope\n",
    "/proc/1/status": "Name:\tsystemd\nPid:\t1\nPPid:\t0\nVmRSS:\t    9500 kB\nRssAnon:\t    4000 kB\n",
    "/proc/23/comm": "kubelet\n",
    "/proc/23/status": "Name:\tkubelet\nPid:\t23\nPPid:\t1\nVmRSS:\t   80000 kB\nRssAnon:\t   60000 kB\n",
    "/proc/cmdline": "root=/dev/vda rw quiet\n",
    "/proc/pressure/memory": (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=234\n"
    ),
    "/proc/sys/kernel/arch": "x86_64\n",
    "/proc/sys/kernel/hostname": "web-07\n",
    "/proc/sys/kernel/osrelease": "6.18.44\n",
    "/proc/sys/kernel/random/boot_id": "6d0a3c2e-93e3-4d2b-8f2c-0c5d0b6b9a11\n",
    "/proc/version": "Linux version 6.18.44 (builder@example) #1 SMP\n",
    "/proc/slabinfo": SLABINFO,
    "/sys/devices/system/cpu/online": "0-1\n",
    "/sys/devices/system/cpu/possible": "0-1\n",
    "/sys/devices/system/node/possible": "0\n",
}
LINKS = {
    "/proc/self/ns/pid": "pid:[4026531836]",
    "/proc/self/ns/cgroup": "cgroup:[4026531835]",
    "/sys/kernel/slab/pool_workqueue": ":0000512",
    "/sys/kernel/slab/mem_cgroup_per_node": ":0000512",
}
MOUNTS = f"""\
30 1 254:0 / / rw,relatime - ext4 /dev/vda rw
35 30 0:32 / {MEMORY} rw,relatime - cgroup cgroup rw,memory
41 30 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


class FakeHost:
    """A hybrid host with 6.18: `dying`, `slab_kib`, `residue_pages` and the root's files may be changed at any time."""

    def __init__(self, *, dying: int = 11, live: bool = True) -> None:
        """Boot the host an hour before the clock starts."""
        self.clock = FakeClock()
        self.dying = dying
        self.unified_dying = 0
        self.slab_kib = 100_000
        self.residue_pages = 0
        self.root = FakeRoot(
            {
                **STANDING,
                "/proc/uptime": lambda: f"{UPTIME + self.clock.gone:.2f} {UPTIME:.2f}\n",
                "/proc/meminfo": self._meminfo,
                "/proc/vmstat": "nr_page_table_pages 2500\nnr_mapped 30000\nnr_anon_pages 500000\nnr_shmem 12500\n",
                "/proc/cgroups": lambda: (
                    f"#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t2\t{self.live + self.dying}\t1\n"
                ),
                "/proc/self/mountinfo": MOUNTS,
                f"{MEMORY}/cgroup.sane_behavior": "0\n",
                "/sys/fs/cgroup/unified/cgroup.controllers": "\n",
                "/sys/fs/cgroup/unified/cgroup.stat": lambda: (
                    f"nr_descendants 2\nnr_dying_descendants {self.unified_dying}\n"
                ),
            },
            directories=("/sys/fs/cgroup/unified/system.slice", "/sys/fs/cgroup/unified/init.scope"),
            links=LINKS,
            live=live,
        )
        for path in ("", "/flappy.slice", "/system.slice", "/system.slice/cron.service"):
            self.make_cgroup(path)

    @property
    def live(self) -> int:
        """Give the number of live memory cgroups, the root included."""
        return sum(name == MEMORY or name.startswith(f"{MEMORY}/") for name in self.root.directories())

    def make_cgroup(self, path: str) -> None:
        """Make a live memory cgroup; the dead of flappy.slice leave their pages there."""
        directory = MEMORY + path
        self.root.make_directory(directory)
        self.root.files[f"{directory}/memory.stat"] = lambda: self._stat(path)
        self.root.files[f"{directory}/memory.usage_in_bytes"] = "8192000\n"
        self.root.files[f"{directory}/memory.kmem.usage_in_bytes"] = "4096000\n"

    def leave_behind(self, number: int) -> None:
        """Let so many cgroups be made below flappy.slice, write a page each, and be removed."""
        self.dying += number
        self.residue_pages += number

    def source(self, kind: str = "live") -> Source:
        """Give the host as what a command opens."""
        return Source(kind, (self.root,), PAGE, "x86_64")

    def _stat(self, path: str) -> str:
        below = self.residue_pages * PAGE if path in ("", "/flappy.slice") else 0
        return f"cache 0\nrss 4096\nshmem 0\ntotal_cache {below}\ntotal_rss 4096\ntotal_shmem 0\n"

    def _meminfo(self) -> str:
        lines = {
            "MemTotal": 16 * 2**20,
            "MemFree": 8 * 2**20,
            "MemAvailable": 12 * 2**20,
            "Buffers": 100_000,
            "Cached": 4 * 2**20,
            "AnonPages": 2_000_000,
            "Mapped": 120_000,
            "Shmem": 50_000,
            "KReclaimable": 210_000,
            "SReclaimable": 200_000,
            "SUnreclaim": self.slab_kib,
            "KernelStack": 10_000,
            "PageTables": 10_000,
            "VmallocUsed": 30_000,
            "Percpu": 20_000,
        }
        return "".join(f"{name + ':':<16}{size:>8} kB\n" for name, size in lines.items())


def captured_texts(bundle: Path) -> list[dict[str, str]]:
    """Give every sample of a captured host as texts by absolute path; it is read here without the program's help."""
    samples: dict[str, dict[str, str]] = {}
    with tarfile.open(bundle) as archive:
        for member in archive:
            _, _, path = member.name.partition("/")
            number, _, inside = path.partition("/")
            stream = archive.extractfile(member) if member.isfile() and inside else None
            if stream is not None:
                text = stream.read().decode("utf-8", "surrogateescape")
                samples.setdefault(number, {})[f"/{inside}"] = text
    return [samples[number] for number in sorted(samples)]
