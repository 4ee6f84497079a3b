"""/proc/PID/ns/*: which namespace a process is in.

Source: namespaces(7); ns_get_name() in fs/nsfs.c; the initial namespaces' numbers in include/linux/proc_ns.h
    (PROC_PID_INIT_INO 0xEFFFFFFC, PROC_CGROUP_INIT_INO 0xEFFFFFFB)
Needs: nothing for one's own process. The numbers are ABI since 3.8 (pid) and 4.6 (cgroup).

Example::

    pid:[4026531836]
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "/proc/self/ns/pid"
INITIAL = {"pid": 0xEFFF_FFFC, "cgroup": 0xEFFF_FFFB, "user": 0xEFFF_FFFD, "uts": 0xEFFF_FFFE}


class NamespaceLink(Struct, frozen=True):
    """The kind of a namespace and its inode number."""

    kind: str
    inode: int

    @property
    def initial(self) -> bool | None:
        """Tell whether this is the namespace that the kernel booted with; None: that number is not fixed."""
        known = INITIAL.get(self.kind)
        return None if known is None else known == self.inode


def parse_namespace_link(text: str, *, file: str = FILE) -> NamespaceLink:
    """Read the target of the link.

    Raises:
        ParseError: anything but ``kind:[number]``.

    """
    kind, colon, rest = text.strip().partition(":[")
    if not kind or not colon or not rest.endswith("]"):
        raise ParseError(file, 1, f"expected 'kind:[number]', found {shown(text)}")
    return NamespaceLink(kind, unsigned(rest[:-1], file, 1))
