"""Unit files."""

import pytest

from unreclaim.formats.unit_file import Assignment, Problem, UnitFile, parse_boolean, parse_unit_file

F = "/etc/systemd/system/x.service"
MIB = 1024 * 1024


def told(text: str) -> list[tuple[str, str, str, int]]:
    """Give the assignments of a file without problems, without its name."""
    parsed = parse_unit_file(text, file=F)
    assert parsed.problems == ()
    assert {each.file for each in parsed.assignments} <= {F}
    return [(each.section, each.name, each.value, each.line) for each in parsed.assignments]


def test_every_assignment_is_kept_with_its_line() -> None:
    """Sections may be unknown or come twice, names too; empty values reset, so they are kept."""
    text = "# c\n[Unit]\nAfter=a\n; c\n\n[X-Mine]\nk = v = w \nno equals\n"
    text += "[Service]\nExecStart=\nExecStart=/bin/a %i\n[Unit]\nAfter=b"
    assert parse_unit_file(text, file=F) == UnitFile(
        F,
        (
            Assignment("Unit", "After", "a", F, 3),
            Assignment("X-Mine", "k", "v = w", F, 7),
            Assignment("Service", "ExecStart", "", F, 10),
            Assignment("Service", "ExecStart", "/bin/a %i", F, 11),
            Assignment("Unit", "After", "b", F, 13),
        ),
    )
    assert parse_unit_file("") == UnitFile("unit file", ())


@pytest.mark.parametrize(
    ("text", "value", "line"),
    [
        ("[A]\nk=a\\\n  b\n", "a   b", 2),
        ("[A]\nk=a \\\n# one\n ; two\\\nb\n", "a  b", 2),
        ("[A]\nk=a\\\n\nb=c\n", "a", 2),
        ("[A]\nk=a\\\\\n", "a\\\\", 2),
        ("[A]\nk=a\\\\\\\nb\n", "a\\\\ b", 2),
        ("[A]\nk=a\\", "a", 2),
        ("[A]\nk=\\\n\\\n  z\n", "z", 2),
        ("[A]\r\nk=a\\\r\nb\r\n", "a b", 2),
        ("[A]\rk=v\r", "v", 2),
        ("[A]\0k=v\0", "v", 2),
        ("\ufeff[A]\nk=v\n", "v", 2),
        ("\t[A] \n \tk\t= v\t\n", "v", 2),
        ("[A]\n\n\nk=\x0cv\u2028w\x85\n", "\x0cv\u2028w\x85", 4),
    ],
)
def test_lines_end_and_go_on_as_systemd_says(text: str, value: str, line: int) -> None:
    """A backslash continues, a comment in between does not end it, an empty line does; all kinds of ends of lines."""
    assert ("A", "k", value, line) in told(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("k=v\n[A]\nz=1\n", Problem(1, "'k=v' stands outside of any section")),
        ("[Unit]\nz=1\nno equals\n", Problem(3, "'no equals' has no '='")),
        ("[Unit]\n=5\nz=1\n", Problem(2, "'=5' has no name before '='")),
        ("[A]\nz=1\n[B\ny=1\n", Problem(3, "'[B' is no header of a section", fatal=True)),
        ("[A]\nz=1\nk=\udcff\ny=1\n", Problem(3, "'k=\\udcff' is no UTF-8", fatal=True)),
        ("[A]\nz=1\nk=\ufffe\ny=1\n", Problem(3, "'k=\\ufffe' is no UTF-8", fatal=True)),
        (f"[A]\nz=1\nk={'v' * MIB}\ny=1\n", Problem(3, "the line is longer than 1,048,576 bytes", fatal=True)),
    ],
    ids=["outside", "no equals", "no name", "header", "bytes", "no character", "long"],
)
def test_what_systemd_does_not_take_is_said(text: str, problem: Problem) -> None:
    """A line that is ignored leaves the rest in effect; one that systemd stops at ends the file."""
    parsed = parse_unit_file(text, file=F)
    assert [(each.name, each.value) for each in parsed.assignments] == [("z", "1")]
    assert parsed.problems == (problem,)


def test_a_line_of_a_mebibyte_is_taken() -> None:
    """The limit is systemd's own; bytes that are no UTF-8 do no harm in a comment."""
    assert told(f"[A]\n# \udcff\nk={'v' * (MIB - 2)}\n") == [("A", "k", "v" * (MIB - 2), 3)]


def test_booleans() -> None:
    """All words that systemd takes, in any case; anything else is neither."""
    assert {word: parse_boolean(word) for word in ("1", "Yes", "y", "TRUE", "t", "on")} == dict.fromkeys(
        ("1", "Yes", "y", "TRUE", "t", "on"), True
    )
    words = ("0", "no", "N", "false", "f", "Off")
    assert {word: parse_boolean(word) for word in words} == dict.fromkeys(words, False)
    assert [parse_boolean(word) for word in ("", "2", "maybe", " yes")] == [None] * 4
