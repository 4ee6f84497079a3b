"""Probes of the functions of memory cgroups; tests/root/test_trace.py has them on kernels that take them."""

import os
from pathlib import Path

import pytest

from unreclaim.host.tracing import memcgs
from unreclaim.host.tracing.memcgs import PROBES, probe_memcgs

INSTANCE = "unreclaim-trace-1-2"
GROUP = "unreclaim_trace_1_2"
DEAD = "p:unreclaim_trace_9999999999_1/memcg_free mem_cgroup_css_free\n"
OTHERS = "p:kprobes/mine do_sys_open\np:unreclaim_test_9999999999_1/x y\n"


class Kernel:
    """Takes what is written to its files, in order; refuses what a test says."""

    def __init__(self, place: Path) -> None:
        """Have no probe."""
        self.definitions = place / "kprobe_events"
        self.written: list[tuple[str, str]] = []
        self.refuses: dict[str, OSError] = {}

    def write(self, path: str, text: str) -> None:
        """Take a line."""
        if text in self.refuses:
            raise self.refuses[text]
        self.written.append((os.path.relpath(path, self.definitions.parent), text))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Give a kernel that takes probes, with a dead owner's and somebody else's."""
    kernel = Kernel(tmp_path)
    kernel.definitions.write_text(DEAD + OTHERS, encoding="ascii")
    monkeypatch.setattr(memcgs, "_DEFINITIONS", str(kernel.definitions))
    monkeypatch.setattr(memcgs, "write_file", kernel.write)
    return kernel


def test_probes_are_made_switched_on_and_removed(kernel: Kernel, tmp_path: Path) -> None:
    """Each in turn; a dead owner's goes first, somebody else's is left alone."""
    with probe_memcgs(f"{tmp_path}/{INSTANCE}") as gap:
        assert gap is None
    events = f"{INSTANCE}/events/{GROUP}"
    assert kernel.written == [
        ("kprobe_events", "-:unreclaim_trace_9999999999_1/memcg_free"),
        *(("kprobe_events", f"p:{GROUP}/{event} {function}") for event, function in PROBES.items()),
        *((f"{events}/{event}/enable", "1") for event in PROBES),
        *(
            line
            for event in reversed(PROBES)
            for line in ((f"{events}/{event}/enable", "0"), ("kprobe_events", f"-:{GROUP}/{event}"))
        ),
    ]


def test_what_cannot_be_probed_is_a_gap(kernel: Kernel, tmp_path: Path) -> None:
    """A function that is not there or may not be probed, and a kernel without probes; what was made is removed."""
    line = f"p:{GROUP}/memcg_offline mem_cgroup_css_offline"
    reasons = []
    for error in (FileNotFoundError(2, "No such file", "x"), PermissionError(1, "Operation not permitted", "x")):
        kernel.refuses[line] = error
        with probe_memcgs(f"{tmp_path}/{INSTANCE}") as gap:
            reasons.append(gap.why if gap else None)
        assert kernel.written[-1] == ("kprobe_events", f"-:{GROUP}/memcg_alloc")
    kernel.definitions.unlink()
    with probe_memcgs(f"{tmp_path}/{INSTANCE}") as gap:
        reasons.append(gap.why if gap else None)
    assert reasons == [
        "this kernel has not all of their functions",
        "x: Operation not permitted",
        "this kernel takes no probes (CONFIG_KPROBE_EVENTS)",
    ]
