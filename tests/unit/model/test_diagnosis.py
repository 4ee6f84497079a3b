"""What a diagnosis says about itself."""

from tests.fakes.build import beside, observation, sample, v1
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.model.diagnosis import DyingCost, Span


def test_count_is_found_by_its_name() -> None:
    """A controller's count, or that of the v2 hierarchy, is found by name; others are None."""
    diagnosis = diagnose(observation(sample(v1(23), beside(61))))
    memory, unified = diagnosis.count("memory"), diagnosis.count("unified")
    assert memory is not None
    assert unified is not None
    assert (memory.dying, unified.dying, diagnosis.count("pids")) == (23, 61, None)


def test_bytes_each_are_slab_and_percpu() -> None:
    """What one dying cgroup costs is both parts; slab alone where the other is not known."""
    slab, percpu = Span(12_864, 11_000, 14_000), Span(4224, 3800, 4600)
    assert DyingCost(slab, percpu, None, None, None, "").bytes_each == 17_088
    assert DyingCost(slab, None, None, None, None, "").bytes_each == 12_864
