"""A host in memory in the place of this one, for commands that are run whole."""

import pytest

from tests.fakes.hosts import FakeHost

COMMANDS = ("capture", "diagnose", "status")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """Give a quiet host that every command reads, by its own clock."""
    host = FakeHost()
    for command in COMMANDS:
        module = f"unreclaim.cli.{command}"
        monkeypatch.setattr(f"{module}.open_source", lambda _path: host.source())
        if command != "status":
            monkeypatch.setattr(f"{module}.SystemClock", lambda: host.clock)
    return host
