"""A census says of every dying cgroup what could be seen, and of what could not be seen why."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import TypeVar

import pytest

from tests.fakes.build import v1
from tests.fakes.root import FakeRoot
from tests.unit.host.deep import fake_drgn
from unreclaim.base.errors import UnreclaimError
from unreclaim.base.progress import Progress
from unreclaim.host import dying, raw_census
from unreclaim.host.census import read_census
from unreclaim.host.deep.program import DeepUnavailableError
from unreclaim.host.probe import Probe
from unreclaim.host.raw_census import RawDying, RawHolder, RawPin, RawTarget
from unreclaim.model.census import Census
from unreclaim.model.gap import Gap

MEMORY = v1().mount_point
PAGE = os.sysconf("SC_PAGE_SIZE")
T = TypeVar("T")
IOMEM = "00001000-00ffffff : System RAM\n"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dying, "_PAUSE_SECONDS", 0)


class FakeSource:
    """Cgroups that are dying, each with pages on no list (locked) and references besides; what fails is an error."""

    backend = "fake"

    def __init__(self, *, locked: int = 0, references: int = 0, swap: int = 0) -> None:
        """Begin with no cgroup."""
        self.root = FakeRoot({"/proc/iomem": IOMEM, "/proc/self/mountinfo": ""}, directories=(MEMORY,))
        self._dying: list[RawDying] = []
        self._target = RawTarget(locked + references, locked, locked, 0, swap, locked, 0, raw_census.FINISHED)
        self.writebacks: UnreclaimError | tuple[RawHolder, ...] = ()
        self.holders: UnreclaimError | tuple[RawHolder, ...] = ()
        self.frames: UnreclaimError | dict[int, list[RawPin]] = {}

    def add(self, name: str, *, parent: int | None = None, number: int | None = None) -> None:
        """Make a dying cgroup below the root, or the cgroup of this id; number: its own id, else its place from 1."""
        serial = len(self._dying) + 1
        parent = self.root.inode(MEMORY) or 0 if parent is None else parent
        self._dying.append(RawDying(serial, serial, number or serial, parent, 0, 0, 0, 0, 0, 0, b"", name))

    def list_dying(self) -> tuple[RawDying, ...]:
        """Give them all."""
        return tuple(self._dying)

    def list_pins(self, dying: Sequence[RawDying], nodes: int) -> Iterator[tuple[int, RawTarget, list[RawPin]]]:
        """Give nothing on any list."""
        assert nodes == 1
        return ((index, self._target, []) for index, _ in enumerate(dying))

    def list_holders(self) -> tuple[RawHolder, ...]:
        """Give the holders, or fail."""
        return _give(self.holders)

    def list_writebacks(self, starts: Iterable[int]) -> tuple[RawHolder, ...]:
        """Give the writeback structures, or fail."""
        assert tuple(starts) == ()
        return _give(self.writebacks)

    def list_frames(self, ranges: Sequence[range], progress: Progress | None) -> dict[int, list[RawPin]]:
        """Give the locked pages, or fail."""
        assert ranges
        assert progress is None
        return _give(self.frames)

    def census(self, *, locked: bool = False) -> Census:
        """Take the census."""
        return read_census(Probe(self.root), v1(), lambda: nullcontext(self), 1, locked=locked)


def _give(what: UnreclaimError | T) -> T:
    if isinstance(what, UnreclaimError):
        raise what
    return what


def test_a_look_that_fails_takes_nothing_away_from_the_list() -> None:
    """23 cgroups that could be listed stay listed when holders and locked pages cannot be: two gaps say why."""
    source = FakeSource(locked=3, references=2)
    for number in range(23):
        source.add(f"c{number}")
    source.writebacks = UnreclaimError("BPF", "no devices")
    source.holders = UnreclaimError("BPF", "processes come and go too fast for a walk")
    source.frames = UnreclaimError("BPF", "the walk over memory stands still", hint="try again")
    census = source.census(locked=True)
    assert [cgroup.path for cgroup in census.dying] == [f"/c{number}" for number in range(23)]
    assert {(cgroup.complete, cgroup.unexplained_references) for cgroup in census.dying} == {(False, 2)}
    assert {tuple((pin.kind, pin.mlocked_bytes) for pin in cgroup.pins) for cgroup in census.dying} == {
        (("other memory", 3 * PAGE),)
    }
    assert census.gaps == (
        Gap("writeback structures that hold some cgroups", "no devices"),
        Gap("which files are locked", "the walk over memory stands still", "try again"),
        Gap("what holds some cgroups", "processes come and go too fast for a walk"),
        Gap(
            "what holds some cgroups",
            "23 dying cgroups are held by a reference that is no page and that nobody was seen to have",
        ),
    )


def test_swap_does_not_hide_that_a_holder_is_unknown() -> None:
    """Beside one page in swap, of which no byte is counted, two references of nobody are said."""
    source = FakeSource(references=3, swap=1)
    source.add("c")
    census = source.census()
    assert [(pin.kind, pin.bytes) for pin in census.dying[0].pins] == [("swap", 0)]
    assert census.dying[0].unexplained_references == 2
    why = "1 dying cgroups are held by a reference that is no page and that nobody was seen to have"
    assert census.gaps == (Gap("what holds some cgroups", why),)


def test_a_structure_that_drgn_does_not_find_is_an_error_of_that_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further look by drgn says itself that it failed, so that the others count."""
    fake_drgn.install(monkeypatch)
    module = import_module("unreclaim.host.deep.census")

    def fail(*_: object) -> None:
        raise LookupError("no struct sock")

    for name in ("list_holders", "list_writebacks", "Files"):
        monkeypatch.setattr(module, name, fail)
    deep = object.__new__(module.DeepCensus)
    deep._structures = None
    for look in (deep.list_holders, lambda: deep.list_writebacks(()), lambda: deep.list_frames([range(1)], None)):
        with pytest.raises(DeepUnavailableError, match="not as they are known: no struct sock"):
            look()


