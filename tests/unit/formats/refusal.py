"""What a parser says when it refuses a text, for tests to compare as a whole."""

from collections.abc import Callable

import pytest

from unreclaim.base.errors import ParseError


def refusal(parse: Callable[[str], object], text: str) -> tuple[str, int, str]:
    """Give file, line and reason of the ParseError that `text` must meet."""
    with pytest.raises(ParseError) as caught:
        parse(text)
    error = caught.value
    assert str(error) == (f"{error.file}:{error.line}: {error.why}" if error.line else f"{error.file}: {error.why}")
    return error.file, error.line, error.why
