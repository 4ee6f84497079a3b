"""The kernels that the tests run on, and what of the tests is left out there, with the reason."""

from typing import NamedTuple


class Guest(NamedTuple):
    """A kernel of one Debian under the userland of another, with cgroup ``v1``, ``v2`` or ``hybrid`` (both mounted)."""

    suite: str
    userland: str
    cgroup: str


MATRIX = {
    "5.10": Guest("bullseye", "bookworm", "v2"),
    "5.10-v1": Guest("bullseye", "bookworm", "v1"),
    "6.1": Guest("bookworm", "bookworm", "v2"),
    "6.1-v1": Guest("bookworm", "bookworm", "v1"),
    "6.1-hybrid": Guest("bookworm", "bookworm", "hybrid"),
    "6.12": Guest("trixie", "bookworm", "v2"),
    "newest": Guest("sid", "bookworm", "v2"),
}
"""Userland is one, so that what differs is the kernel. Debian has no v1 memory controller from 6.12 on."""

PACKAGES = ("bpftool", "busybox", "e2fsprogs", "kmod", "libbpf1", "procps", "python3")
"""What the tests start, beside what every Debian has."""

LEFT_OUT = {
    "tests/live/test_bpf_object.py": "compiles with clang, which asks nothing of the running kernel",
    "tests/root/test_lab_compare.py": "boots a Debian in a container, which is made of packages from the network",
    "tests/root/test_trace_systemd.py": "boots a Debian in a container, which is made of packages from the network",
}
"""Tests that no guest runs."""

CORE = (
    "tests/root/test_dying.py",
    "tests/root/test_census.py",
    "tests/root/test_leftovers.py",
)
"""What `--core` runs: counting and naming, on which all else rests, in minutes where the machine is emulated."""
