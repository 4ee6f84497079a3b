"""Asks PID 1 over D-Bus. Each call has a time limit, and so has the whole: a PID 1 that hangs is an error, not a wait.

Source: org.freedesktop.systemd1(5); the D-Bus Specification.
"""

import contextlib
import errno
import itertools
import math
import os
import re
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from unreclaim.base.errors import UnavailableError
from unreclaim.model.unit import Unit

T = TypeVar("T")
_ADDRESSES = ("unix:path=/run/dbus/system_bus_socket", "unix:path=/run/systemd/private")
"""The system's bus, and PID 1's own socket, which is root's alone and there without a D-Bus daemon."""

_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_SYSTEMD, _MANAGER = "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager"
_OBJECT = "/org/freedesktop/systemd1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_CALL_SECONDS, _WHOLE_SECONDS = 5.0, 30.0
_CHUNK = 2**16
_INFINITE = 2**64 - 1
_HINT = "is PID 1 systemd, and does systemctl answer? the journal alone still counts starts"
# A message that is not as the specification says makes jeepney raise one of these.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, struct.error)


class BusError(UnavailableError):
    """PID 1 could not be asked, gave no answer in time, or refused.

    name: of the error that it answered with (``org.freedesktop.systemd1.NoSuchUnit``); None: it gave no answer.
    """

    def __init__(self, what: str, why: str, *, hint: str | None = _HINT, name: str | None = None) -> None:
        """Say what was asked, and what came of it."""
        super().__init__(what, why, hint=hint)
        self.name = name


class SystemdBus:
    """A connection to PID 1."""

    def __init__(self, stream: socket.socket, call_seconds: float, give_up: float) -> None:
        """Talk over a connected and authenticated stream.

        call_seconds: the limit of each call. give_up: time.monotonic() at which the whole ends.
        """
        from jeepney import Parser  # noqa: PLC0415  of all commands few need it

        self._stream = stream
        self._call_seconds = call_seconds
        self._give_up = give_up
        self._parser = Parser()
        self._serials = itertools.count(1)

    def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: Any,  # noqa: ANN401  as the signature says
        destination: str = _SYSTEMD,
    ) -> tuple[Any, ...]:
        """Call a method and give what it returns.

        signature: of the arguments, as in the D-Bus Specification.

        Raises:
            BusError: no answer in time, a refusal, or something that is no answer.

        """
        from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call  # noqa: PLC0415  as above

        what = f"D-Bus: {interface.rpartition('.')[2]}.{member}"
        address = DBusAddress(path, bus_name=destination, interface=interface)
        message = new_method_call(address, member, signature or None, arguments)
        with _told(what):
            reply = self._exchange(message)
            body: tuple[Any, ...] = tuple(reply.body)
            if reply.header.message_type == MessageType.error:
                name = str(reply.header.fields.get(HeaderFields.error_name))
                why = body[0] if body and isinstance(body[0], str) else "refused"
                raise BusError(what, f"{why} ({name})", name=name)
            return body

    def hello(self) -> None:
        """Introduce ourselves to a D-Bus daemon, as the first message must.

        Raises:
            BusError: as `call`.

        """
        name = "org.freedesktop.DBus"
        self.call("/org/freedesktop/DBus", name, "Hello", destination=name)

    def version(self) -> int:
        """Give systemd's version (``252``).

        Raises:
            BusError: as `call`, or it has no number.

        """
        text = self._property(_OBJECT, _MANAGER, "Version")
        match = re.search(r"\d+", text) if isinstance(text, str) else None
        if match is None:
            raise BusError("D-Bus: systemd's version", f"{text!r} has no number")
        return int(match[0])

    def boot_unix_seconds(self) -> float | None:
        """Give when PID 1 was started, in seconds since 1970; in a container that is the container's boot.

        Raises:
            BusError: as `call`.

        """
        value = self._property(_OBJECT, _MANAGER, "UserspaceTimestamp")
        return value / 1e6 if isinstance(value, int) and value else None

    def list_units(self) -> tuple[Unit, ...]:
        """Give every unit that is loaded: its name, description and states, and nothing else of it.

        Raises:
            BusError: as `call`.

        """
        what = "D-Bus: Manager.ListUnits"
        with _told(what):
            (rows,) = self.call(_OBJECT, _MANAGER, "ListUnits")
            return tuple(
                Unit(name, description=description, load_state=load, active_state=active, sub_state=sub)
                for name, description, load, active, sub, *_ in rows
            )

    def read_unit(self, name: str) -> Unit:
        """Give all that we ask of one unit; one that is not loaded is loaded, as `systemctl show` does.

        A unit that does not exist has the load state ``not-found``.

        Raises:
            BusError: as `call`, or the name is no unit's.

        """
        (path,) = self.call(_OBJECT, _MANAGER, "LoadUnit", "s", name)
        # Every kind has an interface named after its suffix.
        kind = name.rpartition(".")[2].capitalize()
        said = self._all_properties(path, f"{_SYSTEMD}.Unit") | self._all_properties(path, f"{_SYSTEMD}.{kind}")
        return _unit(name, said)

    def _property(self, path: str, interface: str, name: str) -> object:
        with _told(f"D-Bus: {name}"):
            ((_, value),) = self.call(path, _PROPERTIES, "Get", "ss", interface, name)
            return value

    def _all_properties(self, path: str, interface: str) -> dict[str, object]:
        with _told(f"D-Bus: properties of {path}"):
            (said,) = self.call(path, _PROPERTIES, "GetAll", "s", interface)
            return {name: value for name, (_, value) in said.items()}

    def _exchange(self, message: Any) -> Any:  # noqa: ANN401  jeepney has no types
        from jeepney import HeaderFields  # noqa: PLC0415  as above

        give_up = min(time.monotonic() + self._call_seconds, self._give_up)
        serial = next(self._serials)
        self._stream.settimeout(_left(give_up))
        self._stream.sendall(message.serialise(serial=serial))
        while True:
            # Others are signals, and answers that came after their time.
            reply = self._parser.get_next_message()
            if reply is None:
                self._stream.settimeout(_left(give_up))
                data = self._stream.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError
                self._parser.add_data(data)
            elif reply.header.fields.get(HeaderFields.reply_serial) == serial:
                return reply


