"""version.txt of a sosreport."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.sos_version import SosVersion, parse_sos_version

FILE = "version.txt"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("sosreport: 4.2", SosVersion("4.2")),
        ("sos report: 4.8.0\n", SosVersion("4.8.0")),
        (
            "sosreport: 3.9\ncgroups: unversioned\nmemory: unversioned",
            SosVersion("3.9", frozenset({"cgroups", "memory"})),
        ),
    ],
)
def test_version_and_plugins_are_read(text: str, version: SosVersion) -> None:
    """The parser reads the file of each version; later ones do not list their plugins."""
    assert parse_sos_version(text) == version


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "expected 'sosreport: 4.2' or the like, found ''"),
        ("sosreport:\n", 1, "expected 'sosreport: 4.2' or the like, found 'sosreport:'"),
        ("4.2\n", 1, "expected 'sosreport: 4.2' or the like, found '4.2'"),
        ("sosreport: 3.9\ncgroups\n", 2, "expected a plugin and its version, found 'cgroups'"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses other files."""
    assert refusal(parse_sos_version, text) == (FILE, line, why)
