"""What a unit names, and how its settings are read."""

import pytest

from tests.unit.advice.units import view
from unreclaim.advice.references import awaited_devices, needed_paths, needed_units, slice_of
from unreclaim.advice.unit_view import count, one_of, seconds


def test_paths_that_a_start_needs() -> None:
    """Files that must be there, with the unit's own name put in; not those that may be missing or are asked for."""
    text = """\
[Unit]
ConditionPathExists=|/etc/asked.conf
AssertFileNotEmpty=/etc/asserted
[Service]
EnvironmentFile=-/etc/may-be-missing
EnvironmentFile=/etc/env/%i
EnvironmentFile=/etc/env.d/*.conf
LoadCredential=name:/etc/secret
LoadCredential=inherited
WorkingDirectory=/nowhere
WorkingDirectory=/srv/%p
ExecStart=/bin/lost
ExecStart=
ExecStart=!!/usr/bin/app --a=/etc/app.conf '/etc/b c' /etc/%H.conf /etc/asked.conf /etc/glob* -f /etc/x:/proc/y
ExecStartPre=-/bin/optional /etc/optional
ExecStartPre=@
ExecStartPre=relative /etc/asserted
"""
    paths = {path: found.line for path, found in needed_paths(view(text, name="app@one.service")).items()}
    assert paths == {
        "/etc/env/one": 6,
        "/etc/secret": 8,
        "/srv/app": 11,
        "/usr/bin/app": 14,
        "/etc/app.conf": 14,
        "/etc/b": 14,
        "/etc/glob": 14,
        "/etc/x": 14,
    }


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("/plain", "/plain"),
        ("%n %N %p %i", "a@b.service a@b a b"),
        ("100%%/%i", "100%/b"),
        ("%%i%%", "%i%"),
        ("%H", None),
        ("a%", "a%"),
    ],
)
def test_specifiers_of_the_name_are_resolved(value: str, expanded: str | None) -> None:
    """Those of the unit's name are known; of any other nothing is guessed, nor of a template's instance."""
    assert view(name="a@b.service").expand(value) == expanded
    assert view(name="a@.service").expand("%i") is None


def test_units_and_devices_that_a_unit_names() -> None:
    """Units that need a file and without which it fails; devices that are ordered after and not bound to."""
    text = """\
[Unit]
Requires=a.service b.mount %i.socket %H.service no-unit
BindsTo=sys-subsystem-net-devices-eth0.device c.timer
Wants=d.service
After=a.service sys-subsystem-net-devices-eth0.device sys-subsystem-net-devices-eth1.device dev-sda\\x2d1.device
After=not/valid.device %H.device
"""
    found = view(text, name="x@y.service")
    assert {unit: at.line for unit, at in needed_units(found).items()} == {"a.service": 2, "y.socket": 2, "c.timer": 3}
    devices = {unit: (path, at.line) for unit, (path, at) in awaited_devices(found).items()}
    assert devices == {
        "sys-subsystem-net-devices-eth1.device": ("/sys/class/net/eth1", 5),
        "dev-sda\\x2d1.device": ("/dev/sda-1", 5),
    }


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("", "a.service", "system.slice"),
        ("", "a-b@c.service", "system-a\\x2db.slice"),
        ("[Service]\nSlice=flappy-%p.slice\n", "a.service", "flappy-a.slice"),
        ("[Service]\nSlice=%H.slice\n", "a.service", "system.slice"),
        ("", "a-b.slice", "a.slice"),
        ("", "a.slice", "-.slice"),
    ],
)
def test_slices(text: str, name: str, expected: str) -> None:
    """A service is in the system's slice, an instance in that of its template, a slice in the one it is named after."""
    assert slice_of(view(text, name=name)) == expected


def test_readers_of_values() -> None:
    """A reader gives None for what systemd takes for no value."""
    assert [count(text) for text in ("0", "007", "4294967295", "4294967296", "-1", "+1", "", "\u0663", "9" * 5000)] == [
        0,
        7,
        4294967295,
        *([None] * 6),
    ]
    assert [seconds(text) for text in ("5min", "x")] == [300, None]
    assert [one_of("a", "b")(text) for text in ("a", "c")] == ["a", None]
