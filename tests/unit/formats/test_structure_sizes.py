"""Sizes of structures as a bundle keeps them."""

from tests.unit.formats.refusal import refusal
from unreclaim.formats.structure_sizes import FILE, parse_structure_sizes


def test_sizes_are_read_by_name() -> None:
    """Each line is a structure or one of its members; a kernel that has none of them leaves the file empty."""
    assert parse_structure_sizes("cgroup 2240\ncgroup.psi 8\n") == {"cgroup": 2240, "cgroup.psi": 8}
    assert parse_structure_sizes("") == {}


def test_other_lines_are_refused() -> None:
    """The kernel's own blob, put there by hand, is no list of sizes."""
    assert refusal(parse_structure_sizes, "cgroup big\n")[:2] == (FILE, 1)
    assert refusal(parse_structure_sizes, b"\x9f\xeb\x01\0\x18".decode("utf-8", "surrogateescape"))[:2] == (FILE, 1)
