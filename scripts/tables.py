"""Tables of Markdown, as the generated pages have them."""

from collections.abc import Iterable


def table(first: str, heads: list[str], rows: list[str]) -> list[str]:
    """Give the lines of a table; `first` is the head of its first column."""
    return [row(first, heads), "|---" * (len(heads) + 1) + "|", *rows]


def row(first: str, cells: Iterable[str]) -> str:
    """Give one line of it."""
    return f"| {' | '.join((first, *cells))} |"


def version(release: str) -> tuple[int, ...]:
    """Give the numbers that a kernel's release begins with."""
    number = release.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0]
    return tuple(int(part) for part in number.split(".") if part.isdigit())
