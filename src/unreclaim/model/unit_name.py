"""Names of units: which ones systemd takes."""

import re

UNIT_TYPES = ("service", "slice", "scope", "socket", "timer", "path", "target", "mount", "automount", "swap", "device")
_MOST_BYTES = 255
_CHARACTERS = re.compile(r"[0-9A-Za-z:_.\\@-]+")


def name_problem(name: str) -> str | None:
    """Say why this is no name of a unit, None where it is one.

    Source: unit_name_is_valid() in src/basic/unit-name.c: a prefix, an instance behind the first @ if there is one,
    a known suffix, 255 bytes. A template without its instance is refused, for it cannot be started.
    """
    prefix, dot, suffix = name.rpartition(".")
    if not dot or suffix not in UNIT_TYPES:
        return f"it does not end in a type of unit, such as .{UNIT_TYPES[0]}"
    if len(name) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes"
    if not _CHARACTERS.fullmatch(prefix):
        return "it holds characters that systemd allows in no name (systemd-escape writes them otherwise)"
    if prefix.startswith("@"):
        return "there is nothing before the @"
    if prefix.find("@") == len(prefix) - 1:
        return "it is a template; name an instance of it"
    return None
