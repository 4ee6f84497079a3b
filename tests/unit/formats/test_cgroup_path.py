"""Paths of cgroups, as they are found on real hosts."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.cgroup_path import CgroupPath, parse_cgroup_path, unescape_unit

ID = "0123456789abcdef" * 4
SHORT = "0123456789abcdef"
UID = "5cb9ab3e-7c5f-4a0e-9d9e-52a1e1d1f3c7"
UNDERSCORES = UID.replace("-", "_")
BURSTABLE = f"kubepods-burstable-pod{UNDERSCORES}.slice"
PODS = {
    "burstable": f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}",
    "besteffort": f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UNDERSCORES}.slice",
    "guaranteed": f"/kubepods.slice/kubepods-pod{UNDERSCORES}.slice",
}
USER = "/user.slice/user-1000.slice"
MINE = f"{USER}/user@1000.service"


def of_user(unit: str, slice_: str) -> CgroupPath:
    """Give what the path of a unit of a user's systemd names."""
    return CgroupPath(unit, slice_, user=1000, within=True)


PATHS = {
    # systemd
    "/": CgroupPath(),
    "/system.slice": CgroupPath("system.slice", "system.slice"),
    "/init.scope": CgroupPath("init.scope"),
    "/system.slice/bugloop.service": CgroupPath("bugloop.service", "system.slice"),
    "/system.slice/app.service/worker": CgroupPath("app.service", "system.slice"),
    "/system.slice/dev-hugepages.mount": CgroupPath("dev-hugepages.mount", "system.slice"),
    "/system.slice/system-getty.slice/getty@tty1.service": CgroupPath("getty@*.service", "system-getty.slice"),
    "/system.slice/sshd@12-10.0.0.1:22.service": CgroupPath("sshd@*.service", "system.slice"),
    "/system.slice/run-r0a1b2c3d4e5f60718.scope": CgroupPath("run-*.scope", "system.slice"),
    "/system.slice/run-u23.service": CgroupPath("run-*.service", "system.slice"),
    "/system.slice/run-p4711-i4712.scope": CgroupPath("run-*.scope", "system.slice"),
    "/system.slice/run-4711.scope": CgroupPath("run-*.scope", "system.slice"),
    "/system.slice/run-parts.service": CgroupPath("run-parts.service", "system.slice"),
    "/system.slice/backup-2.service": CgroupPath("backup-2.service", "system.slice"),
    # sessions, and what a user's systemd runs
    f"{USER}/session-42.scope": CgroupPath("session-*.scope", "user-1000.slice", session="42"),
    "/user.slice/user-0.slice/session-c2.scope": CgroupPath("session-*.scope", "user-0.slice", session="c2"),
    MINE: CgroupPath("user@*.service", "user-1000.slice", user=1000),
    f"{MINE}/init.scope": of_user("init.scope", "user-1000.slice"),
    f"{MINE}/app.slice/sync.service": of_user("sync.service", "app.slice"),
    f"{MINE}/app.slice/app-org.gnome.Terminal.slice/vte-spawn-{UID}.scope": of_user(
        "vte-spawn-*.scope", "app-org.gnome.Terminal.slice"
    ),
    f"{MINE}/app.slice/app-gnome-firefox-2817.scope": of_user("app-gnome-firefox-*.scope", "app.slice"),
    "/user.slice/user-1.slice/user@99999999999.service": CgroupPath("user@*.service", "user-1.slice"),
    # systemd-nspawn, libvirt
    "/machine.slice/machine-web\\x2d07.scope": CgroupPath(
        "machine-web\\x2d07.scope", "machine.slice", machine="web-07"
    ),
    "/machine.slice/systemd-nspawn@db\\x2d1.service/payload/system.slice/a@b.service": CgroupPath(
        "a@*.service", "system.slice", machine="db-1", within=True
    ),
    "/machine.slice/machine-qemu\\x2d23\\x2dmail.scope/libvirt/vcpu0": CgroupPath(
        "machine-qemu\\x2d23\\x2dmail.scope", "machine.slice", machine="qemu-23-mail"
    ),
    # Docker
    f"/system.slice/docker-{ID}.scope": CgroupPath("docker-*.scope", "system.slice", ID, "docker"),
    f"/docker/{ID}": CgroupPath(container=ID, runtime="docker"),
    f"/docker/{ID}/system.slice/a.service": CgroupPath("a.service", "system.slice", ID, "docker", within=True),
    f"/docker/{ID[::-1]}/docker/{ID}": CgroupPath(container=ID, runtime="docker"),
    f"/actions_job/{ID}": CgroupPath(container=ID),
    f"{MINE}/user.slice/docker-{ID}.scope": CgroupPath("docker-*.scope", "user.slice", ID, "docker", user=1000),
    # Podman
    f"/machine.slice/libpod-{ID}.scope/container": CgroupPath("libpod-*.scope", "machine.slice", ID, "podman"),
    f"/machine.slice/libpod-conmon-{ID}.scope": CgroupPath("libpod-conmon-*.scope", "machine.slice", ID, "podman"),
    f"/libpod_parent/libpod-{ID}": CgroupPath(container=ID, runtime="podman"),
    # containerd, CRI-O without Kubernetes
    f"/system.slice/nerdctl-{ID}.scope": CgroupPath("nerdctl-*.scope", "system.slice", ID, "containerd"),
    f"/default/{ID}": CgroupPath(container=ID),
    # LXC, LXD, Incus, Proxmox
    "/lxc.payload.web-07": CgroupPath(container="web-07", runtime="lxc"),
    "/lxc.monitor.web-07": CgroupPath(container="web-07", runtime="lxc"),
    "/lxc.payload.web-07/system.slice/a.service": CgroupPath("a.service", "system.slice", "web-07", "lxc", within=True),
    "/lxc.payload/web": CgroupPath(container="web", runtime="lxc"),
    "/lxc/101/ns/init.scope": CgroupPath("init.scope", None, "101", "lxc", within=True),
    "/lxc/101": CgroupPath(container="101", runtime="lxc"),
    "/lxc": CgroupPath(),
    "/system.slice/lxc.service": CgroupPath("lxc.service", "system.slice"),
    # Kubernetes, with systemd's driver and with the cgroupfs driver
    PODS["burstable"]: CgroupPath(BURSTABLE, BURSTABLE, pod=UID, qos="burstable"),
    f"{PODS['burstable']}/cri-containerd-{ID}.scope": CgroupPath(
        "cri-containerd-*.scope", BURSTABLE, ID, "containerd", UID, "burstable"
    ),
    f"{PODS['besteffort']}/crio-{ID}.scope": CgroupPath(
        "crio-*.scope", PODS["besteffort"].rpartition("/")[2], ID, "cri-o", UID, "besteffort"
    ),
    f"{PODS['guaranteed']}/crio-conmon-{ID}.scope": CgroupPath(
        "crio-conmon-*.scope", PODS["guaranteed"].rpartition("/")[2], ID, "cri-o", UID, "guaranteed"
    ),
    f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{32 * 'a'}.slice/docker-{ID}.scope": CgroupPath(
        "docker-*.scope", f"kubelet-kubepods-pod{32 * 'a'}.slice", ID, "docker", 32 * "a", "guaranteed"
    ),
    f"/kubepods/burstable/pod{UID}": CgroupPath(pod=UID, qos="burstable"),
    f"/kubepods/burstable/pod{UID}/{ID}": CgroupPath(container=ID, pod=UID, qos="burstable"),
    f"/kubepods/pod{UID}/crio-{ID}": CgroupPath(container=ID, runtime="cri-o", pod=UID, qos="guaranteed"),
    f"/kubepods/besteffort/pod{UID}/{SHORT}": CgroupPath(pod=UID, qos="besteffort"),
    f"/system.slice/containerd.service/{BURSTABLE}:cri-containerd:{ID}": CgroupPath(
        "containerd.service", "system.slice", ID, "containerd", UID, "burstable"
    ),
    f"/pod{UID}": CgroupPath(),
    "/kubepods.slice": CgroupPath("kubepods.slice", "kubepods.slice"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_names_its_parts(path: str) -> None:
    """The parser names the innermost unit, slice and container with what they belong to."""
    assert parse_cgroup_path(path) == PATHS[path]
    assert parse_cgroup_path(f"{path}\n") == PATHS[path]


def test_a_path_begins_with_a_slash() -> None:
    """The parser refuses what is no path."""
    assert refusal(parse_cgroup_path, "system.slice") == ("a cgroup's path", 1, "expected a path, found 'system.slice'")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a\\x2db", "a-b"),
        ("caf\\xc3\\xa9", "café"),
        ("café", "café"),
        ("caf\\xc3", "caf\udcc3"),
        ("\\x5cx2d", "\\x2d"),
        ("a\\b", "a\\b"),
    ],
)
def test_escapes_are_undone_once(name: str, plain: str) -> None:
    """Each escape is a byte, whatever the bytes together are."""
    assert unescape_unit(name) == plain
