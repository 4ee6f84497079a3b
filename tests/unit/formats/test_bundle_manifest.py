"""bundle.toml."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.bundle_manifest import BundleManifest, parse_bundle_manifest

FILE = "bundle.toml"
SCHEMA = 'schema = "unreclaim.bundle/1"\n'
LEAST = SCHEMA + 'samples = ["0001"]\n'


def test_whole_manifest_is_read() -> None:
    """The parser reads all keys, and passes over those of later versions."""
    text = (
        'schema = "unreclaim.bundle/1"\ncreated_unix = 1795374000\ncreator = "unreclaim 0.1.0"\n'
        'page_size_bytes = 65536\narchitecture = "aarch64"\nsamples = ["0001", "0002", "b3"]\n'
        'colour = "green"\n\n[later]\nkey = 1979-05-27\n'
    )
    assert parse_bundle_manifest(text) == BundleManifest(
        "unreclaim.bundle/1",
        ("0001", "0002", "b3"),
        created_unix=1_795_374_000,
        creator="unreclaim 0.1.0",
        page_size_bytes=65_536,
        architecture="aarch64",
    )


def test_only_schema_and_samples_are_needed() -> None:
    """The parser gives None for what a capture could not tell."""
    assert parse_bundle_manifest(LEAST) == BundleManifest("unreclaim.bundle/1", ("0001",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Object missing required field `schema`"),
        (SCHEMA, "Object missing required field `samples`"),
        ('samples = ["0001"]\n', "Object missing required field `schema`"),
        (SCHEMA + "samples = []\n", "no samples"),
        (SCHEMA + "samples = [1]\n", "Expected `str`, got `int` - at `$.samples[0]`"),
        (SCHEMA + 'samples = ["0001", "0001"]\n', "a sample occurs twice"),
        (
            'schema = "unreclaim.bundle/2"\nsamples = ["a"]\n',
            "expected schema unreclaim.bundle/1, found 'unreclaim.bundle/2'",
        ),
        (LEAST + "created_unix = true\n", "Expected `int | null`, got `bool` - at `$.created_unix`"),
        (LEAST + "created_unix = -1\n", "Expected `int` >= 0 - at `$.created_unix`"),
        (LEAST + f"created_unix = {2**48 + 1}\n", f"Expected `int` <= {2**48} - at `$.created_unix`"),
        (LEAST + f"created_unix = 0x{'f' * 6000}\n", f"Expected `int` <= {2**48} - at `$.created_unix`"),
        (LEAST + "page_size_bytes = 0\n", "Expected `int` >= 1 - at `$.page_size_bytes`"),
        (LEAST + f"page_size_bytes = {2**30 + 1}\n", f"Expected `int` <= {2**30} - at `$.page_size_bytes`"),
        (LEAST + "page_size_bytes = 4096.0\n", "Expected `int | null`, got `float` - at `$.page_size_bytes`"),
    ],
)
def test_other_manifests_are_refused(text: str, why: str) -> None:
    """The parser refuses another schema, other types, numbers out of reason, and no or doubled samples."""
    assert refusal(parse_bundle_manifest, text) == (FILE, 0, why)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a b", "a\u00e9", "0\u0661", "a.b"], ids=ascii)
def test_sample_names_lead_nowhere_else(name: str) -> None:
    """The parser refuses a sample whose name is not one plain name of a directory."""
    why = f"{name!r} is no sample name"
    assert refusal(parse_bundle_manifest, f'{SCHEMA}samples = ["0001", "{name}"]\n') == (FILE, 0, why)


@pytest.mark.parametrize(
    "text",
    [
        "schema",
        LEAST + LEAST,
        LEAST + f"created_unix = {'9' * 5000}\n",  # int() raises a plain ValueError
        LEAST + f"later = {'[' * 100_000}\n",  # tomllib recurses
        LEAST + '"\udcff" = 1\n',  # msgspec cannot encode the key
        LEAST + "later = 2023-02-30\n",
        LEAST + "\x00",
    ],
    ids=["no value", "twice", "digits", "brackets", "key", "date", "nul"],
)
def test_whatever_is_no_toml_is_refused(text: str) -> None:
    """The parser refuses what tomllib, int() and msgspec trip over, with a reason on one line."""
    file, line, why = refusal(parse_bundle_manifest, text)
    assert (file, line) == (FILE, 0)
    assert why.strip()
    assert "\n" not in why
