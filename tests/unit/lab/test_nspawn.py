"""Roots of containers, made by a fake mmdebstrap, and a container that ends by itself."""

import subprocess
from pathlib import Path

import pytest

from unreclaim.lab import nspawn
from unreclaim.lab.errors import LabError
from unreclaim.lab.nspawn import make_root
from unreclaim.lab.ownership import own_name

pytestmark = pytest.mark.live


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory for roots; programs are looked for beside it first."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for tool in nspawn._TOOLS:
        write(tmp_path / tool, "")
    return tmp_path / "cache"


def write(path: Path, script: str) -> None:
    """Write a fake: of mmdebstrap's arguments the fifth is the directory that it makes."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_root_is_made_once(cache: Path) -> None:
    """It appears complete under its name; the second time nothing is made."""
    write(cache.parent / "mmdebstrap", 'mkdir -p "$5/etc"')
    assert make_root("trixie", str(cache)) == f"{cache}/nspawn-trixie"
    write(cache.parent / "mmdebstrap", "exit 1")
    assert make_root("trixie", str(cache)) == f"{cache}/nspawn-trixie"
    assert [path.name for path in cache.iterdir()] == ["nspawn-trixie"]
    assert (cache / "nspawn-trixie" / "etc").is_dir()


def test_what_killed_runs_began_is_removed(cache: Path) -> None:
    """Half a root of a process that is gone goes; another name, and what a living process makes, stay."""
    living = own_name()
    for name in ("unreclaim-lab-9999999999-1.partial", f"{living}.partial", "nspawn-bookworm"):
        (cache / name / "etc").mkdir(parents=True)
    write(cache.parent / "mmdebstrap", "echo no network >&2; exit 1")
    with pytest.raises(LabError, match=r"^mmdebstrap: exit code 1: no network$"):
        make_root("trixie", str(cache))
    # Its own half is gone with it.
    assert [path.name for path in cache.iterdir()] == ["nspawn-bookworm"]


def test_a_root_that_another_run_made_meanwhile_is_taken(cache: Path) -> None:
    """Two runs may make the same one; the second to be ready takes that of the first."""
    root = cache / "nspawn-trixie"
    write(cache.parent / "mmdebstrap", f'mkdir -p "$5/etc" "{root}/first"')
    assert make_root("trixie", str(cache)) == str(root)
    assert [path.name for path in root.iterdir()] == ["first"]
    assert [path.name for path in cache.iterdir()] == ["nspawn-trixie"]


def test_a_container_that_ends_by_itself_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first process may be gone when it is to be ended."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr(nspawn, "_leader", lambda _: gone.pid)
    with subprocess.Popen(["sleep", "0"]) as process:
        nspawn._end(process)
    assert process.returncode == 0
