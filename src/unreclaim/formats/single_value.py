"""A cgroup file with one number: memory.current, memory.usage_in_bytes, memory.max.

Source: Documentation/admin-guide/cgroup-v2.rst "Format"; seq_puts_memcg_tunable() in mm/memcontrol.c
Needs: the controller that has the file.

Example::

    8380416
"""

from unreclaim.formats._tokens import unsigned

FILE = "memory.current"


def parse_single_value(text: str, *, file: str = FILE) -> int | None:
    """Give the number, or None for ``max`` (no limit).

    Raises:
        ParseError: anything else.

    """
    word = text.strip()
    return None if word == "max" else unsigned(word, file, 1)
