"""Paths of cgroups."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.cgroup_path import CgroupPath, parse_cgroup_path

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "unit", "slice_", "container"),
    [
        ("/", None, None, None),
        ("/system.slice/bugloop.service", "bugloop.service", "system.slice", None),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@*.service", "system-getty.slice", None),
        ("/system.slice/sshd@12-10.0.0.1:22.service", "sshd@*.service", "system.slice", None),
        ("/system.slice/run-r0a1b2c.scope", "run-r*.scope", "system.slice", None),
        ("/user.slice/user-0.slice/session-42.scope", "session-*.scope", "user-0.slice", None),
        ("/system.slice/app.service/worker", "app.service", "system.slice", None),
        (f"/system.slice/docker-{ID}.scope", "docker-*.scope", "system.slice", ID),
        (f"/docker/{ID}", None, None, ID),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope",
            "cri-containerd-*.scope",
            "kubepods-burstable-pod1.slice",
            ID,
        ),
        (f"/kubepods/burstable/pod1/{ID}", None, None, ID),
        (f"/machine.slice/libpod-{ID}.scope/container", "libpod-*.scope", "machine.slice", ID),
        ("/lxc.payload.web-07/system.slice/a.service", "a.service", "system.slice", "web-07"),
    ],
)
def test_a_path_names_unit_slice_and_container(
    path: str, unit: str | None, slice_: str | None, container: str | None
) -> None:
    """The parser takes the innermost of each, with instances and numbers of scopes folded."""
    assert parse_cgroup_path(path) == CgroupPath(unit, slice_, container)


def test_a_path_begins_with_a_slash() -> None:
    """The parser refuses what is no path."""
    assert refusal(parse_cgroup_path, "system.slice") == ("a cgroup's path", 1, "expected a path, found 'system.slice'")
