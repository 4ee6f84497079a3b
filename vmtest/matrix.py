"""The kernels that the tests run on, and what of the tests is left out there, with the reason."""

from typing import NamedTuple


class Guest(NamedTuple):
    """A kernel of one Debian under the userland of another, with cgroup ``v1``, ``v2`` or ``hybrid`` (both mounted).

    systemd: it is the guest's first process, and the tests are those that ask one; else pytest is.
    """

    suite: str
    userland: str
    cgroup: str
    systemd: bool = False


MATRIX = {
    "5.10": Guest("bullseye", "bookworm", "v2"),
    "5.10-v1": Guest("bullseye", "bookworm", "v1"),
    "6.1": Guest("bookworm", "bookworm", "v2"),
    "6.1-v1": Guest("bookworm", "bookworm", "v1"),
    "6.1-hybrid": Guest("bookworm", "bookworm", "hybrid"),
    "6.12": Guest("trixie", "bookworm", "v2"),
    "newest": Guest("sid", "bookworm", "v2"),
    "6.1-systemd": Guest("bookworm", "bookworm", "v2", systemd=True),
}
"""Userland is one, so that what differs is the kernel. Debian has no v1 memory controller from 6.12 on."""

PACKAGES = ("bpftool", "busybox", "e2fsprogs", "kmod", "libbpf1", "procps", "python3")
"""What the tests start, beside what every Debian has."""

LEFT_OUT = {
    "tests/live/test_bpf_object.py": "compiles with clang, which asks nothing of the running kernel",
    "tests/root/test_lab_compare.py": "boots a Debian in a container, which is made of packages from the network",
    "tests/root/test_apply.py::test_a_crash_at_every_step_is_mended_by_the_next_run": "starts Python 300 times",
    "tests/root/test_apply.py::test_restart_delays_are_those_that_systemd_waits": "boots a Debian 13 in a container",
}
"""Tests that no guest runs."""

SYSTEMD_PACKAGES = ("dbus", "libpam-systemd", "systemd", "systemd-sysv")
SYSTEMD = (
    "tests/root/test_apply.py",
    "tests/root/test_lint.py",
    "tests/root/test_trace_systemd.py",
    "tests/root/test_unit_cost.py",
    "tests/root/test_unit_files.py",
    "tests/root/test_units.py",
)
"""What is asked of a systemd that runs: elsewhere it is one in a container, which no guest can make."""

CORE = (
    "tests/root/test_dying.py",
    "tests/root/test_census.py",
    "tests/root/test_leftovers.py",
)
"""What `--core` runs: counting and naming, on which all else rests, in minutes where the machine is emulated."""

_PLACES = ("tests/root", "tests/live")


def tests_of(guest: Guest, *, core: bool) -> tuple[str, ...]:
    """Give the tests that a guest runs, as pytest takes them."""
    if guest.systemd:
        return SYSTEMD
    return CORE if core else _PLACES


def left_out_of(guest: Guest) -> dict[str, str]:
    """Give the tests that a guest leaves out, each with the reason."""
    if guest.systemd:
        return {test: why for test, why in LEFT_OUT.items() if test.startswith(SYSTEMD)}
    return {**LEFT_OUT, **dict.fromkeys(SYSTEMD, "asks a systemd that runs, as there is in 6.1-systemd")}
