"""BTF: the kernel's own description of its types, of which the sizes of some structures are read. Binary.

Source: Documentation/bpf/btf.rst; include/uapi/linux/btf.h
Needs: CONFIG_DEBUG_INFO_BTF, since 4.18 and as /sys/kernel/btf/vmlinux, which everybody may read, since 5.4. The words
    are in the machine's byte order. A header (magic eb9f) says where types and names are; a type is three words (place
    of the name; kind, number of parts and a flag; size or another type) and what its kind and its parts add. Kinds may
    be added, and their length is not told, so that an unknown one ends what can be read.

Example::

    9f eb 01 00 18 00 00 00 00 00 00 00 40 00 00 00
    40 00 00 00 11 00 00 00 00 00 00 00 00 00 00 01
    08 00 00 00 40 00 00 00 01 00 00 00 02 00 00 04
    10 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
    0c 00 00 00 03 00 00 00 40 00 00 00 00 00 00 00
    00 00 00 02 00 00 00 00 00 70 65 72 63 70 75 5f
    72 65 66 00 64 61 74 61 00
"""

import struct
from array import array
from collections.abc import Collection, Iterator, Sequence

from unreclaim.base.errors import ParseError

FILE = "/sys/kernel/btf/vmlinux"
_HEADER = struct.Struct("=HBBIIIII")
_MAGIC, _VERSION = 0xEB9F, 1
_STRUCT = 4
# Words of a type beyond its parts, and of each part, by kind: 1 INT, 2 PTR, 3 ARRAY, 4 STRUCT, 5 UNION, 6 ENUM, 7 FWD,
# 8 TYPEDEF, 9 VOLATILE, 10 CONST, 11 RESTRICT, 12 FUNC, 13 FUNC_PROTO, 14 VAR, 15 DATASEC, 16 FLOAT, 17 DECL_TAG,
# 18 TYPE_TAG, 19 ENUM64. Kind 0, which is none, leads behind the end.
_WORDS = (1 << 40, 4, 3, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 4, 3, 3)
_WORDS_OF_PART = (0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3)
_BITFIELDS = 1 << 31
_OFFSET = 0xFFFFFF
# KSYM_NAME_LEN, which a name is shorter than.
_LONGEST_NAME = 512


def parse_btf(raw: bytes, wanted: Collection[str] | None = None, *, file: str = FILE) -> dict[str, int]:
    """Give the size of structures in bytes, and as ``structure.member`` the room from a member up to the next one.

    wanted: names of structures and members; reading ends when the structures are found. None: all that have a name.
    A name that the kernel lacks is left out. Of structures with one name the first counts.

    Raises:
        ParseError: no BTF, cut off, or with a kind of type that is not known.

    """
    types, names = _sections(raw, file)
    sizes: dict[str, int] = {}
    places = None if wanted is None else _places(names, {name.partition(".")[0] for name in wanted})
    try:
        for place in _structures(types, places):
            name = _name(names, types[place])
            if name and name not in sizes:
                sizes[name] = types[place + 2]
                for member, room in _members(types, place, names):
                    sizes.setdefault(f"{name}.{member}", room)
    except (IndexError, ValueError):
        raise ParseError(file, 0, "a type, or its name, does not end where they all end") from None
    return sizes if wanted is None else {name: sizes[name] for name in wanted if name in sizes}


def _sections(raw: bytes, file: str) -> tuple[Sequence[int], bytes]:
    """Cut out the types, as words, and the names."""
    if len(raw) < _HEADER.size:
        raise ParseError(file, 0, f"{len(raw)} bytes are too short for a header")
    magic, version, _, header, types_at, types_size, names_at, names_size = _HEADER.unpack_from(raw)
    if (magic, version) != (_MAGIC, _VERSION):
        raise ParseError(file, 0, f"no BTF of version {_VERSION} in this machine's byte order")
    types_at, names_at = header + types_at, header + names_at
    if types_size % 4 or max(types_at + types_size, names_at + names_size) > len(raw):
        raise ParseError(file, 0, "the types or the names lie behind the end of the file")
    return array("I", raw[types_at : types_at + types_size]), raw[names_at : names_at + names_size]


def _places(names: bytes, wanted: Collection[str]) -> set[int]:
    """Find the places of names, each of which is in the section once."""
    found = {names.find(b"\0" + name.encode("utf-8", "replace") + b"\0") + 1 for name in wanted}
    return found - {0}


def _structures(types: Sequence[int], places: set[int] | None) -> Iterator[int]:
    """Give where structures are; those of certain names until each was seen, or None: all.

    This is where the time goes, for a kernel has 130,000 types: one turn takes a quarter of a microsecond.
    """
    place, end = 0, len(types)
    while place < end and (places is None or places):
        info = types[place + 1]
        kind = info >> 24 & 31
        if kind == _STRUCT and (places is None or types[place] in places):
            yield place
            if places is not None:
                places.discard(types[place])
        place += _WORDS[kind] + _WORDS_OF_PART[kind] * (info & 0xFFFF)
    if place > end:
        raise IndexError


def _members(types: Sequence[int], place: int, names: bytes) -> Iterator[tuple[str, int]]:
    """Give the members of a structure that have a name, with the bytes from each up to the next or the end."""
    info, size = types[place + 1], types[place + 2]
    mask = _OFFSET if info & _BITFIELDS else (1 << 32) - 1
    parts = range(place + 3, place + 3 + 3 * (info & 0xFFFF), 3)
    offsets = [(types[part + 2] & mask) // 8 for part in parts]
    for part, start, end in zip(parts, offsets, (*offsets[1:], size), strict=False):
        if name := _name(names, types[part]):
            yield name, max(0, end - start)


def _name(names: bytes, start: int) -> str:
    return names[start : names.index(b"\0", start, start + _LONGEST_NAME)].decode("utf-8", "replace")
