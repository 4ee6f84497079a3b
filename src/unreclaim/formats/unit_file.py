r"""Unit files and drop-ins of systemd: sections of assignments, as systemd itself takes them apart.

Source: systemd.syntax(7); config_parse() and parse_line() in src/shared/conf-parser.c, read_line_full() in
    src/basic/fileio.c (systemd 252)
Needs: nothing. Values are kept as they stand: specifiers (%i), quotes and escapes are not resolved.

Example::

    [Unit]
    StartLimitIntervalSec=0
    [Service]
    ExecStart=/bin/sh -c 'echo bug; \
    # a comment in between
      exit 1'
    Restart=always
    RestartSec=1ms
"""

import re

from msgspec import Struct

from unreclaim.formats._tokens import shown

FILE = "unit file"
# A line ends with a newline, a carriage return, both, or a zero byte.
_LINE_END = re.compile(r"(?:\n\r?|\r\n?)\0?|\0")
_SPACE = " \t\n\r"
# LONG_LINE_MAX in src/basic/def.h.
_MOST_IN_A_LINE = 1024 * 1024
_BYTE_ORDER_MARK = "\ufeff"
# What utf8_is_valid() refuses: halves of a pair, by which we keep bytes that are no UTF-8, and what is no character.
_NO_TEXT = re.compile(
    f"[\ud800-\udfff\ufdd0-\ufdef{''.join(chr(plane * 0x10000 + end) for plane in range(17) for end in (0xFFFE, 0xFFFF))}]"
)
# Of any other systemd says at most that it does not know it, and nothing of what is in it.
SECTIONS = frozenset(
    ("Unit", "Install", "Service", "Socket", "Mount", "Automount", "Swap", "Path", "Timer", "Slice", "Scope")
)
_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_FALSE = frozenset({"0", "no", "n", "false", "f", "off"})


class Assignment(Struct, frozen=True):
    """One ``name=value`` of a section; line: the 1-based line on which it begins."""

    section: str
    name: str
    value: str
    file: str
    line: int


class Problem(Struct, frozen=True):
    """A line that systemd does not take, and why; fatal: it reads the file no further."""

    line: int
    why: str
    fatal: bool = False


class UnitFile(Struct, frozen=True):
    """A file with what systemd takes of it, in its order, and what it does not take."""

    file: str
    assignments: tuple[Assignment, ...]
    problems: tuple[Problem, ...] = ()


def parse_unit_file(text: str, *, file: str = FILE) -> UnitFile:
    """Read a unit file or a drop-in. No text is refused: what systemd ignores or stops at becomes a `Problem`."""
    found: list[Assignment] = []
    problems: list[Problem] = []
    section = None
    plain = text.isascii()
    for number, line in _logical_lines(text):
        if len(line) > _MOST_IN_A_LINE:
            problems.append(Problem(number, f"the line is longer than {_MOST_IN_A_LINE:,} bytes", fatal=True))
        elif not plain and _NO_TEXT.search(line):
            problems.append(Problem(number, f"{shown(line)} is no UTF-8", fatal=True))
        elif line[0] == "[":
            if line[-1] == "]":
                section = line[1:-1]
            else:
                problems.append(Problem(number, f"{shown(line)} is no header of a section", fatal=True))
        else:
            name, equals, value = line.partition("=")
            why = _why_ignored(section, name, equals, line)
            if why and (section is None or section in SECTIONS):
                problems.append(Problem(number, why))
            elif section is not None and not why:
                found.append(Assignment(section, name.rstrip(_SPACE), value.lstrip(_SPACE), file, number))
        if problems and problems[-1].fatal:
            break
    return UnitFile(file, tuple(found), tuple(problems))


def parse_boolean(value: str) -> bool | None:
    """Read a yes or no as src/basic/parse-util.c does; None: it is neither, so systemd ignores it."""
    word = value.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _why_ignored(section: str | None, name: str, equals: str, line: str) -> str:
    if section is None:
        return f"{shown(line)} stands outside of any section"
    if not equals:
        return f"{shown(line)} has no '='"
    return "" if name else f"{shown(line)} has no name before '='"


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Give the lines that are neither empty nor a comment, continued ones joined, each with the number of its first.

    A comment between them does not end a continuation; an empty line does.
    """
    found = []
    parts: list[str] = []
    first = 0
    marked = text.startswith(_BYTE_ORDER_MARK)
    for number, raw in enumerate(_LINE_END.split(text), 1):
        if raw.lstrip(_SPACE)[:1] in ("#", ";"):
            continue
        line = raw.removeprefix(_BYTE_ORDER_MARK) if marked and number == 1 else raw
        first = first if parts else number
        if (len(line) - len(line.rstrip("\\"))) % 2:
            parts.append(line[:-1])
            continue
        found.append((first, " ".join((*parts, line)).strip(_SPACE)))
        parts = []
    if parts:
        found.append((first, " ".join((*parts, "")).strip(_SPACE)))
    return [(number, line) for number, line in found if line]
