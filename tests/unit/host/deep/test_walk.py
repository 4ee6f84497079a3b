"""The walk over a hierarchy that changes under it finds each cgroup once, and says so when it cannot."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from tests.unit.host.deep import fake_drgn
from tests.unit.host.deep.fake_drgn import FakeKernel, FaultError
from unreclaim.host.deep.program import DeepUnavailableError

PRIME = 23


def walk_over(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - its module is imported late
    """Give a walk over a kernel, whose records are the addresses."""
    fake_drgn.install(monkeypatch)
    module = import_module("unreclaim.host.deep.walk")
    walk = module.Walk(kernel)
    monkeypatch.setattr(walk, "_read_record", lambda address, *_: address)
    return walk


def test_every_dying_cgroup_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parents before children, siblings in their order, and those below dying ones too."""
    kernel = FakeKernel()
    expected = []
    for _ in range(PRIME):
        parent = kernel.make(kernel.make(kernel.root), dying=True)
        expected += [parent, kernel.make(parent, dying=True)]
        kernel.make(kernel.root)
    walk = walk_over(kernel, monkeypatch)
    assert (walk.list_dying(), walk.resumed) == (expected, 0)


def once(kernel: FakeKernel, at: int, change: Callable[[], None]) -> None:
    """Let something happen when a css is read for the first time."""

    def happen(address: int) -> None:
        if address == at:
            kernel.on_read = lambda _: None
            change()

    kernel.on_read = happen


def test_a_cgroup_that_is_freed_under_the_walk_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk goes on at the next sibling; none is given twice and none is lost."""
    kernel = FakeKernel()
    children = [kernel.make(kernel.root, dying=True) for _ in range(PRIME)]
    once(kernel, children[11], lambda: kernel.free(children[10]))
    walk = walk_over(kernel, monkeypatch)
    # The eleventh was seen before it was freed.
    assert walk.list_dying() == children
    kernel.make(children[3], dying=True)

    def free_two() -> None:
        kernel.free(children[12])
        kernel.free(children[13])

    once(kernel, children[12], free_two)
    walk = walk_over(kernel, monkeypatch)
    left = walk.list_dying()
    assert left == [*children[:4], left[4], *children[4:10], children[11], *children[14:]]
    assert walk.resumed == 1


def test_new_siblings_are_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is made behind the walk's place is seen, as it would be in the kernel."""
    kernel = FakeKernel()
    first = kernel.make(kernel.root, dying=True)
    made: list[int] = []
    once(kernel, first, lambda: made.append(kernel.make(kernel.root, dying=True)))
    assert walk_over(kernel, monkeypatch).list_dying() == [first, *made]
    assert made


def test_too_deep_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hierarchy deeper than any should be is an error, not a part of it."""
    kernel = FakeKernel()
    parent = kernel.root
    for _ in range(64):
        parent = kernel.make(parent)
    with pytest.raises(DeepUnavailableError, match="deeper than 64"):
        walk_over(kernel, monkeypatch).list_dying()


def test_a_list_that_never_holds_still_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every child is another each time it is read, the walk gives up instead of making a list up."""
    kernel = FakeKernel()
    kernel.make(kernel.root, dying=True)
    walk = walk_over(kernel, monkeypatch)
    monkeypatch.setattr(kernel, "is_there", lambda *_: False)
    with pytest.raises(DeepUnavailableError, match="come and go too fast"):
        walk.list_dying()


def test_what_cannot_be_read_of_one_that_is_there_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault is passed on while the cgroup exists: an empty list would look healthy. Of a freed one it is nothing."""
    kernel = FakeKernel()
    child = kernel.make(kernel.root, dying=True)
    walk = walk_over(kernel, monkeypatch)

    def fault(*_: object) -> None:
        raise FaultError

    monkeypatch.setattr(walk, "_read_record", fault)
    with pytest.raises(FaultError):
        walk.list_dying()

    def free_and_fault(*_: object) -> None:
        kernel.free(child)
        raise FaultError

    monkeypatch.setattr(walk, "_read_record", free_and_fault)
    assert walk.list_dying() == []
