"""Being inside a container is told by what cannot be faked first, and by the runtime's marks second."""

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.host.container import detect_container
from unreclaim.host.probe import Probe
from unreclaim.model.host import Container

HOST = {"/proc/self/ns/pid": "pid:[4026531836]", "/proc/self/ns/cgroup": "cgroup:[4026531835]"}
INSIDE = {"/proc/self/ns/pid": "pid:[4026532451]", "/proc/self/ns/cgroup": "cgroup:[4026531835]"}
MOUNTS = {"/proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw\n"}
LXCFS = "99 22 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n"


def detect(files: dict[str, str], links: dict[str, str]) -> Container | None:
    """Look for a container on a host of these files and links."""
    return detect_container(Probe(FakeRoot({**MOUNTS, **files}, links=links)))


def test_the_host_is_no_container() -> None:
    """In the kernel's first namespaces there is no container."""
    assert detect({}, HOST) is None


def test_a_virtual_machine_made_from_a_container_image_is_no_container() -> None:
    """/.dockerenv proves nothing in the kernel's first namespaces: this project's own test machine has one."""
    assert detect({"/.dockerenv": ""}, HOST) is None


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"/.dockerenv": ""}, "docker"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/proc/1/cgroup": "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope\n"}, "kubernetes"),
        ({"/proc/1/cgroup": "4:memory:/docker/0123\n"}, "docker"),
        ({"/proc/1/cgroup": "4:memory:/lxc.payload.web\n"}, "lxc"),
        ({"/proc/1/cgroup": "0::/machine.slice/x\n"}, "systemd-nspawn"),
        ({"/proc/1/cgroup": "0::/\n"}, "unknown"),
    ],
)
def test_the_runtime_is_named_by_its_marks(files: dict[str, str], kind: str) -> None:
    """Outside the first namespaces there is a container; marks and cgroup paths give its kind, or it stays unknown."""
    found = detect(files, INSIDE)
    assert found is not None
    assert found.kind == kind
    assert "not in the host's pid namespace" in found.evidence


def test_files_that_lxcfs_makes_up_are_named() -> None:
    """A mount of lxcfs over /proc/meminfo is found in mountinfo; its mount on the host fakes nothing."""
    found = detect({"/proc/self/mountinfo": LXCFS}, INSIDE)
    assert found == Container(
        "lxc",
        ("not in the host's pid namespace", "lxcfs is mounted over /proc/meminfo"),
        ("/proc/meminfo",),
    )
    on_host = "99 22 0:50 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw\n"
    assert detect({"/proc/self/mountinfo": on_host}, HOST) is None


def test_a_capture_without_namespaces_is_judged_by_its_marks() -> None:
    """Where the namespaces were not kept, a mark is all there is, and it counts."""
    assert detect({"/.dockerenv": ""}, {}) == Container("docker", ("/.dockerenv exists",))
    assert detect({}, {"/proc/self/ns/pid": "nonsense"}) is None
