"""Starts counted from what systemd says in the journal, in the orders that were seen of systemd 252."""

from unreclaim.analysis.starts import count_starts, fold_unit
from unreclaim.formats.journal_entry import DROPPED, FAILED, RESTART, STARTED, STARTING, JournalEntry
from unreclaim.model.units import JournalCount, Starts


def say(message: str, unit: str, identity: str | None, at: float = 5.0, user: int | None = None) -> JournalEntry:
    """Give an entry."""
    return JournalEntry(at, message, unit, identity, user)


def test_a_start_is_an_id_whatever_is_said_of_it() -> None:
    """Begun and done, begun and failed, or done at once is one start each; a refused one bears the id of the last."""
    entries = [
        say(STARTING, "a.service", "1"),
        say(STARTED, "a.service", "1", 6),
        say(RESTART, "a.service", "1"),
        say(STARTING, "a.service", "2", 7),
        say(FAILED, "a.service", "2", 8),
        say(RESTART, "a.service", "2"),
        say(STARTED, "a.service", "3", 9),
        say(FAILED, "a.service", "3", 9),
    ]
    assert count_starts(entries) == JournalCount((Starts("a.service", None, 1, 3, 2, 2, 9),), 0, 0)


def test_a_start_that_a_condition_kept_back_is_none() -> None:
    """It is said to be done, but has no id and no cgroup."""
    assert count_starts([say(STARTED, "a.service", None)] * 23) == JournalCount((), 23, 0)


def test_names_that_differ_in_instance_are_one_source() -> None:
    """Instances are folded and counted together; a user's unit of the same name is another source."""
    entries = [
        say(STARTED, "a@1.service", "1"),
        say(STARTED, "a@2.service", "2"),
        say(STARTED, "a@2.service", "3"),
        say(STARTED, "a@1.service", "1", user=1000),
    ]
    expected = (Starts("a@*.service", None, 2, 3, 0, 0, 5), Starts("a@*.service", 1000, 1, 1, 0, 0, 5))
    assert count_starts(entries) == JournalCount(expected, 0, 0)


def test_what_has_no_cgroup_is_left_out() -> None:
    """Targets, timers and sockets are started without a cgroup; an entry may name no unit, or be no start."""
    names = ("a.target", "a.timer", "a.socket", "a.path", "a.device", "a.automount")
    entries = [say(STARTED, name, "1") for name in names]
    entries += [JournalEntry(5, STARTED), say("another", "a.service", "1"), JournalEntry(5, DROPPED, dropped=17)]
    assert count_starts(entries) == JournalCount((), 0, 17)
    kinds = ("a.mount", "a.scope", "a.service", "a.slice", "a.swap")
    assert [one.unit for one in count_starts([say(STARTED, name, "1") for name in kinds]).sources] == list(kinds)


def test_times_are_given_after_a_moment() -> None:
    """The time of a start is that of the first thing said of it."""
    entries = [
        say(STARTING, "a.service", "1", 1),
        say(STARTING, "a.service", "3", 4),
        say(STARTING, "a.service", "2", 3),
    ]
    entries += [say(STARTED, "a.service", "2", 9)]
    (source,) = count_starts(entries, after=3).sources
    assert (source.starts, source.times) == (3, (3, 4))


def test_a_name_that_is_no_units_stays() -> None:
    """What the parser of paths takes for none, or for several, is its own name."""
    assert [fold_unit(name) for name in ("getty@tty1.service", "", "x", "a/b.service")] == [
        "getty@*.service",
        "",
        "x",
        "a/b.service",
    ]