def test_ancestors_that_come_or_go_meanwhile_are_found() -> None:
    """What lived before or after the look is an ancestor, what died before it is none, and no other is made up."""
    source = FakeSource()
    places = {name: f"{MEMORY}/{name}" for name in ("early", "late", "dies")}
    numbers = {}
    for name, place in places.items():
        source.root.make_directory(place)
        numbers[name] = source.root.inode(place) or 0
    source.root.remove_directory(places["late"])
    assert len(set(numbers.values())) == len(numbers)

    def look() -> nullcontext[FakeSource]:
        source.root.make_directory(places["late"])
        source.root.remove_directory(places["early"])
        source.root.remove_directory(places["dies"])
        return nullcontext(source)

    for name, parent in numbers.items():
        source.add(f"in-{name}", parent=parent)
    source.add("in-in-dies", parent=3)
    source.add("dies", number=numbers["dies"])
    for number in range(23):
        source.add(f"lost{number}", parent=4711)
    census = read_census(Probe(source.root), v1(), look, 1)
    assert {cgroup.path: cgroup.ancestor for cgroup in census.dying} == {
        "/early/in-early": "/early",
        "/late/in-late": "/late",
        "/dies/in-dies": "/",
        "/dies/in-dies/in-in-dies": "/",
        "/dies": "/",
        **{f"/lost{number}": "/" for number in range(23)},
    }
    why = "23 dying cgroups lay below one that was not seen, and are told as if below /"
    assert census.gaps == (
        Gap("where some cgroups were", why, "run census again; from a container, on the host itself"),
    )
    # The root, and the one that was there at last.
    assert census.live == 2


def test_a_hierarchy_that_cannot_be_walked_is_a_gap() -> None:
    """The dying are listed all the same; how many live is unknown, and said once."""
    source = FakeSource()
    source.root.errors[MEMORY] = errno.EACCES
    source.add("c", parent=4711)
    census = source.census()
    assert ([cgroup.path for cgroup in census.dying], census.live) == (["/c"], None)
    assert [gap.what for gap in census.gaps] == ["living cgroups", "where some cgroups were"]
    assert census.gaps[0].why == f"{MEMORY}: Permission denied"
