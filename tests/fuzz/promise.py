"""What every parser of room formats promises, whatever the text; property tests and the fuzzer hold them to it."""

from collections.abc import Callable

import msgspec

from unreclaim.base.errors import ParseError

FILE = "/some/other/file"


def keeps_promise(parse: Callable[..., object], text: str) -> bool:
    """Parse a text and tell whether it gave a value; whatever else than a value or a ParseError is raised.

    A value can be encoded as JSON once its surrogates (bytes that are no UTF-8) are replaced. A ParseError names the
    file it was given and a line that is there, or 0, and can be shown on one line of a terminal.
    """
    refused = None
    try:
        value = parse(text, file=FILE)
    except ParseError as error:
        refused = error
    else:
        assert msgspec.json.encode(_without_surrogates(msgspec.to_builtins(value)))
    if refused:
        assert refused.file == FILE
        assert 0 <= refused.line <= text.count("\n") + 1
        assert "\n" not in str(refused)
        assert str(refused).encode()
    return refused is None


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_surrogates(item) for item in value]
        case _:
            return value
