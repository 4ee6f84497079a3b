"""Starts are counted by one way from the first look on: the journal where it can be read, NRestarts otherwise."""

from collections.abc import Iterator

from tests.fakes.clock import FakeClock
from tests.fakes.systemd import FakeSystemd, no_journal
from unreclaim.app.start_counter import StartCounter
from unreclaim.formats.journal_entry import STARTED, JournalEntry
from unreclaim.host.systemd.journal import JournalError
from unreclaim.model.unit import Unit

NAME = "app.service"


class Journal:
    """A journal in which there are 23 starts more at each look; `asked` keeps since when and of which unit."""

    def __init__(self) -> None:
        """Begin with none."""
        self.starts = 0
        self.asked: list[tuple[float, str]] = []
        self.fails = False
        self.dropped: int | None = None

    def read(self, since: float, unit: str) -> Iterator[JournalEntry]:
        """Give an entry for each start."""
        self.asked.append((since, unit))
        if self.fails:
            raise JournalError("journal", "no answer in time")
        self.starts += 23
        yield JournalEntry(since, dropped=self.dropped)
        for number in range(self.starts):
            yield JournalEntry(since + number, STARTED, unit, f"{number:032x}")


def counter(journal: Journal) -> StartCounter:
    """Count the starts of a unit that systemd restarted a hundred times."""
    return StartCounter(FakeSystemd("/nowhere", Unit(NAME, nr_restarts=100)).open, FakeClock(), journal.read)


def test_the_journal_counts_whoever_asked_for_a_start() -> None:
    """Each look gives the starts since the counter was made, and NRestarts is not asked."""
    journal = Journal()
    count = counter(journal)
    assert [count(NAME), count(NAME)] == [23, 46]
    assert journal.asked == [(FakeClock().unix(), NAME)] * 2


def test_a_journal_that_fails_later_is_not_made_up_for() -> None:
    """Once the journal has counted, a look at which it cannot be read, or has lost messages, counts nothing."""
    journal = Journal()
    count = counter(journal)
    assert count(NAME) == 23
    journal.fails = True
    assert count(NAME) is None
    journal.fails, journal.dropped = False, 7
    assert count(NAME) is None
    journal.dropped = None
    assert count(NAME) == 69


def test_without_a_journal_it_is_what_systemd_restarted() -> None:
    """NRestarts serves from the first look on, and the journal is not tried again."""
    journal = Journal()
    journal.fails = True
    count = counter(journal)
    assert count(NAME) == 100
    journal.fails = False
    assert (count(NAME), len(journal.asked)) == (123, 1)
    open_systemd = FakeSystemd("/nowhere", Unit(NAME)).open
    assert StartCounter(open_systemd, FakeClock(), no_journal)(NAME) is None
