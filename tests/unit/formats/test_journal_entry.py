"""Lines of journalctl -o json."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.formats.refusal import refusal
from unreclaim.formats.journal_entry import DROPPED, FILE, STARTED, JournalEntry, parse_journal_entry

TIME = {"__REALTIME_TIMESTAMP": "1795593718426680"}
SECONDS = 1795593718.42668


def entry(**fields: object) -> JournalEntry:
    """Read an entry of these fields; those in small letters are journald's own (``of_pid``: _PID)."""
    named = {name.upper().replace("OF_", "_", 1) if name.islower() else name: fields[name] for name in fields}
    return parse_journal_entry(json.dumps({**TIME, **named}))


def test_what_pid_1_says_is_read() -> None:
    """An entry of PID 1 has its unit, the id of the start and the message; unknown fields are left aside."""
    found = entry(of_pid="1", MESSAGE_ID=STARTED, UNIT="a.service", INVOCATION_ID="ab", OTHER={"x": [1]})
    assert found == JournalEntry(SECONDS, STARTED, "a.service", "ab")


def test_what_a_users_systemd_says_is_read() -> None:
    """Its units have a field of their own; whose they are, journald itself says."""
    fields = {"MESSAGE_ID": STARTED, "USER_UNIT": "a.service", "USER_INVOCATION_ID": "ab", "UNIT": "forged.service"}
    assert entry(of_pid="7", of_systemd_unit="x.service", **fields) == JournalEntry(SECONDS, STARTED)
    found = entry(of_pid="7", of_systemd_unit="user@1000.service", **fields)
    assert found == JournalEntry(SECONDS, STARTED, "a.service", "ab", 1000)


def test_others_may_not_speak_of_units() -> None:
    """Anybody can send the message of a start to the journal; only its trusted fields tell who did."""
    found = entry(of_pid="4242", MESSAGE_ID=STARTED, UNIT="a.service", INVOCATION_ID="ab")
    assert found == JournalEntry(SECONDS, STARTED)


@pytest.mark.parametrize(
    ("transport", "pid", "dropped"), [("driver", "1", 17), ("journal", "1", None), ("driver", "9", None)]
)
def test_dropped_messages_are_counted(transport: str, pid: str, dropped: int | None) -> None:
    """They count where journald itself says so, and of PID 1 alone."""
    found = entry(MESSAGE_ID=DROPPED, of_transport=transport, OBJECT_PID=pid, N_DROPPED="17")
    assert found == JournalEntry(SECONDS, DROPPED, dropped=dropped)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (None, None),
        ([97, 255, 98], "a\udcffb"),
        (["a", "b"], "a"),
        ([[97], "b"], "a"),
        ([None, "b"], None),
        ([], None),
        ([1, 256], None),
        ([1, "a"], None),
        ({"a": 1}, None),
        (True, None),
    ],
)
def test_every_form_of_a_value_is_read(value: object, unit: str | None) -> None:
    """A value is a text, bytes, several of both, or too long to be shown; what else it may be is none."""
    assert entry(of_pid="1", UNIT=value).unit == unit


@pytest.mark.parametrize("text", ["", "[]", "{", '{"_PID":"1"}', "\udcff", "[" * 100_000])
def test_what_is_no_entry_is_refused(text: str) -> None:
    """The parser refuses what is no JSON object with a time."""
    short = text if len(text) <= 40 else text[:37] + "..."
    assert refusal(parse_journal_entry, text) == (FILE, 1, f"expected an entry with a time as JSON, found {short!r}")


@pytest.mark.parametrize("time", [None, "-1", "1.5", 7])
def test_a_time_that_is_none_is_refused(time: object) -> None:
    """The time is a number of microseconds, as text."""
    line = json.dumps({"__REALTIME_TIMESTAMP": time})
    assert refusal(parse_journal_entry, line)[:2] == (FILE, 1)


values = st.recursive(
    st.none() | st.text(max_size=9) | st.integers(-9, 300) | st.booleans(), lambda inner: st.lists(inner, max_size=3)
)


@given(values, values, values)
def test_any_values_make_an_entry(unit: object, invocation: object, pid: object) -> None:
    """Whatever JSON the fields hold, there is an entry, and its fields are text or none."""
    found = entry(of_pid=pid, UNIT=unit, INVOCATION_ID=invocation, MESSAGE_ID=STARTED)
    assert (found.unix_seconds, found.message_id) == (SECONDS, STARTED)
    assert all(value is None or isinstance(value, str) for value in (found.unit, found.invocation_id))


@given(st.binary(min_size=1).map(lambda raw: raw.replace(b"\0", b"/")))
def test_bytes_of_a_name_come_back(raw: bytes) -> None:
    """A unit's name of any bytes is given as the host's other names are."""
    assert entry(of_pid="1", UNIT=list(raw)).unit == raw.decode("utf-8", "surrogateescape")
