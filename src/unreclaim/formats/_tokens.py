"""Numbers as the kernel prints them, and nothing that only Python takes for a number."""

import re

import msgspec

from unreclaim.base.errors import ParseError

U64_MAX = 2**64 - 1
# Numbers of up to 19 digits all fit in 64 bits.
_PLAIN_TABLE = re.compile(r"(?:[!-~]+ [0-9]{1,19}\n)*")


def lines_of(text: str) -> list[str]:
    """Split a file at newlines alone; str.splitlines() also splits at what may be part of a line (form feed, U+2028)."""
    return text.removesuffix("\n").split("\n") if text else []


def unsigned(token: str, file: str, line: int, *, limit: int = U64_MAX) -> int:
    """Read a decimal number of 64 bits, as ``%llu`` prints it.

    Raises:
        ParseError: signs, underscores, digits of other scripts, and numbers above `limit`.

    """
    if len(token) <= 20 and token.isascii() and token.isdigit():
        value = int(token)
        if value <= limit:
            return value
    raise ParseError(file, line, f"expected a number up to {limit}, found {shown(token)}")


def many_unsigned(tokens: list[str]) -> list[int]:
    """Convert many tokens that are known to be decimal numbers of 64 bits.

    A JSON reader does it in a fifth of the time of int(), which is what most of a sample's time went to; it refuses
    leading zeros, which no kernel file has but a parser must not trip over.
    """
    try:
        return msgspec.json.decode(f"[{','.join(tokens)}]", type=list[int])
    except msgspec.DecodeError:
        return list(map(int, tokens))


def shown(token: str) -> str:
    """Quote a piece of a file for an error message: short, printable, on one line."""
    return repr(token if len(token) <= 40 else token[:37] + "...")


def keyed_counts(text: str, file: str) -> dict[str, int]:
    """Read lines of ``name value`` (vmstat, cgroup.stat, memory.stat), in the file's order.

    Raises:
        ParseError: a line that is not two words, a value that is no number, or a name that occurs twice.

    """
    if _PLAIN_TABLE.fullmatch(text):
        # What every kernel prints; several hundred lines of it are read for each sample.
        words = text.split()
        counts = dict(zip(words[::2], many_unsigned(words[1::2]), strict=True))
        if 2 * len(counts) == len(words):
            return counts
    # Not plain, or a name twice: find the line.
    counts = {}
    for number, line in enumerate(lines_of(text), 1):
        words = line.split()
        if len(words) != 2:
            raise ParseError(file, number, f"expected a name and a number, found {shown(line)}")
        name = words[0]
        if name in counts:
            raise ParseError(file, number, f"{shown(name)} occurs twice")
        counts[name] = unsigned(words[1], file, number)
    return counts
