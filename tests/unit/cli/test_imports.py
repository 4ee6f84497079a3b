"""What a command loads: no more than it uses, for status runs every minute and --help is typed by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.hosts import HOSTS, captured_texts

HEAVY = {"numpy", "rich", "textual", "starlette", "uvicorn", "httpx", "prometheus_client", "scipy", "hypothesis"}
LOADED = "import sys; from unreclaim.cli.main import run; code = run(sys.argv[1:]); print(*sys.modules, sep='\\n')"


def loaded_by(*arguments: str) -> set[str]:
    """Give the modules that a run of the program has loaded when it ends."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines())
    assert {"click", "unreclaim.cli.main"} <= modules
    return modules


@pytest.fixture
def tree(tmp_path: Path) -> str:
    """Give a captured host as a tree of files."""
    for path, text in captured_texts(HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz")[0].items():
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return str(tmp_path)


def rooms(modules: set[str]) -> set[str]:
    """Give the rooms of the house that were entered."""
    return {name.split(".")[1] for name in modules if name.startswith("unreclaim.")}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["frobnicate"]])
def test_help_loads_nothing(arguments: list[str]) -> None:
    """Help, version and a mistyped command load no room but the entry, and not even msgspec."""
    modules = loaded_by(*arguments)
    assert rooms(modules) == {"base", "cli"}
    assert not (HEAVY | {"msgspec", "tarfile"}) & modules


def test_status_loads_what_it_uses(tree: str) -> None:
    """Status loads neither what reads archives nor what writes them, nor the other commands."""
    modules = loaded_by("status", "--root", tree)
    assert rooms(modules) == {"analysis", "app", "base", "cli", "formats", "host", "model", "render"}
    others = {"tarfile", "lzma", "unreclaim.host.archive", "unreclaim.host.bundle", "unreclaim.host.sosreport"}
    commands = {"unreclaim.cli.diagnose", "unreclaim.cli.capture", "unreclaim.app.capture"}
    assert not (HEAVY | others | commands) & modules


def test_diagnose_loads_no_archive_for_a_tree(tree: str) -> None:
    """Diagnose loads tarfile for bundles alone."""
    assert not (HEAVY | {"tarfile", "unreclaim.host.archive"}) & loaded_by("diagnose", "--root", tree)
    bundle = str(HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz")
    assert "unreclaim.host.archive" in loaded_by("diagnose", "--root", bundle)
