"""/proc/sys/kernel/random/boot_id."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.boot_id import parse_boot_id

FILE = "/proc/sys/kernel/random/boot_id"


@pytest.mark.parametrize(
    ("text", "boot_id"),
    [
        ("c7b30c7a-a545-46c0-b453-0b9e901c8e01\n", "c7b30c7a-a545-46c0-b453-0b9e901c8e01"),
        # A shell script's $(cat) drops the newline.
        ("d6e0bbff-5f1f-4221-9492-0f919391099e", "d6e0bbff-5f1f-4221-9492-0f919391099e"),
    ],
)
def test_uuid_is_kept_as_printed(text: str, boot_id: str) -> None:
    """The parser gives the UUID without its newline."""
    assert parse_boot_id(text) == boot_id


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "''"),
        ("\n", "''"),
        ("C7B30C7A-A545-46C0-B453-0B9E901C8E01\n", "'C7B30C7A-A545-46C0-B453-0B9E901C8E01'"),
        ("c7b30c7aa54546c0b4530b9e901c8e01\n", "'c7b30c7aa54546c0b4530b9e901c8e01'"),
        ("c7b30c7a-a545-46c0-b453-0b9e901c8e0\n", "'c7b30c7a-a545-46c0-b453-0b9e901c8e0'"),
        ("c7b30c7a-a545-46c0-b453-0b9e901c8e012\n", "'c7b30c7a-a545-46c0-b453-0b9e901c8e012'"),
        ("x\nc7b30c7a-a545-46c0-b453-0b9e901c8e01\n", r"'x\nc7b30c7a-a545-46c0-b453-0b9e901c8e01'"),
    ],
)
def test_anything_else_is_refused(text: str, found: str) -> None:
    """The parser refuses whatever is not one lower-case UUID."""
    assert refusal(parse_boot_id, text) == (FILE, 1, f"expected a UUID, found {found}")
