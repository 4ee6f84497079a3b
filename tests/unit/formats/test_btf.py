"""Sizes of the kernel's structures, from blobs made here and from the one of this kernel."""

import struct
import subprocess
from pathlib import Path

import pytest

from tests.machine import skip_unless_forced
from unreclaim.base.errors import ParseError
from unreclaim.formats.btf import FILE, parse_btf

INT, POINTER, STRUCT, UNION, FORWARD, ENUM, DATASEC = 1, 2, 4, 5, 7, 6, 15
NAMES = b"\0outer\0first\0second\0inner\0deep\0bits\0"
WHY = "a type, or its name, does not end where they all end"


def name(text: str) -> int:
    """Give the place of a name."""
    return NAMES.index(b"\0" + text.encode() + b"\0") + 1 if text else 0


def record(kind: int, called: str, size: int, *more: int, parts: int = 0, flag: int = 0) -> bytes:
    """Write one type; what its kind and its parts add comes as words."""
    return struct.pack(f"={3 + len(more)}I", name(called), flag << 31 | kind << 24 | parts, size, *more)


def structure(called: str, size: int, *members: tuple[str, int], flag: int = 0) -> bytes:
    """Write a structure whose members begin at these bits."""
    words = [word for member, bits in members for word in (name(member), 1, bits)]
    return record(STRUCT, called, size, *words, parts=len(members), flag=flag)


def blob(*types: bytes, names: bytes = NAMES, gap: int = 0) -> bytes:
    """Write a blob; the names may lie some bytes behind the types."""
    body = b"".join(types)
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body) + gap, len(names))
    return header + body + bytes(gap) + names


NUMBER = record(INT, "", 8, 64)
OUTER = structure("outer", 40, ("first", 0), ("", 64), ("second", 128))


def test_sizes_and_the_room_of_members_are_read() -> None:
    """The room of a member ends where the next begins, the last one with the structure; one without name counts."""
    whole = {"outer": 40, "outer.first": 8, "outer.second": 24}
    assert parse_btf(blob(NUMBER, OUTER)) == whole
    assert parse_btf(blob(NUMBER, OUTER, gap=8), ["outer.second", "outer", "outer.none", "inner"]) == {
        "outer.second": 24,
        "outer": 40,
    }
    assert parse_btf(blob(NUMBER, structure("inner", 0))) == {"inner": 0}


def test_every_kind_is_passed_over() -> None:
    """Each kind has words of its own and for its parts; the structure behind them all is found."""
    words = {1: 1, 3: 3, 14: 1, 17: 1}
    part = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}
    types = [
        record(kind, "", 4, *[0] * (words.get(kind, 0) + 2 * part.get(kind, 0)), parts=2 if kind in part else 0)
        for kind in range(1, 20)
    ]
    assert parse_btf(blob(*types, OUTER), ["outer"]) == {"outer": 40}


def test_bit_fields_share_their_word() -> None:
    """Where the structure has bit fields a member's place is in the lower 24 bits, their width above."""
    bits = structure("bits", 16, ("first", 3 << 24), ("second", 5 << 24 | 3), ("deep", 64), flag=1)
    assert parse_btf(blob(bits)) == {"bits": 16, "bits.first": 0, "bits.second": 8, "bits.deep": 8}


def test_only_structures_count_and_of_one_name_the_first() -> None:
    """A union, a declaration and an enumeration of the same name are something else."""
    others = (record(UNION, "outer", 1), record(FORWARD, "outer", 0), record(ENUM, "outer", 4))
    assert parse_btf(blob(*others, OUTER, structure("outer", 99, ("deep", 0)))) == {
        "outer": 40,
        "outer.first": 8,
        "outer.second": 24,
    }


def test_members_out_of_order_have_no_room_below_zero() -> None:
    """What no compiler writes gives no negative size."""
    assert parse_btf(blob(structure("outer", 4, ("first", 640), ("second", 0))))["outer.first"] == 0


def test_reading_ends_when_all_is_found() -> None:
    """What lies behind the last structure that was asked for is not looked at."""
    unknown = record(20, "", 0)
    assert parse_btf(blob(OUTER, unknown), ["outer"]) == {"outer": 40}
    with pytest.raises(ParseError, match=WHY):
        parse_btf(blob(OUTER, unknown), ["outer", "inner"])
    assert parse_btf(blob(OUTER, unknown), ["absent"]) == {}
    assert parse_btf(blob(OUTER, unknown), []) == {}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "0 bytes are too short for a header"),
        (blob(NUMBER)[:23], "23 bytes are too short for a header"),
        (b"\x7fELF" + bytes(60), "no BTF of version 1 in this machine's byte order"),
        (blob(NUMBER)[1::-1] + blob(NUMBER)[2:], "no BTF of version 1 in this machine's byte order"),
        (blob(NUMBER).replace(b"\x01", b"\x02", 1), "no BTF of version 1 in this machine's byte order"),
        (blob(NUMBER)[:-1], "the types or the names lie behind the end of the file"),
        (blob(NUMBER, b"\0"), "the types or the names lie behind the end of the file"),
        (blob(NUMBER + bytes(4)), WHY),
        (blob(record(0, "", 0)), WHY),
        (blob(record(31, "", 0)), WHY),
        (blob(OUTER[:-4]), WHY),
        (blob(record(DATASEC, "", 0, parts=65_535)), WHY),
        (blob(OUTER, names=NAMES[:3]), WHY),
        (blob(OUTER, names=b"\0" + b"x" * 2000), WHY),
    ],
)
def test_what_is_no_btf_is_refused(raw: bytes, why: str) -> None:
    """A blob that is cut off, of another version or byte order, or with an unknown kind is refused with the reason."""
    with pytest.raises(ParseError) as caught:
        parse_btf(raw)
    assert (caught.value.file, caught.value.line, caught.value.why) == (FILE, 0, why)


@pytest.mark.live
def test_this_kernels_sizes_are_those_that_bpftool_prints() -> None:
    """A second reader of the same blob gives the same sizes of all structures that it prints once."""
    if not Path(FILE).exists():
        skip_unless_forced("this kernel has no BTF")
    command = ["bpftool", "btf", "dump", "file", FILE]
    seen: dict[str, set[int]] = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        words = line.split()
        if words[1:2] == ["STRUCT"]:
            seen.setdefault(words[2].strip("'"), set()).add(int(words[3].removeprefix("size=")))
    once = {name: sizes.pop() for name, sizes in seen.items() if len(sizes) == 1 and name != "(anon)"}
    assert len(once) > 1000
    found = parse_btf(Path(FILE).read_bytes())
    assert {name: found[name] for name in once} == once
    assert parse_btf(Path(FILE).read_bytes(), once) == once
