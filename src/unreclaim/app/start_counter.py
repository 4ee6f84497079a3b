"""Counts the starts of one unit while it is watched: by the journal, whoever asked for them, or else by NRestarts."""

from collections.abc import Callable, Iterator

from unreclaim.analysis.starts import count_starts
from unreclaim.app.clock import Clock
from unreclaim.app.systemd import OpenSystemd
from unreclaim.formats.journal_entry import JournalEntry
from unreclaim.host.systemd.journal import JournalError, read_begin, read_starts

CountStarts = Callable[[str], int | None]
"""Gives how often a unit has started, from whichever beginning; None: it cannot be counted."""

ReadStarts = Callable[[float, str], Iterator[JournalEntry]]
"""Gives the entries about the starts of a unit from a time on, in seconds since 1970."""


class StartCounter:
    """Counts by one way as long as it lives, so that the difference of two counts is one of starts.

    NRestarts has only what systemd restarted by itself since somebody started the unit; it serves where there is no
    journal to read.
    """

    def __init__(self, open_systemd: OpenSystemd, clock: Clock, read: ReadStarts | None = None) -> None:
        """Count from now on. read: another journal's."""
        self._open_systemd = open_systemd
        self._since = clock.unix()
        self._read = read or _read_journal
        self._by_journal: bool | None = None

    def __call__(self, name: str) -> int | None:
        """Count the starts of a unit."""
        if self._by_journal is not False:
            try:
                counted = count_starts(self._read(self._since, name))
            except JournalError:
                # One that could be read before has not been read to its end.
                if self._by_journal:
                    return None
            else:
                self._by_journal = True
                return None if counted.dropped else sum(source.starts for source in counted.sources)
        self._by_journal = False
        with self._open_systemd() as systemd:
            return systemd.read_unit(name).nr_restarts


def _read_journal(since: float, name: str) -> Iterator[JournalEntry]:
    if read_begin(None) is None:
        # Nobody writes one: that nothing is in it says nothing of starts.
        raise JournalError("journal", "it has no entry of this boot")
    return read_starts(since, unit=name)
