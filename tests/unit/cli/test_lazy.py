"""Commands load what they use and nothing else, so that the program answers at once."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "rich", "textual", "starlette", "tarfile", "tomllib", "sqlite3", "asyncio"}


def loaded(*arguments: str) -> set[str]:
    """Run the program in an interpreter of its own and give the modules that it loaded."""
    script = (
        "import sys\n"
        "from unreclaim.cli.main import run\n"
        "run(sys.argv[1:])\n"
        "print('\\n' + '\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_help_loads_nothing_heavy() -> None:
    """The list of commands comes without loading one of them, msgspec, or any room but cli and base."""
    modules = loaded("--help")
    assert modules & (HEAVY | {"msgspec"}) == set()
    assert {name for name in modules if name.startswith("unreclaim.")} == {
        "unreclaim.base",
        "unreclaim.base.errors",
        "unreclaim.cli",
        "unreclaim.cli.lazy",
        "unreclaim.cli.main",
        "unreclaim.cli.terminal",
    }


@pytest.mark.live
def test_status_loads_nothing_of_bundles() -> None:
    """One line about the running host needs no archive reader and no manifest."""
    modules = loaded("status")
    assert "unreclaim.host.procfs" in modules
    assert modules & HEAVY == set()
