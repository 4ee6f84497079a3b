"""Which controllers a hierarchy's number stands for."""

from tests.fakes.root import FakeRoot
from unreclaim.host.probe import Probe
from unreclaim.host.tracing.hierarchies import read_controllers_by_number

MOUNTS = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n35 31 0:32 / /x rw - cgroup cgroup rw,memory\n"


def test_both_versions_are_told() -> None:
    """v1 by /proc/self/cgroup, v2 by what its root says that it has."""
    root = FakeRoot(
        {
            "/proc/self/cgroup": "4:memory:/a\n2:cpu,cpuacct:/\n1:name=systemd:/a\n0::/a\n",
            "/proc/self/mountinfo": MOUNTS,
            "/sys/fs/cgroup/unified/cgroup.controllers": "io hugetlb\n",
        }
    )
    probe = Probe(root)
    expected = {4: ("memory",), 2: ("cpu", "cpuacct"), 1: ("name=systemd",), 0: ("io", "hugetlb")}
    assert (read_controllers_by_number(probe), probe.gaps) == (expected, [])


def test_what_cannot_be_read_is_a_gap() -> None:
    """A host that tells nothing has hierarchies by number alone; without controllers v2 has none."""
    probe = Probe(FakeRoot({"/proc/self/mountinfo": MOUNTS}))
    assert read_controllers_by_number(probe) == {0: ()}
    assert [gap.what for gap in probe.gaps] == ["controllers of cgroup hierarchies"]
