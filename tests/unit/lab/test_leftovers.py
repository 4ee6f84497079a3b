"""Removing what killed runs left, beside another run that does the same."""

import shutil
from pathlib import Path

import pytest

from unreclaim.host.tracing import tracefs
from unreclaim.lab import leftovers

pytestmark = pytest.mark.live

NAME = "unreclaim-lab-9999999999-1"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give a place of each kind that holds something of a process that is gone, and no cgroup hierarchy."""
    found = []
    for name in ("UNITS", "INSTANCES", "DISK", "TMPFS"):
        place = tmp_path / name
        place.mkdir()
        monkeypatch.setattr(tracefs if name == "INSTANCES" else leftovers, name, str(place))
        found.append(place / (f"{NAME}.service" if name == "UNITS" else NAME))
    found[0].touch()
    for path in found[1:]:
        path.mkdir()
    monkeypatch.setattr(leftovers, "hierarchies", tuple)
    monkeypatch.setattr(leftovers, "_systemctl", lambda *_: None)
    return found


def test_what_a_dead_process_left_is_removed_and_named(places: list[Path]) -> None:
    """A unit, an instance of tracefs and two directories go."""
    assert leftovers.remove_leftovers() == tuple(map(str, places))
    assert [path for path in places if path.exists()] == []


def test_what_another_run_removes_first_is_no_error(places: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone between looking and removing was removed by another run, and is not named by this one."""
    find, list_names = leftovers._orphans, tracefs._names

    def beside_another(place: str) -> list[str]:
        found = find(place)
        for path in map(Path, found):
            path.unlink() if path.is_file() else shutil.rmtree(path)
        return found

    def names_beside_another(place: str) -> list[str]:
        names = list_names(place)
        for name in names:
            Path(place, name).rmdir()
        return names

    monkeypatch.setattr(leftovers, "_orphans", beside_another)
    monkeypatch.setattr(tracefs, "_names", names_beside_another)
    assert leftovers.remove_leftovers() == ()
    assert [path for path in places if path.exists()] == []
