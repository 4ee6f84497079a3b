"""The places that one experiment works in: a cgroup and directories of its own, removed when it ends."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

from msgspec import Struct

from unreclaim.host.control_file import write_file
from unreclaim.lab.cgroup_tree import remove_tree
from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import DISK, TMPFS, own_name
from unreclaim.model.cgroups import Hierarchy


class Grounds(Struct, frozen=True):
    """Where an experiment works. mount_point, version: of the hierarchy with the memory controller.

    cgroup: path of the parent of all its cgroups below the mount. disk, tmpfs: directories for its files.
    """

    mount_point: str
    version: int
    cgroup: str
    disk: str
    tmpfs: str

    @property
    def top(self) -> str:
        """Give the parent's directory."""
        return self.mount_point + self.cgroup

    def remove(self) -> None:
        """Remove all of it. Raises OSError."""
        for place in (self.disk, self.tmpfs):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(place)
        remove_tree(self.top)


@contextlib.contextmanager
def open_grounds(hierarchy: Hierarchy, *, keep: Callable[[], bool]) -> Iterator[Grounds]:
    """Make the places of this process; remove them at the end, unless `keep` says otherwise then.

    Raises:
        LabError: the hierarchy is not handed down to cgroups that are made at its top, or no cgroup can be made.

    """
    name = own_name()
    places = (hierarchy.version, f"/{name}", f"{DISK}/{name}", f"{TMPFS}/{name}")
    grounds = Grounds(hierarchy.mount_point, *places)
    try:
        try:
            _make(grounds)
        except OSError as error:
            raise LabError("lab", f"{error.filename or grounds.top}: {error.strerror or error}") from error
        yield grounds
    finally:
        if not keep():
            grounds.remove()


def _make(grounds: Grounds) -> None:
    if grounds.version == 2:
        with open(f"{grounds.mount_point}/cgroup.subtree_control", encoding="ascii") as file:
            handed_down = file.read().split()
        if "memory" not in handed_down:
            hint = f"echo +memory > {grounds.mount_point}/cgroup.subtree_control"
            raise LabError("lab", "the memory controller is not handed down to new cgroups", hint=hint)
    os.mkdir(grounds.top)
    if grounds.version == 2:
        write_file(f"{grounds.top}/cgroup.subtree_control", "+memory")
    for place in (grounds.disk, grounds.tmpfs):
        os.mkdir(place, 0o700)
