"""A bus that hangs, lies or is absent, by hand-written sockets; tests/root/test_units.py asks a real systemd."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unreclaim.host.systemd import bus as bus_module
from unreclaim.host.systemd.bus import BusError, open_bus

Talk = Callable[[socket.socket], None]
_OK = b"OK 0123456789abcdef0123456789abcdef\r\n"


def stay_silent(stream: socket.socket) -> None:
    """Read whatever comes until the other end leaves, and never say a word."""
    with contextlib.suppress(ConnectionResetError):
        while stream.recv(4096):
            pass


def let_in(stream: socket.socket) -> None:
    """Authenticate a client, and then stay silent."""
    read_until(stream, b"BEGIN\r\n")
    stream.sendall(_OK)
    stay_silent(stream)


def let_in_and_say(answer: bytes) -> Talk:
    """Authenticate a client, and answer its first message with these bytes."""

    def talk(stream: socket.socket) -> None:
        read_until(stream, b"BEGIN\r\n")
        stream.sendall(_OK)
        read_until(stream, b"Hello")
        stream.sendall(answer)
        stay_silent(stream)

    return talk


def refuse(stream: socket.socket) -> None:
    """Know nobody."""
    read_until(stream, b"BEGIN\r\n")
    stream.sendall(b"REJECTED EXTERNAL\r\n")
    stay_silent(stream)


def read_until(stream: socket.socket, word: bytes) -> None:
    """Read until a word has come, or the other end has left."""
    seen = b""
    while word not in seen and (data := stream.recv(4096)):
        seen += data


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Talk], str]]:
    """Give a function that listens at a new address and treats each client so."""
    listeners: list[socket.socket] = []

    def start(talk: Talk) -> str:
        place = f"{tmp_path}/{len(listeners)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place)
        listener.listen()
        listeners.append(listener)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    stream, _ = listener.accept()
                    with stream:
                        talk(stream)

        threading.Thread(target=accept, daemon=True).start()
        return f"unix:path={place}"

    yield start
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def failure(address: str | None, **limits: float) -> tuple[str, str, str | None]:
    """Give what, why and the hint of the error that opening a bus ends in."""
    with pytest.raises(BusError) as caught, open_bus(address, **limits):
        pass
    return caught.value.what, caught.value.why, caught.value.hint


@pytest.mark.parametrize("talk", [stay_silent, let_in])
def test_a_bus_that_never_answers_is_given_up(serve: Callable[[Talk], str], talk: Talk) -> None:
    """One that accepts and says nothing, before or after it let us in, is an error within the time limit."""
    began = time.monotonic()
    _, why, hint = failure(serve(talk), call_seconds=0.2)
    assert why == "no answer in time"
    assert hint is not None
    assert 0.2 <= time.monotonic() - began < 2


def test_the_whole_has_a_limit_of_its_own(serve: Callable[[Talk], str]) -> None:
    """However long one call may take, all of them together end in time."""
    began = time.monotonic()
    assert failure(serve(let_in), call_seconds=60, whole_seconds=0.2)[1] == "no answer in time"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("answer", [b"l" * 64, b"\0" * 64, b"l\x02\x00\x01" + b"\xff" * 60])
def test_what_is_no_message_is_an_error(serve: Callable[[Talk], str], answer: bytes) -> None:
    """Bytes that are no D-Bus message are no crash, and no wait without end."""
    assert failure(serve(let_in_and_say(answer)), call_seconds=0.3)[1].startswith("no answer")


def test_a_bus_that_hangs_up_is_an_error(serve: Callable[[Talk], str]) -> None:
    """A connection that is closed in the middle is told as that."""
    assert failure(serve(lambda _: None))[1] in ("Connection reset by peer", "Broken pipe", "the connection was closed")


def test_a_bus_that_does_not_let_us_in_is_an_error(serve: Callable[[Talk], str]) -> None:
    """A refusal is told as one; a greeting without end is none."""
    assert failure(serve(refuse))[1] == "Permission denied"
    assert failure(serve(lambda stream: stream.sendall(b"x" * 2**17)))[1] in ("Permission denied", "Broken pipe")


def test_an_absent_bus_is_named(tmp_path: Path) -> None:
    """Where no socket is, the address is said; an address of another kind is refused."""
    what, why, _ = failure(f"unix:path={tmp_path}/none")
    assert (what, why) == (f"D-Bus: unix:path={tmp_path}/none", "No such file or directory")
    assert failure("tcp:host=localhost")[1].startswith("DBus transports")


def test_pid_1s_own_socket_is_tried_last(
    serve: Callable[[Talk], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a bus daemon it is PID 1's own socket, with no Hello; the variable's address is tried alone."""
    own = serve(let_in)
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    monkeypatch.setattr(bus_module, "_ADDRESSES", (f"unix:path={tmp_path}/none", own))
    with (
        open_bus(call_seconds=0.2) as bus,
        pytest.raises(BusError, match="Get: no answer in time"),
    ):
        bus.version()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/other")
    assert failure(None)[0] == f"D-Bus: unix:path={tmp_path}/other"
