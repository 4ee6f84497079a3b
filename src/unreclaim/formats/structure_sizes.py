"""Sizes of kernel structures, which a bundle keeps in the place of the kernel's type information.

Source: this program; docs/bundle.md. Written by ``unreclaim capture`` from /sys/kernel/btf/vmlinux (formats.btf)
Needs: nothing. A line for each structure and ``structure.member`` that a diagnosis asks for and that the kernel has.

Example::

    cgroup 2240
    cgroup.psi 8
    psi_group 720
"""

from unreclaim.formats._tokens import keyed_counts

FILE = "/sys/kernel/btf/vmlinux"


def parse_structure_sizes(text: str, *, file: str = FILE) -> dict[str, int]:
    """Give the bytes of each; empty where the kernel has none of them.

    Raises:
        ParseError: a line that is not a name and a number, or a name that occurs twice; the kernel's own blob, too.

    """
    return keyed_counts(text, file)
