r"""One line of ``journalctl -o json``: an entry of the journal, as far as it tells of units that start.

Source: "Journal JSON Format" at systemd.io; systemd.journal-fields(7); catalog/systemd.catalog.in for the MESSAGE_IDs. A
    value is a string, an array of numbers (bytes that are no text), an array of either (a field that occurs more than
    once) or null (too long to be shown). Fields that begin with an underscore are journald's own; a sender cannot forge
    them.
Needs: root, or group systemd-journal; INVOCATION_ID of units since systemd 232.

Example::

    {"__REALTIME_TIMESTAMP":"1795593718426680","_PID":"1","MESSAGE_ID":"39f53479d3a045ac8e11786248231fbf","UNIT":"myapp.service","INVOCATION_ID":"3e19cfd3d141479f8e953b55a5ee2c33"}
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown, unsigned

FILE = "journalctl -o json"
STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
STARTED = "39f53479d3a045ac8e11786248231fbf"
FAILED = "be02cf6855d2428ba40df7e9d022f03d"
RESTART = "5eb03494b6584870a536b337290809b3"
DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
MESSAGE_IDS = (STARTING, STARTED, FAILED, RESTART, DROPPED)
"""Messages of systemd: a start begins, is done, has failed; a restart is due. And journald's: messages were dropped."""

FIELDS = (
    "MESSAGE_ID",
    "UNIT",
    "USER_UNIT",
    "INVOCATION_ID",
    "USER_INVOCATION_ID",
    "N_DROPPED",
    "OBJECT_PID",
    "_PID",
    "_SYSTEMD_UNIT",
    "_TRANSPORT",
)
"""The fields that are read of each entry, besides its time, which is always there."""

_MANAGER = re.compile(r"user@([0-9]{1,10})\.service")
_PID_1 = "1"


class JournalEntry(Struct, frozen=True):
    """One entry. None: it has no such field, or nobody who may say so wrote it.

    unit: what a systemd said something of. user: whose systemd it was; None: PID 1, or no systemd. dropped: how many
    messages of PID 1 journald has thrown away, because there were too many.
    """

    unix_seconds: float
    message_id: str | None = None
    unit: str | None = None
    invocation_id: str | None = None
    user: int | None = None
    dropped: int | None = None


class _Line(
    Struct,
    frozen=True,
    rename={
        "time": "__REALTIME_TIMESTAMP",
        "message_id": "MESSAGE_ID",
        "unit": "UNIT",
        "user_unit": "USER_UNIT",
        "invocation": "INVOCATION_ID",
        "user_invocation": "USER_INVOCATION_ID",
        "dropped": "N_DROPPED",
        "about_pid": "OBJECT_PID",
        "pid": "_PID",
        "place": "_SYSTEMD_UNIT",
        "transport": "_TRANSPORT",
    },
):
    time: Any
    message_id: Any = None
    unit: Any = None
    user_unit: Any = None
    invocation: Any = None
    user_invocation: Any = None
    dropped: Any = None
    about_pid: Any = None
    pid: Any = None
    place: Any = None
    transport: Any = None


_DECODER = msgspec.json.Decoder(_Line)


def parse_journal_entry(text: str, *, file: str = FILE) -> JournalEntry:
    """Read one line.

    Raises:
        ParseError: it is no JSON object with a time, or a number is none.

    """
    try:
        line = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ParseError(file, 1, f"expected an entry with a time as JSON, found {shown(text)}") from None
    seconds = unsigned(_text(line.time) or "", file, 1) / 1e6
    message_id = _text(line.message_id)
    if _text(line.pid) == _PID_1:
        return JournalEntry(seconds, message_id, _text(line.unit), _text(line.invocation))
    manager = _MANAGER.fullmatch(_text(line.place) or "")
    if manager is not None:
        unit, invocation = _text(line.user_unit), _text(line.user_invocation)
        return JournalEntry(seconds, message_id, unit, invocation, int(manager[1]))
    if message_id == DROPPED and _text(line.transport) == "driver" and _text(line.about_pid) == _PID_1:
        return JournalEntry(seconds, message_id, dropped=unsigned(_text(line.dropped) or "", file, 1))
    return JournalEntry(seconds, message_id)


def _text(value: object) -> str | None:
    """Give a field's text: the first where there are several; bytes as surrogates."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, list) and value:
        if not isinstance(value[0], int):
            return _text(value[0])
        try:
            return bytes(value).decode("utf-8", "surrogateescape")
        except (TypeError, ValueError):
            return None
    return None
