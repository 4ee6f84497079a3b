"""memory.stat of a memory cgroup, v1 and v2: what is charged to it, by kind.

Source: Documentation/admin-guide/cgroup-v2.rst "memory.stat" and cgroup-v1/memory.rst 5.2; memcg_stat_format() in
    mm/memcontrol.c, memcg1_stat_format() in mm/memcontrol-v1.c
Needs: the memory controller. v1 prints the cgroup's own figures and, with total_, those of the live subtree with its
    dying parts; v2 prints only the latter. Bytes, except event counts.

Example::

    cache 4096
    shmem 0
    total_cache 8380416
    total_shmem 0
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import keyed_counts

FILE = "memory.stat"


class MemoryStat(Struct, frozen=True):
    """All lines by the kernel's own name."""

    values: dict[str, int]

    @property
    def own_file_bytes(self) -> int | None:
        """Give page cache and tmpfs charged to this cgroup alone; only v1 says."""
        return self.values.get("cache") if "total_cache" in self.values else None

    @property
    def subtree_file_bytes(self) -> int | None:
        """Give page cache and tmpfs charged to this cgroup and all below it, dying ones too."""
        return self.values.get("total_cache", self.values.get("file"))

    @property
    def own_shmem_bytes(self) -> int | None:
        """Give tmpfs and shared memory charged to this cgroup alone; only v1 says."""
        return self.values.get("shmem") if "total_shmem" in self.values else None

    @property
    def subtree_shmem_bytes(self) -> int | None:
        """Give tmpfs and shared memory charged to this cgroup and all below it, dying ones too."""
        return self.values.get("total_shmem", None if "total_cache" in self.values else self.values.get("shmem"))


def parse_memory_stat(text: str, *, file: str = FILE) -> MemoryStat:
    """Read every line of memory.stat.

    Raises:
        ParseError: a line that is not a name and a number, or an empty file.

    """
    values = keyed_counts(text, file)
    if not values:
        raise ParseError(file, 0, "the file is empty")
    return MemoryStat(values)
