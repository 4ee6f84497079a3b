"""/proc/PID/ns/*."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.namespace_link import NamespaceLink, parse_namespace_link

FILE = "/proc/self/ns/pid"


@pytest.mark.parametrize(
    ("text", "link", "initial"),
    [
        ("pid:[4026531836]", NamespaceLink("pid", 4_026_531_836), True),
        ("cgroup:[4026531835]\n", NamespaceLink("cgroup", 4_026_531_835), True),
        ("user:[4026531837]", NamespaceLink("user", 4_026_531_837), True),
        ("uts:[4026531838]", NamespaceLink("uts", 4_026_531_838), True),
        # Those of a container.
        ("pid:[4026532261]", NamespaceLink("pid", 4_026_532_261), False),
        ("cgroup:[4026532263]", NamespaceLink("cgroup", 4_026_532_263), False),
        # Fixed since 6.18 only, so it proves nothing.
        ("mnt:[4026531832]", NamespaceLink("mnt", 4_026_531_832), None),
    ],
)
def test_kind_and_number_are_read(text: str, link: NamespaceLink, initial: bool | None) -> None:  # noqa: FBT001
    """The parser reads the link, and the link knows the namespaces that the kernel booted with."""
    assert parse_namespace_link(text) == link
    assert link.initial is initial


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected 'kind:[number]', found ''"),
        ("pid", "expected 'kind:[number]', found 'pid'"),
        ("pid:4026531836", "expected 'kind:[number]', found 'pid:4026531836'"),
        ("pid:[4026531836", "expected 'kind:[number]', found 'pid:[4026531836'"),
        (":[4026531836]", "expected 'kind:[number]', found ':[4026531836]'"),
        ("pid:[]", f"expected a number up to {U64_MAX}, found ''"),
        ("pid:[-1]", f"expected a number up to {U64_MAX}, found '-1'"),
    ],
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    """The parser refuses whatever is not a kind and a number in brackets."""
    assert refusal(parse_namespace_link, text) == (FILE, 1, why)
