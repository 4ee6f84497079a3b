"""What signatures weigh: the charges of dying cgroups, added up."""

import pytest

from tests.fakes.build import HOUR, beside, host, meminfo, observation, sample, v1, v1_charge, v2
from unreclaim.analysis.diagnosis import weigh
from unreclaim.model.cgroups import Charge, Hierarchy
from unreclaim.model.host import Container
from unreclaim.model.sample import Sample

FIRST = (v1_charge("/a", total=1000, total_shmem=400), v1_charge("/b", total=20))
LAST = (v1_charge("/a", total=1500, total_shmem=450), v1_charge("/b", total=320, total_shmem=7))


def window(
    first: tuple[Charge, ...] | None, last: tuple[Charge, ...] | None
) -> tuple[int | None, int | None, int | None]:
    """Give what is held at the end of a window, how much of it is tmpfs, and how much more that is than before."""
    evidence = weigh(observation(sample(uptime=HOUR, charges=first), sample(uptime=HOUR + 10, charges=last)))
    return evidence.residue_file_bytes, evidence.residue_shmem_bytes, evidence.residue_change_bytes


def test_residues_are_added_up() -> None:
    """1,500 + 320 bytes are held at the end, 450 + 7 of them in tmpfs, and 1,820 - 1,020 more than before."""
    assert window(FIRST, LAST) == (1820, 457, 800)


def test_a_change_needs_both_ends() -> None:
    """Charges that were not read are no zero."""
    assert window(None, LAST) == (1820, 457, None)
    assert window(FIRST, None) == (None, None, None)
    assert window((), LAST) == (1820, 457, 1820)


def test_one_reading_has_no_change() -> None:
    """One sample is not its own beginning."""
    assert weigh(observation(sample(charges=LAST))).residue_change_bytes is None


def test_dying_are_those_of_the_memory_controller() -> None:
    """The number is memory's, whatever the v2 hierarchy beside it says; without the controller it is unknown."""
    assert weigh(observation(sample(v1(23), beside(61)))).dying == 23
    assert weigh(observation(sample(beside(61)))).dying is None


def test_kernel_memory_is_unreclaimable_slab_and_percpu() -> None:
    """100 + 20 MB of 17.18 GB; without Percpu (before 4.19) slab alone; what is not known has no share."""
    usual, old = weigh(observation()), weigh(observation(sample(memory=meminfo(percpu_bytes=None))))
    assert (usual.kernel_bytes, usual.mem_total_bytes) == (120_000_000, 16 * 2**30)
    assert usual.kernel_share == 120_000_000 / (16 * 2**30)
    assert old.kernel_bytes == 100_000_000
    unknown = weigh(observation(sample(memory=meminfo(sunreclaim_bytes=None))))
    blind = weigh(observation(Sample(uptime_seconds=HOUR)))
    assert [(each.kernel_bytes, each.kernel_share) for each in (unknown, blind)] == [(None, 0.0)] * 2
    assert blind.mem_total_bytes == 0


@pytest.mark.parametrize(
    ("hierarchies", "inside", "whole", "second"),
    [
        ((v1(),), False, True, False),
        ((v2(),), False, True, True),
        ((v2(),), True, True, True),
        ((v2(whole=False),), False, False, True),
        ((v2(whole=None),), False, True, True),
        ((v2(whole=None),), True, False, True),
        ((beside(0),), False, False, False),
    ],
)
def test_it_is_told_whose_cgroups_they_are(
    *, hierarchies: tuple[Hierarchy, ...], inside: bool, whole: bool, second: bool
) -> None:
    """The count is the host's where its hierarchy is seen from the root; where that is unknown, outside a container."""
    of = host(container=Container("lxc", ("lxc",)) if inside else None)
    evidence = weigh(observation(sample(*hierarchies), of=of))
    assert (evidence.is_whole, evidence.is_v2) == (whole, second)
