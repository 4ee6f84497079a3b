"""What units left, in a row of a card: counted with its interval, and never a number where nothing was measured."""

import msgspec
import pytest
from msgspec.structs import replace

from unreclaim.lab.card import card_document, load_card
from unreclaim.lab.errors import LabError
from unreclaim.lab.unit_report import (
    GuestUnits,
    Left,
    Pinned,
    UnitCard,
    UnitTrial,
    freed_after,
    left_text,
    make_unit_card,
    pins_text,
    unit_card_text,
)

TRIAL = UnitTrial(
    *("exec-log", "types", "Type=exec, appends a page to a log", ("Type=exec",), 101, 101, 101, 1, True, 12.5, 4096, 0),
    (Pinned("page cache", "/var/log/lab/exec.log", 101), Pinned("unexplained", None, 1)),
    (Left("wait", 101), Left("fadvise", 2)),
)
FOUND = GuestUnits("6.1.0", "#1 SMP", "systemd 252 (252.39)", "v2", "quiet", (TRIAL,))
CARD = UnitCard("bookworm", "2026-11-25", "tcg", 2048, 2, FOUND)


def lines(*trials: UnitTrial) -> list[str]:
    """Give the lines of these units in a card."""
    return unit_card_text(replace(CARD, kernel=replace(CARD.kernel, units=trials))).splitlines()[2:]


def test_a_unit_in_words() -> None:
    """Cgroups a start, how many stay with the interval, what holds them and what frees them."""
    assert unit_card_text(CARD).splitlines() == [
        "6.1.0 · systemd 252 (252.39) · cgroup v2 · Debian bookworm · TCG · 2026-11-25",
        "",
        f"{TRIAL.title}: 1.00 cgroups a start, left dying 101 of 101 (96.3-100 %), freed by fadvise",
        "    held by page cache /var/log/lab/exec.log (101), unexplained (1)",
    ]
    assert "an image of your own" in unit_card_text(replace(CARD, suite=None))


def test_a_card_is_made_of_what_the_guest_left() -> None:
    """Its document is read again as it was; what is no document is the guest's fault."""
    card = make_unit_card(msgspec.json.encode(FOUND), "bookworm", "tcg", 2048, 2)
    assert replace(card, date=CARD.date) == CARD
    document = card_document(card)
    assert (document["schema"], document["experiment"]) == ("unreclaim.lab/1", "units")
    assert load_card(msgspec.json.encode(document), UnitCard) == card
    with pytest.raises(LabError, match="what it left is no report"):
        make_unit_card(b"{}", None, "tcg", 2048, 2)


def test_nothing_left_and_nothing_measured() -> None:
    """A zero was counted; what failed has no number."""
    none = replace(TRIAL, left=0, pins=(), rungs=())
    assert (left_text(none), freed_after(none), pins_text(none)) == ("0 of 101 (0-3.7 %)", "", "")
    failed = UnitTrial("x", "types", "Type=x", (), 5, failed="no such type")
    assert (failed.per_start, failed.interval, left_text(failed)) == (None, None, "not measured")
    assert lines(failed) == ["Type=x: not measured: no such type"]
    assert lines(none) == [f"{TRIAL.title}: 1.00 cgroups a start, left dying 0 of 101 (0-3.7 %)"]


def test_what_nothing_frees() -> None:
    """The rungs were climbed one after the other; the last tells how many stay."""
    assert freed_after(replace(TRIAL, rungs=(Left("wait", 101), Left("drop_caches 2", 90)))) == "90 stay after all"
    assert freed_after(replace(TRIAL, rungs=(Left("wait", 21), Left("fadvise", 20)))) == "fadvise"
