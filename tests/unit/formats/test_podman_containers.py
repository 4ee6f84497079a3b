"""containers.json of containers/storage."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.podman_containers import FILE, PodmanContainer, parse_podman_containers


def test_ids_and_names_are_read() -> None:
    """A container may have several names, or none."""
    text = '[{"id": "01", "names": ["web", "w"], "layer": "x"}, {"id": "02"}]'
    assert parse_podman_containers(text) == (PodmanContainer("01", ("web", "w")), PodmanContainer("02"))


@pytest.mark.parametrize("text", ["", "{}", "[{}]", '[{"id": 5}]', '[{"id": "\udcff"}]', "[" * 100_000])
def test_what_is_no_list_of_containers_is_refused(text: str) -> None:
    """No JSON, another type, no id, no UTF-8, too deep."""
    file, line, why = refusal(parse_podman_containers, text)
    assert (file, line) == (FILE, 0)
    assert why.startswith("expected a list of containers: ")
