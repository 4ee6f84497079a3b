"""Modules are small, named for what they hold, documented, and finished."""

import ast
import re
from collections.abc import Iterator

from tests.house.source import Module, modules

MOST_LINES = 450
NAMES_THAT_SAY_NOTHING = {"common", "helpers", "manager", "utils"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
PATH_OF_ONE_MACHINE = re.compile(r"/(home|Users|root|work|mnt)/\w+|\.pyenv\b")


def too_long(module: Module) -> Iterator[str]:
    """Name a module with more lines than a person reads in one go."""
    lines = module.text.count("\n")
    if lines > MOST_LINES:
        yield f"{module.name}: {lines} lines"


def names_that_say_nothing(module: Module) -> Iterator[str]:
    """Name a module whose name would fit any content."""
    if NAMES_THAT_SAY_NOTHING & {part.strip("_") for part in module.name.split(".")}:
        yield module.name


def leftovers(module: Module) -> Iterator[str]:
    """Name each line with a mark of unfinished work or a path that exists on one machine only."""
    for number, line in enumerate(module.text.splitlines(), 1):
        for pattern in (UNFINISHED, PATH_OF_ONE_MACHINE):
            if found := pattern.search(line):
                yield f"{module.name}:{number}: {found[0]}"


def undocumented(module: Module) -> Iterator[str]:
    """Name the module, and each public class and function in it, that has no docstring."""
    if ast.get_docstring(module.tree) is None:
        yield module.name
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    scopes: list[tuple[str, ast.Module | ast.ClassDef]] = [(module.name, module.tree)]
    while scopes:
        prefix, scope = scopes.pop()
        for node in scope.body:
            if isinstance(node, kinds) and node.name[0] != "_":
                name = f"{prefix}.{node.name}"
                if ast.get_docstring(node) is None:
                    yield name
                if isinstance(node, ast.ClassDef):
                    scopes.append((name, node))


def test_no_module_is_too_long() -> None:
    """Every module can be read in one go."""
    assert [problem for module in modules() for problem in too_long(module)] == []


def test_a_module_that_is_too_long_is_seen() -> None:
    """The check lets 450 lines pass and no more."""
    assert list(too_long(Module("sample", "pass\n" * 450))) == []
    assert list(too_long(Module("sample", "pass\n" * 451))) == ["sample: 451 lines"]


def test_module_names_say_what_is_inside() -> None:
    """No module is called utils or the like."""
    assert [problem for module in modules() for problem in names_that_say_nothing(module)] == []


def test_a_name_that_says_nothing_is_seen() -> None:
    """The check looks at packages and at private names too, and at whole names only."""
    names = ("unreclaim.host.utils", "unreclaim.common.slab", "unreclaim._helpers", "unreclaim.managers")
    seen = [problem for name in names for problem in names_that_say_nothing(Module(name, ""))]
    assert seen == ["unreclaim.host.utils", "unreclaim.common.slab", "unreclaim._helpers"]


def test_no_leftovers_are_in_the_source() -> None:
    """The source holds no mark of unfinished work and no path of one machine."""
    assert [problem for module in modules() for problem in leftovers(module)] == []


def test_leftovers_are_seen() -> None:
    """The check names the line and what it found there."""
    sample = "a = 1  # TODO: later\nb = '/home/jane/x'\nc = '/proc/meminfo'\n# FIXME\nd = 'XXXL'\n"
    expected = ["sample:1: TODO", "sample:2: /home/jane", "sample:4: FIXME"]
    assert list(leftovers(Module("sample", sample))) == expected


def test_everything_public_is_documented() -> None:
    """Every module, public class, method and function has a docstring."""
    assert [problem for module in modules() for problem in undocumented(module)] == []


def test_what_is_undocumented_is_seen() -> None:
    """The check finds a missing docstring at each level and asks none of private things."""
    sample = '''
class Sample:
    """One."""

    def told(self):
        """Two."""

    def untold(self):
        pass

    def _private(self):
        pass

async def also_untold():
    pass

class _Private:
    def anything(self):
        pass
'''
    seen = sorted(undocumented(Module("sample", sample)))
    assert seen == ["sample", "sample.Sample.untold", "sample.also_untold"]
