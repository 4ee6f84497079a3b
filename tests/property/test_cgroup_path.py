"""A path is read as what it was made of, whatever the names are."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unreclaim.analysis.churn import find_source
from unreclaim.formats.cgroup_path import CgroupPath, parse_cgroup_path, unescape_unit
from unreclaim.model.containers import ContainerNames

# Time limits are the fuzzer's business; a busy machine must not fail these tests.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

ids = st.text("0123456789abcdef", min_size=64, max_size=64)
uids = st.uuids(version=4).map(str)
classes = st.sampled_from(["guaranteed", "burstable", "besteffort"])
scopes = st.sampled_from([("docker", "docker"), ("cri-containerd", "containerd"), ("crio", "cri-o")])
# Any name that a directory may have, as room host decodes it, but such as say more than a name of LXC.
names = (
    st.binary(min_size=1, max_size=20)
    .map(lambda raw: raw.translate(None, b"/\0\n").decode("utf-8", "surrogateescape"))
    .filter(lambda name: name not in ("", ".", "..") and "." not in name and not re.fullmatch("pod[0-9a-f-]+", name))
)


def escape(name: str) -> str:
    """Escape as do_escape() in src/basic/unit-name.c of systemd: all but letters, digits, ``:``, ``_`` and ``.``."""
    plain = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.")
    raw = name.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in raw)


@unhurried
@given(uids, ids, classes, scopes)
def test_a_pod_is_read_back(uid: str, container: str, qos: str, scope: tuple[str, str]) -> None:
    """Both drivers of kubelet name pod, class and container."""
    prefix, runtime = scope
    middle = "" if qos == "guaranteed" else f"-{qos}"
    slice_ = f"kubepods{middle}-pod{uid.replace('-', '_')}.slice"
    above = f"/kubepods.slice/kubepods{middle}.slice" if middle else "/kubepods.slice"
    by_systemd = parse_cgroup_path(f"{above}/{slice_}/{prefix}-{container}.scope")
    assert by_systemd == CgroupPath(f"{prefix}-*.scope", slice_, container, runtime, uid, qos)
    by_cgroupfs = parse_cgroup_path(f"/kubepods{middle.replace('-', '/')}/pod{uid}/{container}")
    assert by_cgroupfs == CgroupPath(container=container, pod=uid, qos=qos)


@unhurried
@given(names)
def test_a_machine_is_read_back(name: str) -> None:
    """Whatever it is called, nspawn escapes it and we undo that."""
    assert unescape_unit(escape(name)) == name
    scope = f"machine-{escape(name)}.scope"
    assert parse_cgroup_path(f"/machine.slice/{scope}") == CgroupPath(scope, "machine.slice", machine=name)


@unhurried
@given(names)
def test_a_container_of_lxc_is_read_back(name: str) -> None:
    """Its name is a directory's, with what lies below it or without."""
    inside = f"/lxc.payload.{name}/system.slice/a.service"
    assert parse_cgroup_path(f"/lxc.payload.{name}") == CgroupPath(container=name, runtime="lxc")
    assert parse_cgroup_path(inside) == CgroupPath("a.service", "system.slice", name, "lxc", within=True)


@unhurried
@given(st.lists(names | st.sampled_from(["a.service", "b.slice", "kubepods", "lxc", "session-3.scope"]), max_size=6))
def test_any_path_has_a_source(parts: list[str]) -> None:
    """Every path is somebody's, has a title, and has the same one again."""
    path = "/" + "/".join(parts)
    source = find_source(path)
    assert source.title(ContainerNames())
    assert find_source(path) == source


@unhurried
@given(st.integers(0, 2**31), st.integers(0, 2**31), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_what_systemd_makes_up_is_one(pid: int, inode: int, random: str) -> None:
    """Names of transient units differ in numbers alone."""
    for name in (f"run-u{pid}", f"run-r{random}", f"run-p{pid}-i{inode}", f"run-{pid}"):
        for suffix in ("service", "scope"):
            assert parse_cgroup_path(f"/system.slice/{name}.{suffix}").unit == f"run-*.{suffix}"
