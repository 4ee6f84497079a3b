"""Removing a tree of cgroups; plain directories do: rmdir(2) removes both, and only when nothing is below."""

import os
from pathlib import Path

import pytest

from unreclaim.lab import cgroup_tree
from unreclaim.lab.cgroup_tree import remove_cgroup, remove_tree


def test_what_is_made_while_a_tree_is_removed_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is being ended may make a cgroup after its tree was listed."""
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    rmdir = os.rmdir
    removed: list[str] = []

    def rmdir_beside_a_maker(path: str) -> None:
        if not removed:
            (top / "late").mkdir()
        rmdir(path)
        removed.append(path)

    monkeypatch.setattr(os, "rmdir", rmdir_beside_a_maker)
    remove_tree(str(top))
    assert removed == [f"{top}/a/b", f"{top}/a", f"{top}/late", str(top)]
    assert not top.exists()


def test_what_another_removes_first_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of lab may clean up at once; nor is a tree that was never there an error."""
    top = tmp_path / "top"
    (top / "a").mkdir(parents=True)
    rmdir = os.rmdir

    def rmdir_after_another(path: str) -> None:
        if path == f"{top}/a":
            rmdir(path)
        rmdir(path)

    monkeypatch.setattr(os, "rmdir", rmdir_after_another)
    remove_tree(str(top))
    assert not top.exists()
    remove_tree(str(top))
    remove_cgroup(str(top))


def test_what_stays_in_use_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait ends."""
    monkeypatch.setattr(cgroup_tree, "_GIVE_UP_SECONDS", 0.05)
    (tmp_path / "top" / "a").mkdir(parents=True)
    (tmp_path / "top" / "a" / "file").touch()
    with pytest.raises(OSError, match="not empty"):
        remove_tree(str(tmp_path / "top"))
    with pytest.raises(OSError, match="not empty"):
        remove_cgroup(str(tmp_path / "top"))