@contextlib.contextmanager
def open_bus(
    address: str | None = None, *, call_seconds: float | None = None, whole_seconds: float = _WHOLE_SECONDS
) -> Iterator[SystemdBus]:
    """Connect to PID 1 for as long as the context lasts.

    address: as in the D-Bus Specification; None: what DBUS_SYSTEM_BUS_ADDRESS says, or else the system's bus, or where
        that gives no answer PID 1's own socket. call_seconds, whole_seconds: limits of each call and of the context.

    Raises:
        BusError: there is none, it refuses, or it gives no answer in time.

    """
    call_seconds = _CALL_SECONDS if call_seconds is None else call_seconds
    chosen = address or os.environ.get(_VARIABLE)
    give_up = time.monotonic() + whole_seconds
    failures: list[BusError] = []
    for candidate in (chosen,) if chosen else _ADDRESSES:
        try:
            stream = _connect(candidate, min(time.monotonic() + call_seconds, give_up))
        except BusError as error:
            failures.append(error)
            continue
        with stream:
            bus = SystemdBus(stream, call_seconds, give_up)
            try:
                # PID 1's own socket leads to nobody but PID 1, which takes no Hello.
                if candidate != _ADDRESSES[-1]:
                    bus.hello()
            except BusError as error:
                failures.append(error)
                continue
            yield bus
            return
    raise failures[0]


def _connect(address: str, give_up: float) -> socket.socket:
    from jeepney.bus import get_connectable_addresses  # noqa: PLC0415  as above

    what = f"D-Bus: {address}"
    with _told(what):
        try:
            place = next(get_connectable_addresses(address))
        except RuntimeError as error:
            raise BusError(what, str(error), hint="write unix:path=/run/dbus/system_bus_socket") from None
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.settimeout(_left(give_up))
            stream.connect(place)
            _authenticate(stream, give_up)
        except BaseException:
            stream.close()
            raise
        return stream


def _authenticate(stream: socket.socket, give_up: float) -> None:
    """Say who we are, all in one go as sd-bus does.

    PID 1 reads a first message that comes with BEGIN, and never looks at it (systemd 252, its own socket).
    """
    from jeepney.auth import BEGIN, make_auth_external  # noqa: PLC0415  as above

    stream.sendall(b"\0" + make_auth_external() + BEGIN)
    said = b""
    while not said.endswith(b"\r\n"):
        stream.settimeout(_left(give_up))
        data = stream.recv(_CHUNK)
        if not data:
            raise ConnectionResetError
        said += data
        if len(said) > _CHUNK:
            break
    if not said.startswith(b"OK "):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn whatever goes wrong on a connection into a `BusError`."""
    try:
        yield
    except TimeoutError:
        raise BusError(what, "no answer in time") from None
    except OSError as error:
        raise BusError(what, error.strerror or "the connection was closed") from None
    except _MALFORMED as error:
        raise BusError(what, f"no answer that can be read: {error}") from None


def _left(give_up: float) -> float:
    """Give the seconds that are left.

    Raises:
        TimeoutError: none are.

    """
    left = give_up - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _unit(name: str, said: Mapping[str, object]) -> Unit:
    return Unit(
        _of(str, said, "Id") or name,
        description=_text(said, "Description"),
        load_state=_text(said, "LoadState"),
        active_state=_text(said, "ActiveState"),
        sub_state=_text(said, "SubState"),
        result=_text(said, "Result"),
        fragment_path=_text(said, "FragmentPath"),
        drop_in_paths=_texts(said, "DropInPaths"),
        control_group=_text(said, "ControlGroup"),
        slice=_text(said, "Slice"),
        service_type=_text(said, "Type"),
        standard_output=_text(said, "StandardOutput"),
        restart=_text(said, "Restart"),
        restart_seconds=_seconds(said, "RestartUSec"),
        restart_steps=_of(int, said, "RestartSteps"),
        restart_max_delay_seconds=_seconds(said, "RestartMaxDelayUSec"),
        start_limit_interval_seconds=_seconds(said, "StartLimitIntervalUSec"),
        start_limit_burst=_of(int, said, "StartLimitBurst"),
        nr_restarts=_of(int, said, "NRestarts"),
        memory_accounting=_of(bool, said, "MemoryAccounting"),
        accept=_of(bool, said, "Accept"),
        triggered_by=_texts(said, "TriggeredBy"),
        triggers=_texts(said, "Triggers"),
        # Zero: it never was.
        active_enter_unix_seconds=_seconds(said, "ActiveEnterTimestamp") or None,
    )


def _of(kind: type[T], said: Mapping[str, object], name: str) -> T | None:
    value = said.get(name)
    return value if isinstance(value, kind) else None


def _text(said: Mapping[str, object], name: str) -> str | None:
    return _of(str, said, name) or None


def _texts(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    values: Iterable[object] = _of(list, said, name) or ()
    return tuple(value for value in values if isinstance(value, str))


def _seconds(said: Mapping[str, object], name: str) -> float | None:
    value = _of(int, said, name)
    if value is None:
        return None
    return math.inf if value == _INFINITE else value / 1e6
