"""The report card of a kernel, from what a guest leaves to a sentence."""

import msgspec
import pytest

from unreclaim.lab.card import card_document, load_card
from unreclaim.lab.errors import LabError
from unreclaim.lab.report import (
    GuestReport,
    ReportCard,
    Rung,
    Trial,
    card_text,
    freed_by,
    make_card,
    verdict,
)
from unreclaim.render.as_json import encode


def card(**dying: int) -> ReportCard:
    """Give a card on which so many of 23 cgroups of each kind stay."""
    rungs = (Rung("wait", 23, 0), Rung("fadvise", 23, 22), Rung("drop_caches 1", 23, 18))
    trials = tuple(
        Trial(kind.replace("_", "-"), 23, number, 2300, None, rungs if number > 20 else ())
        for kind, number in dying.items()
    )
    features = {"btf": True, "mglru": None}
    kernel = GuestReport("7.2", "#1", "v2", memory=True, trials=trials, features=features)
    return ReportCard("sid", "2026-01-02", "tcg", 2048, 2, kernel)


@pytest.mark.parametrize(
    ("dying", "sentence"),
    [
        (
            {"page_cache": 23, "tmpfs": 23, "sockets": 23},
            "held by page cache and tmpfs or memfd: an upgrade to it cures neither the one nor the other.",
        ),
        ({"shared_log": 23, "sockets": 23}, "held by page cache: an upgrade to it does not cure that."),
        ({"page_cache": 1, "tmpfs": 0, "sockets": 23}, "an upgrade cures those. Sockets still do."),
        ({"page_cache": 1, "tmpfs": 0, "sockets": 1}, "cures all of them"),
    ],
)
def test_the_verdict_says_what_an_upgrade_cures(dying: dict[str, int], sentence: str) -> None:
    """It names what still holds cgroups there; one of 23 that stays is none."""
    assert sentence in verdict(card(**dying))


def test_rungs_are_named_that_free_four_of_five() -> None:
    """A rung that frees 22 of 23 does, one that frees 18 does not; where nothing stayed none is named."""
    stays, goes = card(tmpfs=23, memfd=1).kernel.trials
    assert (freed_by(stays), freed_by(goes)) == ("fadvise", "")
    nothing = msgspec.structs.replace(stays, rungs=stays.rungs[:1])
    assert freed_by(nothing) == "nothing that was tried"


def test_a_card_is_written_for_people() -> None:
    """Each kind has its count, its cost for each that stayed and what frees it."""
    lines = card_text(card(page_cache=23, memfd=1)).splitlines()
    assert lines[0] == "7.2 · cgroup v2 · Debian sid · TCG · 2026-01-02"
    assert " ".join(lines[5].split()) == "wrote a page of a file of its own 23 of 23 100 B - fadvise"
    assert " ".join(lines[6].split()) == "passed a memfd on 1 of 23 - -"
    assert lines[8:10] == ["It has     btf", "It lacks   mglru"]


def test_a_card_survives_its_document() -> None:
    """What is kept is read again as it was, and says what it is."""
    document = card_document(card(page_cache=23))
    assert list(document)[:2] == ["schema", "experiment"]
    assert load_card(encode(document).encode(), ReportCard) == card(page_cache=23)


def test_what_a_guest_leaves_is_a_report_or_an_error() -> None:
    """A kernel without the memory controller has no card, and neither has a document of another form."""
    found = card(empty=0).kernel
    made = make_card(msgspec.json.encode(found), "sid", "kvm", 1024, 1)
    assert (made.kernel, made.suite, made.accelerator, made.memory_mib, made.cpus) == (found, "sid", "kvm", 1024, 1)
    without = msgspec.structs.replace(found, memory=False, cgroup="v1")
    with pytest.raises(LabError, match="no memory controller on cgroup v1"):
        make_card(msgspec.json.encode(without), "sid", "kvm", 1024, 1)
    with pytest.raises(LabError, match="no report"):
        make_card(b"{}", "sid", "kvm", 1024, 1)
