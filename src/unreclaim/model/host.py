"""What does not change while a host runs: its name, kernel, processors, and whether we are inside a container."""

from msgspec import Struct

from unreclaim.formats.kernel_cmdline import Parameter
from unreclaim.formats.os_release import OsRelease


class Container(Struct, frozen=True):
    """Signs that the reader is inside a container.

    kind: ``lxc``, ``docker``, ``kubernetes``, ``podman``, ``systemd-nspawn`` … or ``unknown``.
    faked: files of /proc and /sys that lxcfs rewrites with the container's own figures.
    """

    kind: str
    evidence: tuple[str, ...]
    faked: tuple[str, ...] = ()


class Host(Struct, frozen=True):
    """A host's standing facts; None: could not be read.

    slab_aliases: for each name in /proc/slabinfo that stands for several merged caches, all of their names.
    """

    hostname: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    os: OsRelease | None = None
    boot_id: str | None = None
    cmdline: tuple[Parameter, ...] | None = None
    container: Container | None = None
    cpus_possible: int | None = None
    cpus_online: int | None = None
    numa_nodes: int | None = None
    page_size_bytes: int | None = None
    slab_aliases: dict[str, tuple[str, ...]] = {}
