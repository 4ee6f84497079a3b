"""Any text gives a value or a ParseError, and what is printed as the kernel prints it is read back whole."""

import itertools
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.promise import keeps_promise
from tests.house.source import Module
from tests.house.test_format_docs import FORMATS, example, parser
from unreclaim.base.errors import ParseError

# Time limits are the fuzzer's business; a busy machine must not fail these tests.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
each_format = pytest.mark.parametrize("module", FORMATS, ids=lambda module: module.name.rpartition(".")[2])

# As room host decodes what it reads.
DECODED = st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
JUNK = st.text(max_size=8) | st.sampled_from(
    ["\n", " ", "\t", "\r", "\x00", "\x0c", "\x1c", "\x85", "\u2028", "\udcff", "-", ":", ",", "=", '"', "'", "\\"]
)
NUMBERS = st.integers(-(2**70), 2**70).map(str) | st.sampled_from(
    ["9" * 5000, "1_000", "+1", "-0", "1.5", "1e9", "0x10", "\u0661", "\u00b2", "nan", "18446744073709551616"]
)


def cut(draw: st.DrawFn, text: str) -> str:
    """Leave out a piece."""
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + text[end:]


def drop_line(draw: st.DrawFn, text: str) -> str:
    """Leave out a line."""
    lines = text.splitlines(keepends=True) or [""]
    lines.pop(draw(st.integers(0, len(lines) - 1)))
    return "".join(lines)


def repeat_line(draw: st.DrawFn, text: str) -> str:
    """Put a line somewhere else too."""
    lines = text.splitlines(keepends=True) or [""]
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    return "".join(lines)


def swap_tokens(draw: st.DrawFn, text: str) -> str:
    """Put two words in each other's place."""
    tokens = re.split(r"(\s+)", text)
    one, other = draw(st.tuples(*[st.integers(0, len(tokens) - 1)] * 2))
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


def insert_junk(draw: st.DrawFn, text: str) -> str:
    """Put something in between."""
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(JUNK) + text[place:]


def change_number(draw: st.DrawFn, text: str) -> str:
    """Put another number, or what looks like one, in the place of a number."""
    tokens = re.split(r"([0-9]+)", text)
    if len(tokens) > 1:
        tokens[draw(st.integers(0, len(tokens) // 2 - 1)) * 2 + 1] = draw(NUMBERS)
    return "".join(tokens)


MUTATIONS: list[Callable[[st.DrawFn, str], str]] = [
    cut,
    drop_line,
    repeat_line,
    swap_tokens,
    insert_junk,
    change_number,
]


@st.composite
def mutants(draw: st.DrawFn, text: str) -> str:
    """Change a text in one to four ways."""
    for mutate in draw(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=4)):
        text = mutate(draw, text)
    return text


@each_format
@unhurried
@given(st.data())
def test_any_text_is_read_or_refused(module: Module, data: st.DataObject) -> None:
    """Every parser makes a value or a ParseError of any text, and of any bytes."""
    keeps_promise(parser(module), data.draw(st.text() | DECODED))


@each_format
@unhurried
@given(st.data())
def test_changed_example_is_read_or_refused(module: Module, data: st.DataObject) -> None:
    """Every parser makes a value or a ParseError of its example when lines, words and numbers of it are changed."""
    keeps_promise(parser(module), data.draw(mutants(example(module))))


@each_format
def test_long_line_takes_no_long_time(module: Module) -> None:
    """No parser looks back at a long line for each of its characters, wherever in its example the line grows."""
    text = example(module)
    ends = [found.end() for found in re.finditer(r"\w+|\W+", text)]
    texts = (
        text[:place] + character * 60_000 + rest
        for place, character in itertools.product([0, *ends[:5], len(text)], " \t0a-:,=\\\"'")
        for rest in (text[place:], "", "x")
    )
    for long in texts:
        start = time.process_time()
        keeps_promise(parser(module), long)
        # A few milliseconds, or several seconds if the line's length counts squared.
        assert time.process_time() - start < 0.5


@pytest.mark.parametrize("name", ["cgroup_stat", "meminfo", "memory_stat", "slabinfo", "vmstat"])
@unhurried
@given(st.data())
def test_quick_way_is_no_other_way(name: str, data: st.DataObject) -> None:
    """A file that is read at one look gives what it gives line by line, as without its last newline it must be."""
    module = next(module for module in FORMATS if module.name == f"unreclaim.formats.{name}")
    text = data.draw(mutants(example(module))).rstrip("\n") or "x"
    assert outcome(parser(module), text + "\n") == outcome(parser(module), text)


def outcome(parse: Callable[[str], object], text: str) -> object:
    """Give the value, or where and why there is none."""
    try:
        return parse(text)
    except ParseError as error:
        return error.line, error.why


@each_format
def test_example_is_read(module: Module) -> None:
    """Every parser makes a value of its example as it stands, so that changed examples are not all refused."""
    assert keeps_promise(parser(module), example(module))
