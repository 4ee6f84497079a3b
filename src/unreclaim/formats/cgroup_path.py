"""A cgroup's path, as systemd and container runtimes name its parts: unit, slice and container.

Source: systemd.unit(5), systemd.slice(5); cg_path_get_unit() in src/basic/cgroup-util.c of systemd. Containers: the
    scopes and directories that Docker, containerd, CRI-O, Podman and LXC make, as seen in the field.
Needs: nothing.

Example::

    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f3a.slice/cri-containerd-0123456789ab0123.scope
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "a cgroup's path"
_UNIT = re.compile(r"[^/]+\.(?:service|scope|slice|mount|socket|swap)")
_INSTANCE = re.compile(r"@.*(?=\.)")
_NUMBERED = re.compile(r"(?<=[-.r])[0-9a-f]*[0-9][0-9a-f]*(?=\.scope$)")
_CONTAINER = re.compile(
    # With systemd's cgroup driver: docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope.
    r"(?:docker|cri-containerd|crio|libpod)-(?P<scope>[0-9a-f]{12,64})\.scope"
    # With the cgroupfs driver a directory is the id alone.
    r"|(?P<directory>[0-9a-f]{64})"
    r"|lxc\.payload\.(?P<lxc>[^/]+)"
)


class CgroupPath(Struct, frozen=True):
    """What a path names; None: it names none. unit: instances and numbered scopes folded (``getty@*.service``)."""

    unit: str | None
    slice: str | None
    container: str | None


def parse_cgroup_path(text: str, *, file: str = FILE) -> CgroupPath:
    """Read a path of a cgroup, from its hierarchy's root.

    Raises:
        ParseError: it does not begin with a slash.

    """
    path = text.removesuffix("\n")
    if not path.startswith("/"):
        raise ParseError(file, 1, f"expected a path, found {shown(path)}")
    names = [name for name in reversed(path.split("/")) if name]
    units = [name for name in names if _UNIT.fullmatch(name)]
    slices = [name for name in units if name.endswith(".slice")]
    containers = [match for name in names if (match := _CONTAINER.fullmatch(name))]
    return CgroupPath(
        _fold(units[0]) if units else None,
        slices[0] if slices else None,
        containers[0][containers[0].lastgroup or 0] if containers else None,
    )


def _fold(unit: str) -> str:
    return _NUMBERED.sub("*", _INSTANCE.sub("@*", unit))
