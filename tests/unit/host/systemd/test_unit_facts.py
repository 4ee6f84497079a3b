"""What a host says of its systemd, its kernel and its cgroups, for units to be judged by."""

import errno

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.formats.unit_file import Assignment, UnitFile
from unreclaim.host.systemd.unit_facts import FactReader
from unreclaim.model.lint import HostFacts

V1 = (
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
V2 = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
MOUNTS = "/proc/self/mountinfo"


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/usr/lib/systemd/libsystemd-shared-257.so", 257),
        ("/usr/lib64/systemd/libsystemd-shared-239.so", 239),
        ("/usr/lib/systemd/libsystemd-shared-255.4-1.fc40.so", 255),
        ("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-core-252.so", 252),
        ("/lib/arm-linux-gnueabihf/systemd/libsystemd-shared-247.so", 247),
        ("/usr/lib/systemd/libsystemd-shared.so", None),
        ("/usr/lib/other/systemd/libsystemd-shared-252.so", None),
    ],
)
def test_the_version_is_told_by_the_name_of_a_library(path: str, version: int | None) -> None:
    """Every distribution's place and way of naming it is known; where there is none it is not known."""
    assert FactReader(FakeRoot({path: ""})).systemd_version() == version


def test_a_whole_host() -> None:
    """Version, cgroups, kernel and the defaults of system.conf, of which drop-ins come last."""
    root = FakeRoot(
        {
            MOUNTS: V2,
            "/proc/cmdline": "root=/dev/vda cgroup.memory=nosocket,nokmem\n",
            "/usr/lib/systemd/libsystemd-shared-252.so": "",
            "/etc/systemd/system.conf": "[Manager]\nDefaultRestartSec=1\n",
            "/usr/lib/systemd/system.conf": "[Manager]\nDefaultRestartSec=2\n",
            "/usr/lib/systemd/system.conf.d/10-a.conf": "[Manager]\nDefaultRestartSec=3\n",
            "/etc/systemd/system.conf.d/10-a.conf": "[Manager]\nDefaultRestartSec=4\n",
            "/run/systemd/system.conf.d/20-b.conf": "[Manager]\nDefaultRestartSec=5\n",
            "/run/systemd/system.conf.d/README": "",
        },
        symbols=frozenset({"lru_reparent_memcg"}),
        errors={"/run/systemd/system.conf.d/20-b.conf": errno.EACCES},
    )
    paths = ("/etc/systemd/system.conf", "/etc/systemd/system.conf.d/10-a.conf")
    files = tuple(
        UnitFile(path, (Assignment("Manager", "DefaultRestartSec", value, path, 2),))
        for path, value in zip(paths, ("1", "4"), strict=True)
    )
    assert FactReader(root).host() == HostFacts(252, 2, reparents_page_cache=True, nokmem=True, manager_files=files)
    assert FactReader(root).host(257).systemd_version == 257


def test_a_host_that_says_nothing() -> None:
    """What cannot be read is not known, and never no."""
    root = FakeRoot({}, symbols=None)
    reader = FactReader(root)
    assert reader.host() == HostFacts(None, None, None, None, ())
    assert reader.slice_has_memory("system.slice") is None


def test_slices_on_cgroup_v2() -> None:
    """A slice hands the controller down or does not; one that does not exist now is not known."""
    root = FakeRoot(
        {
            MOUNTS: V2,
            "/sys/fs/cgroup/cgroup.subtree_control": "cpu memory pids\n",
            "/sys/fs/cgroup/system.slice/cgroup.subtree_control": "cpu memory\n",
            "/sys/fs/cgroup/a.slice/a-b.slice/cgroup.subtree_control": "cpu\n",
        }
    )
    reader = FactReader(root)
    names = ("-.slice", "system.slice", "a-b.slice", "gone.slice")
    assert [reader.slice_has_memory(name) for name in names] == [True, True, False, None]
    asked = len(root.asked)
    assert reader.slice_has_memory("system.slice") is True
    assert len(root.asked) == asked


def test_slices_on_cgroup_v1() -> None:
    """With the memory controller on v1 a slice has memory cgroups where it is one itself."""
    root = FakeRoot({MOUNTS: V1, "/sys/fs/cgroup/memory/system.slice/tasks": ""})
    reader = FactReader(root)
    assert reader.host().cgroup_version == 1
    assert [reader.slice_has_memory(name) for name in ("system.slice", "a-b.slice", "-.slice")] == [True, False, True]


def test_what_is_there() -> None:
    """On a running host all can be told; of a captured one only what is kept on disk, if it holds programs."""
    files = {"/etc/a": "", "/usr/bin/x": "", "/sys/class/net/eth0/mtu": ""}
    errors = {"/etc/locked": errno.EACCES}
    paths = ("/etc/a", "/etc/b", "/etc/locked", "/sys/class/net/eth0", "/sys/class/net/eth9")
    live = FactReader(FakeRoot(files, errors=errors))
    assert [live.exists(path) for path in paths] == [True, False, None, True, False]
    tree = FactReader(FakeRoot(files, errors=errors, live=False))
    assert [tree.exists(path) for path in paths] == [True, False, None, None, None]
    report = FactReader(FakeRoot({"/etc/a": ""}, live=False))
    assert [report.exists(path) for path in paths[:2]] == [None, None]
    assert [reader.is_whole for reader in (live, tree, report)] == [True, True, False]
