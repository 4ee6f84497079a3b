"""What a contract of --json consists of: keys, and those that several commands have."""

from typing import NamedTuple


class Key(NamedTuple):
    """One key of a document; ``type`` is JSON's, followed by ``or null`` where a fact may be unknown."""

    path: str
    type: str
    unit: str
    meaning: str


GAPS = (
    Key("gaps", "list", "", "what could not be seen; it limits what was said above"),
    Key("gaps[].what", "string", "", "the fact that is missing"),
    Key("gaps[].why", "string", "", "why it is missing"),
    Key("gaps[].remedy", "string or null", "", "what would make it available; null: nothing would"),
)
