"""What every card of a kernel has: the machine that it ran in, its document and its first line."""

import datetime as dt
from typing import ClassVar, TypeVar

import msgspec
from msgspec import Struct

from unreclaim.lab.errors import LabError

SCHEMA = "unreclaim.lab/1"

_Found = TypeVar("_Found", bound=Struct)


class Card(Struct, frozen=True):
    """The machine that a kernel ran in; what it did there is the `kernel` of each kind of card.

    experiment: the kind, as its document calls it. suite: the distribution's release that the kernel came from; None:
    an image of the user's own. date: of the run (ISO 8601).
    """

    experiment: ClassVar[str]
    suite: str | None
    date: str
    accelerator: str
    memory_mib: int
    cpus: int


_Card = TypeVar("_Card", bound=Card)


def read_found(raw: bytes, kind: type[_Found]) -> _Found:
    """Read the document that a guest left.

    Raises:
        LabError: it is of another form.

    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise LabError("the guest", f"what it left is no report: {error}") from error


def today() -> str:
    """Give the date of a run."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def card_document(card: Card) -> dict[str, object]:
    """Give a card as a JSON document."""
    document: dict[str, object] = msgspec.to_builtins(card)
    return {"schema": SCHEMA, "experiment": card.experiment, **document}


def load_card(raw: bytes, kind: type[_Card]) -> _Card:
    """Read a document of `card_document` again."""
    return msgspec.json.decode(raw, type=kind)


def head_line(card: Card, *kernel: str) -> str:
    """Write the first line of a card for people: what ran, and where and when it did."""
    origin = f"Debian {card.suite}" if card.suite else "an image of your own"
    return " · ".join((*kernel, origin, card.accelerator.upper(), card.date))
