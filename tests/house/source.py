"""The source of the program and what pyproject.toml says about it, as the house tests look at them."""

import ast
import tomllib
from functools import cache, cached_property
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]


class Module:
    """One module of the program: its dotted name, text and syntax tree."""

    def __init__(self, name: str, text: str) -> None:
        """Take a module as it is, or a sample that breaks a rule."""
        self.name = name
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        """Give the syntax tree."""
        return ast.parse(self.text)

    def is_in(self, room: str) -> bool:
        """Tell whether this module is, or is inside, the room of that dotted name."""
        return self.name == room or self.name.startswith(f"{room}.")


@cache
def modules() -> tuple[Module, ...]:
    """Give all modules of the program, sorted by path."""
    source = TOP / "src"
    return tuple(
        Module(
            ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"),
            path.read_text(encoding="utf-8"),
        )
        for path in sorted(source.rglob("*.py"))
    )


@cache
def settings() -> dict[str, Any]:
    """Give what pyproject.toml tells the tools."""
    tools: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return tools


def contracts() -> dict[str, dict[str, Any]]:
    """Give the import contracts by name."""
    return {contract["name"]: contract for contract in settings()["importlinter"]["contracts"]}
