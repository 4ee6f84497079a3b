"""A format's module tells where the format comes from, what it needs, and shows lines its parser reads."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator

import pytest

from tests.house.source import Module, modules

# A private module holds what several parsers share; it is no format.
FORMAT = re.compile(r"unreclaim\.formats\.(\w+\.)*[^_.]\w*")
FORMATS = [module for module in modules() if FORMAT.fullmatch(module.name)]


HEX = re.compile(r"(?:[0-9a-f]{2}[ \n])+")


def example(module: Module) -> str:
    """Give the text below ``Example::`` in a module's docstring, without its indentation; empty if none.

    Of a binary format the example is bytes in hexadecimal; they are given as room host would decode a text.
    """
    docstring = ast.get_docstring(module.tree) or ""
    found = re.search(r"^Example::\n\n((?:(?: +.*)?(?:\n|\Z))+)", docstring, re.MULTILINE)
    text = textwrap.dedent(found[1]).strip("\n") + "\n" if found else ""
    return bytes.fromhex(text).decode("utf-8", "surrogateescape") if HEX.fullmatch(text) else text


def undocumented(module: Module) -> Iterator[str]:
    """Name each part that the docstring of a format's module lacks."""
    docstring = ast.get_docstring(module.tree) or ""
    if not re.match(r".+\n\n", docstring):
        yield f"{module.name}: the first paragraph is not one line"
    for heading in ("Source:", "Needs:"):
        if not re.search(rf"^{heading} \S", docstring, re.MULTILINE):
            yield f"{module.name}: no {heading}"
    if not example(module).strip():
        yield f"{module.name}: no Example::"


def parser(module: Module) -> Callable[..., object]:
    """Give the parser of a format: the function ``parse_`` and the module's own name.

    One of a binary format takes the bytes behind the text that it is given here.
    """
    name = f"parse_{module.name.rpartition('.')[2]}"
    parse: Callable[..., object] = getattr(importlib.import_module(module.name), name)
    if next(iter(inspect.signature(parse).parameters)) != "raw":
        return parse

    def parse_bytes(text: str, **settings: str) -> object:
        return parse(text.encode("utf-8", "surrogateescape"), **settings)

    return parse_bytes


@pytest.mark.parametrize("module", FORMATS, ids=lambda module: module.name)
def test_format_is_documented(module: Module) -> None:
    """Each module of formats names its source and needs, and shows an example."""
    assert list(undocumented(module)) == []


@pytest.mark.parametrize("module", FORMATS, ids=lambda module: module.name)
def test_example_is_parsed(module: Module) -> None:
    """The parser of each format makes something of the example in its docstring."""
    assert parser(module)(example(module))


def test_what_is_missing_is_seen() -> None:
    """The check names every part that a docstring lacks."""
    sample = '"""/proc/x: a file\nof two lines.\n\nSource:\nNeeds: nothing.\n\nExample::\n"""'
    assert list(undocumented(Module("sample", sample))) == [
        "sample: the first paragraph is not one line",
        "sample: no Source:",
        "sample: no Example::",
    ]


def test_example_is_taken_as_it_stands() -> None:
    """The example keeps its blank lines and inner indentation, and ends before the next paragraph."""
    sample = '"""One line.\n\nExample::\n\n    a 1\n      b 2\n\n    c 3\n\nThat was it.\n"""'
    assert example(Module("sample", sample)) == "a 1\n  b 2\n\nc 3\n"
    assert example(Module("sample", '"""One.\n\nExample::\n\n    61 ff\n    0a 62\n"""')) == "a\udcff\nb"
