"""manifest.json of a sosreport."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.sos_manifest import SosManifest, parse_sos_manifest

FILE = "sos_reports/manifest.json"


def report(inner: str) -> str:
    """Put the inner part of a manifest into its frame."""
    return f'{{"version": "4.6.0", "policy": "CoreOS", "components": {{"report": {inner}}}}}'


def test_plugins_are_read() -> None:
    """The parser tells which plugins ran, which ran out of time and which were switched off by what preset."""
    text = report(
        '{"sysroot": "/host", "preset": "ocp", "disabled_plugins": ["cgroups"], "plugins": {"memory":'
        ' {"timeout_hit": false, "commands": [{"exec": "free"}]}, "crio": {"timeout_hit": true}, "date": {}}}'
    )
    assert parse_sos_manifest(text) == SosManifest(
        frozenset({"memory", "crio", "date"}), frozenset({"crio"}), frozenset({"cgroups"}), "ocp", "4.6.0"
    )


@pytest.mark.parametrize("preset", ['"none"', '"unset"', "null"])
def test_no_preset_is_none(preset: str) -> None:
    """The parser knows the names that stand for no preset."""
    assert parse_sos_manifest(report(f'{{"preset": {preset}, "plugins": {{}}}}')).preset is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ('"\udcff"', "no JSON"),
        ('{"x":' * 100_000, "no JSON"),
        ("{}", "Object missing required field `components`"),
        (report("{}"), "Object missing required field `plugins` - at `$.components.report`"),
        (report('{"plugins": []}'), "Expected `object`, got `array` - at `$.components.report.plugins`"),
    ],
    ids=["empty", "cut off", "no UTF-8", "deep", "no components", "no plugins", "list"],
)
def test_other_manifests_are_refused(text: str, why: str) -> None:
    """The parser refuses what is no JSON, and what is not sos's."""
    assert refusal(parse_sos_manifest, text) == (FILE, 0, why)
