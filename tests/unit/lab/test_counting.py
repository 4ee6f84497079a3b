"""What an experiment leaves dying is counted by the census where that can be taken, and with what it could not see."""

import pytest

from tests.fakes.hosts import MEMORY, FakeHost
from unreclaim.app.census import CensusReport
from unreclaim.host.bpf.libbpf import BpfUnavailableError
from unreclaim.lab import counting
from unreclaim.lab.counting import Tally, Watch
from unreclaim.lab.grounds import Grounds
from unreclaim.model.census import Census, DyingCgroup
from unreclaim.model.gap import Gap

OWN = "/unreclaim-lab-1-2"
GROUNDS = Grounds(MEMORY, 1, OWN, "/var/tmp/x", "/dev/shm/x")  # noqa: S108
UNSEEN = Gap("where some cgroups were", "names changed meanwhile", "run census again")


def dying(number: int, path: str) -> DyingCgroup:
    """Make a dying cgroup of this path."""
    return DyingCgroup(number, path.rpartition("/")[2], path, "/", number, 4096, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("unit", "number", "source"),
    [
        (None, 2, "the census, below the experiment's own cgroup"),
        ("lab-x.service", 1, "the census, by the unit's name"),
    ],
)
def test_what_the_census_could_not_see_stands_beside_its_count(
    monkeypatch: pytest.MonkeyPatch, unit: str | None, number: int, source: str
) -> None:
    """A cgroup whose place is not known is missing in the count: the gap goes along."""
    paths = (f"{OWN}/1", f"{OWN}/2", f"{OWN}-3/1", "/system.slice/lab-x.service")
    census = Census("bpf", 4, tuple(dying(place, path) for place, path in enumerate(paths)), (UNSEEN,))
    monkeypatch.setattr(counting, "take_census", lambda *_: CensusReport(census, (), None, census.gaps))
    watch = Watch(FakeHost().root, GROUNDS, unit)
    assert watch.tally() == Tally(number, source, shared=False, gaps=(UNSEEN,))


def test_without_the_census_the_kernel_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """From what it counted at the start; on v1 others are in it, and the gap says why it is no census."""

    def refuse(*_: object) -> CensusReport:
        raise BpfUnavailableError("BPF", "no BPF", hint="get BPF")

    monkeypatch.setattr(counting, "take_census", refuse)
    host = FakeHost(dying=19)
    watch = Watch(host.root, GROUNDS)
    host.leave_behind(23)
    gaps = (Gap("dying cgroups by name", "no BPF", "get BPF"),)
    assert watch.tally() == Tally(23, "the kernel's counters, before and after", shared=True, gaps=gaps)
