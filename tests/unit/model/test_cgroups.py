"""The layout of cgroup hierarchies."""

import pytest

from tests.fakes.build import beside, v1, v2
from unreclaim.model.cgroups import Hierarchy, Subtree, cgroup_mode

SYSTEMD = Hierarchy(1, "name=systemd", (), "/sys/fs/cgroup/systemd")


@pytest.mark.parametrize(
    ("hierarchies", "mode"),
    [
        ((), "none"),
        ((v2(),), "v2"),
        # systemd keeps a v1 hierarchy of its own beside v2 where it is asked to; no controller is on it.
        ((v2(), SYSTEMD), "v2"),
        ((SYSTEMD, v1()), "v1"),
        ((SYSTEMD,), "v1"),
        ((v1(), beside(0)), "hybrid"),
        # v2 has memory, net_prio stays on v1: the hosts of S7a.
        ((v2(), v1(controllers=("net_prio",))), "hybrid"),
    ],
)
def test_mode_is_named(hierarchies: tuple[Hierarchy, ...], mode: str) -> None:
    """A host is v1, v2 or hybrid by where controllers are, not by what is mounted beside them."""
    assert cgroup_mode(hierarchies) == mode


def test_top_is_the_first_subtree() -> None:
    """The root of what is mounted comes first; a hierarchy that was not looked at has none."""
    first, second = Subtree("/", 1), Subtree("/system.slice", 2)
    assert Hierarchy(2, "unified", (), "/sys/fs/cgroup", subtrees=(first, second)).top is first
    assert SYSTEMD.top is None
