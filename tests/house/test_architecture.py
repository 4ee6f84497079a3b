"""ARCHITECTURE.md states nothing as an invariant that nothing keeps."""

import ast
import re
from collections.abc import Iterator

from tests.house.source import TOP, contracts

SECTION = re.compile(r"^#+ [^\n]*invariants[^\n]*\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
KEPT = re.compile(r"\(kept by [^)]+\)")
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
CONTRACT = re.compile(r"contract [`\"']([^`\"']+)[`\"']")


def invariants(text: str) -> list[str]:
    """Give the items of the list below the heading that names invariants, each as one line."""
    section = SECTION.search(text)
    items = re.split(r"^[-*] ", section[1], flags=re.MULTILINE)[1:] if section else []
    return [" ".join(item.split()) for item in items]


def has_test(path: str, name: str) -> bool:
    """Tell whether a test file defines a test of that name."""
    file = TOP / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.Module([], [])
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree))


def not_kept(invariant: str) -> Iterator[str]:
    """Name what is wrong with the keepers of an invariant: none, or one that does not exist."""
    kept = " ".join(KEPT.findall(invariant))
    tests, names = TEST.findall(kept), CONTRACT.findall(kept)
    if not tests and not names:
        yield f"nothing keeps: {invariant}"
    for path, name in tests:
        if not has_test(path, name):
            yield f"no such test: {path}::{name}"
    for name in names:
        if name not in contracts():
            yield f"no such contract: {name}"


def test_each_invariant_is_kept() -> None:
    """Each invariant of ARCHITECTURE.md names a test or an import contract, and that one exists."""
    stated = invariants((TOP / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert stated
    assert [problem for invariant in stated for problem in not_kept(invariant)] == []


def test_invariants_that_nothing_keeps_are_seen() -> None:
    """The check tells apart: kept, by nothing, by a test that is gone, by a contract that is gone."""
    sample = """# The house

## Invariants

- Model knows no host (kept by contract `floors`).
- This one is kept by a test that exists
  (kept by tests/house/test_architecture.py::test_each_invariant_is_kept).
- Nobody looks.
- Gone (kept by tests/house/test_architecture.py::test_gone and contract "gone").

## Else

- Not an invariant.
"""
    assert [problem for invariant in invariants(sample) for problem in not_kept(invariant)] == [
        "nothing keeps: Nobody looks.",
        "no such test: tests/house/test_architecture.py::test_gone",
        "no such contract: gone",
    ]
