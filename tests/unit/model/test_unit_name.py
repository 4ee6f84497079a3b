"""Names of units are those that systemd takes."""

import pytest

from unreclaim.model.unit_name import name_problem


@pytest.mark.parametrize(
    "name",
    [
        "a.service",
        "foo@bar.service",
        "foo@a@b.service",
        "dev-disk\\x2d1.swap",
        "-.slice",
        "a:b_c.d.timer",
        "x" * 247 + ".service",
    ],
)
def test_names_of_units_pass(name: str) -> None:
    """Letters, digits, some signs and an instance behind an @ are a name; 255 bytes are not too many."""
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "does not end in a type"),
        (".service", "characters"),
        ("a", "does not end in a type"),
        ("a.conf", "does not end in a type"),
        ("../a.service", "characters"),
        ("a/b.service", "characters"),
        ("a b.service", "characters"),
        ("a\n.service", "characters"),
        ("ä.service", "characters"),
        ("@a.service", "nothing before the @"),
        ("foo@.service", "template"),
        ("x" * 248 + ".service", "longer than 255 bytes"),
    ],
)
def test_what_systemd_would_refuse_is_refused(name: str, why: str) -> None:
    """Anything else is told why it is none."""
    assert why in (name_problem(name) or "")
