"""Names of units."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.unit_name import UnitName, is_unit_name, parse_unit_name, why_not_startable


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.service", UnitName("a", None, "service")),
        ("-.slice", UnitName("-", None, "slice")),
        ("a.b_c:d-.timer", UnitName("a.b_c:d-", None, "timer")),
        ("a@.service", UnitName("a", "", "service")),
        ("a@b@c.service", UnitName("a", "b@c", "service")),
        ("dev-disk\\x2d1.swap", UnitName("dev-disk\\x2d1", None, "swap")),
    ],
)
def test_names_are_taken_apart(text: str, name: UnitName) -> None:
    """The instance begins at the first @, and the type behind the last dot; put together it is the same name."""
    assert (parse_unit_name(text), str(name), is_unit_name(text)) == (name, text, True)


@pytest.mark.parametrize(
    "text", ["", "a", ".service", "@x.service", "a.conf", "a b.service", "\u00e9.service", "a/b.service"]
)
def test_other_names_are_refused(text: str) -> None:
    """What systemd takes for no unit's name is none."""
    assert refusal(parse_unit_name, text) == ("unit name", 0, f"{text!r} is no name of a unit")
    assert not is_unit_name(text)


def test_a_name_has_at_most_255_bytes() -> None:
    """The limit is that of file names."""
    assert is_unit_name(f"{247 * 'a'}.service")
    assert not is_unit_name(f"{248 * 'a'}.service")
    assert refusal(parse_unit_name, f"{248 * 'a'}.service")[2] == f"'{37 * 'a'}...' is no name of a unit"


def test_templates_and_paths() -> None:
    """A template is known by its empty instance; a device's name stands for a path, with escapes of bytes."""
    names = [parse_unit_name(text) for text in ("a.service", "a@.service", "a@b.service")]
    assert [(name.is_template, name.template) for name in names] == [(False, None), (True, None), (False, "a@.service")]
    assert names[1].of_instance("c") == "a@c.service"
    assert parse_unit_name("dev-disk\\x2d1-\\xc3\\xa9.device").path == "/dev/disk-1/\u00e9"
    assert parse_unit_name("-.mount").path == "/"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.service", None),
        ("a@b.service", None),
        ("a@.service", "it is a template; name an instance of it"),
        ("../a.service", "'../a.service' is no name of a unit, such as app.service"),
        ("a\n.service", "'a\\n.service' is no name of a unit, such as app.service"),
    ],
)
def test_what_cannot_be_started_is_told_why(text: str, why: str | None) -> None:
    """A unit can be started by its name or an instance's; a template, and what is no name, cannot."""
    assert why_not_startable(text) == why
