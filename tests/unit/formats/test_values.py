"""What the values of all formats have in common."""

import importlib

import msgspec
import pytest

from tests.house.source import Module
from tests.house.test_format_docs import FORMATS


def structs(module: Module) -> list[type[msgspec.Struct]]:
    """Give the types of value that a format's module defines."""
    found = vars(importlib.import_module(module.name)).values()
    types = (kind for kind in found if isinstance(kind, type) and kind is not msgspec.Struct)
    return [kind for kind in types if issubclass(kind, msgspec.Struct)]


@pytest.mark.parametrize("module", FORMATS, ids=lambda module: module.name.rpartition(".")[2])
def test_values_are_frozen(module: Module) -> None:
    """No format's value can be changed once it is read."""
    assert [kind.__name__ for kind in structs(module) if not kind.__struct_config__.frozen] == []


def test_some_formats_have_values_of_their_own() -> None:
    """The check above looks at something."""
    assert sum(len(structs(module)) for module in FORMATS) > 20
