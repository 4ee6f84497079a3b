"""bundle.toml: the manifest at the top of a bundle.

Source: this program; docs/bundle.md. Written by ``unreclaim capture`` and by its shell script
Needs: nothing.

Example::

    schema = "unreclaim.bundle/1"
    created_unix = 1795374000
    creator = "unreclaim 0.1.0"
    page_size_bytes = 4096
    samples = ["0001", "0002"]
"""

from typing import Annotated

from msgspec import Meta, Struct, convert

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "bundle.toml"
SCHEMA = "unreclaim.bundle/1"
# Far above any clock and any page, and far below what would overflow in a calculation.
_UnixTime = Annotated[int, Meta(ge=0, le=2**48)]
_PageSize = Annotated[int, Meta(ge=1, le=2**30)]


class BundleManifest(Struct, frozen=True):
    """What a bundle holds: a directory per sample, in time order; page_size_bytes None: the capturer could not tell."""

    schema: str
    samples: tuple[str, ...]
    created_unix: _UnixTime | None = None
    creator: str | None = None
    page_size_bytes: _PageSize | None = None
    architecture: str | None = None


def parse_bundle_manifest(text: str, *, file: str = FILE) -> BundleManifest:
    """Read a manifest; keys of later versions are passed over.

    Raises:
        ParseError: no TOML, another schema, a value of another type, a number that cannot be meant, or a sample
            name that is not one plain name or occurs twice.

    """
    # Only bundles need it, and status must answer at once.
    import tomllib  # noqa: PLC0415

    try:
        manifest = convert(tomllib.loads(text), BundleManifest)
    except (ValueError, RecursionError) as error:
        # ValueError is what tomllib and msgspec raise, and int() for thousands of digits, and str.encode().
        raise ParseError(file, 0, str(error) or type(error).__name__) from None
    if manifest.schema != SCHEMA:
        raise ParseError(file, 0, f"expected schema {SCHEMA}, found {shown(manifest.schema)}")
    for name in manifest.samples:
        if not name.isascii() or not name.isalnum():
            raise ParseError(file, 0, f"{shown(name)} is no sample name")
    if not manifest.samples:
        raise ParseError(file, 0, "no samples")
    if len(set(manifest.samples)) < len(manifest.samples):
        raise ParseError(file, 0, "a sample occurs twice")
    return manifest
