"""What all cards share: the ones that are kept are read as they were written."""

import json

import pytest

from tests.house.source import TOP
from unreclaim.lab.card import Card, card_document, load_card
from unreclaim.lab.report import ReportCard
from unreclaim.lab.unit_report import UnitCard


@pytest.mark.parametrize(("pattern", "kind", "number"), [("kernel-*", ReportCard, 5), ("units-*", UnitCard, 8)])
def test_kept_cards_are_read_and_written_as_they_are(pattern: str, kind: type[Card], number: int) -> None:
    """Every card of docs/lab gives its own document again, in the order of its keys."""
    kept = [path.read_bytes() for path in (TOP / "docs" / "lab").glob(f"{pattern}.json")]
    assert len(kept) >= number
    for raw in kept:
        written = json.dumps(card_document(load_card(raw, kind)))
        assert written == json.dumps(json.loads(raw))
