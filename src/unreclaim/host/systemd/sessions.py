"""Asks logind for its sessions, over the connection to the system's bus."""

from unreclaim.host.systemd.bus import BusError, SystemdBus
from unreclaim.model.units import Session

_LOGIN, _OBJECT = "org.freedesktop.login1", "/org/freedesktop/login1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ABSENT = frozenset(
    {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"},
)


def read_sessions(bus: SystemdBus) -> tuple[Session, ...] | None:
    """Give every session with its state; None: there is no logind.

    Raises:
        BusError: it gives no answer.

    """
    try:
        (rows,) = bus.call(_OBJECT, f"{_LOGIN}.Manager", "ListSessions", destination=_LOGIN)
    except BusError as error:
        if error.name in _ABSENT:
            return None
        raise
    sessions = []
    for identity, _, user, _, path in rows:
        try:
            ((_, state),) = bus.call(path, _PROPERTIES, "Get", "ss", f"{_LOGIN}.Session", "State", destination=_LOGIN)
        except BusError as error:
            # It ended meanwhile.
            if error.name is None:
                raise
            state = None
        sessions.append(Session(identity, user, state))
    return tuple(sessions)
