"""Pure rooms touch no disk, process, network or clock, even where no import of ours would tell."""

import ast
from collections.abc import Iterator

from tests.house.source import Module, contracts, modules

# Which rooms are pure and what they may not import is told once, in the import contract. The contract sees
# imports by way of other modules of ours; this test sees what needs no import.
ROOMS = contracts()["pure rooms"]["source_modules"]
FORBIDDEN_MODULES = frozenset(contracts()["pure rooms"]["forbidden_modules"])
FORBIDDEN_CALLS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
FORBIDDEN_METHODS = {"now", "today", "utcnow"}


def impurities(module: Module) -> Iterator[str]:
    """Name each import, call or clock reading that a pure room may not have."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names if alias.name.split(".")[0] in FORBIDDEN_MODULES]
            case ast.ImportFrom(module=str(name), level=0):
                found = [name] if name.split(".")[0] in FORBIDDEN_MODULES else []
            case ast.Call(func=ast.Name(id=name)):
                found = [f"{name}()"] if name in FORBIDDEN_CALLS else []
            case ast.Call(func=ast.Attribute(attr=name)):
                found = [f".{name}()"] if name in FORBIDDEN_METHODS else []
            case _:
                continue
        for what in found:
            yield f"{module.name}:{node.lineno}: {what}"


def test_pure_rooms_open_no_file_and_read_no_clock() -> None:
    """The rooms that are called pure hold nothing that reaches outside the program."""
    pure = [module for module in modules() if any(module.is_in(room) for room in ROOMS)]
    assert len(pure) > len(ROOMS)
    assert [problem for module in pure for problem in impurities(module)] == []


def test_each_way_out_of_a_pure_room_is_seen() -> None:
    """The check names every way out in a sample that takes them all."""
    sample = """
import os.path
from datetime import datetime, timezone
import msgspec

def read(path):
    print(open(path))
    later = datetime.now(timezone.utc)
    return input(), path.opener()
"""
    assert sorted(impurities(Module("sample", sample))) == [
        "sample:2: os.path",
        "sample:3: datetime",
        "sample:7: open()",
        "sample:7: print()",
        "sample:8: .now()",
        "sample:9: input()",
    ]
