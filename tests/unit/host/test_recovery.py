"""What a host offers to a recovery is found out without writing anything."""

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.formats.meminfo import MemInfo
from unreclaim.host.probe import Probe
from unreclaim.host.recovery import read_support
from unreclaim.model.cgroups import Hierarchy
from unreclaim.model.recovery import DROP_CACHES, Support

V1 = Hierarchy(1, "memory", ("memory",), "/cg")
V2 = Hierarchy(2, "unified", ("memory",), "/cg")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let nothing be writable, and give what was asked about."""
    questions: list[tuple[str, int]] = []

    def refuse(path: str, mode: int) -> bool:
        questions.append((path, mode))
        return False

    monkeypatch.setattr("unreclaim.host.recovery.os.access", refuse)
    return questions


@pytest.mark.parametrize(
    ("hierarchy", "files", "reclaim_file", "root"),
    [
        # v1 has the file at its top and refuses to be emptied there.
        (V1, ["/cg/memory.force_empty"], "memory.force_empty", False),
        (V1, ["/cg/memory.stat"], None, False),
        (V2, ["/cg/memory.reclaim"], "memory.reclaim", True),
        (V2, ["/cg/cgroup.procs", "/cg/a/cgroup.procs", "/cg/a/memory.reclaim"], "memory.reclaim", False),
        (V2, ["/cg/a/cgroup.procs", "/cg/b/cgroup.procs", "/cg/b/memory.reclaim"], None, False),
        (V2, ["/cg/cgroup.procs"], None, False),
        (V2, [], None, False),
    ],
)
def test_the_file_that_reclaims_is_looked_for(
    asked: list[tuple[str, int]], hierarchy: Hierarchy, files: list[str], reclaim_file: str | None, *, root: bool
) -> None:
    """Each version has a file of its own; it is looked for at the top and in the first cgroup below."""
    probe = Probe(FakeRoot(dict.fromkeys(files, "")))
    found = Support(hierarchy.version, "/cg", reclaim_file, reclaims_root=root, swap_bytes=None, drops_caches=False)
    assert read_support(probe, hierarchy, None) == found
    assert asked == [(DROP_CACHES, 2)]


def test_swap_is_taken_from_meminfo(asked: list[tuple[str, int]]) -> None:
    """A host without swap says 0, which is not the same as not known."""
    info = MemInfo(1, {"swap_total_bytes": 0})
    assert read_support(Probe(FakeRoot()), V2, info).swap_bytes == 0
    assert len(asked) == 1
