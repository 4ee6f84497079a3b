"""config.v2.json of a Docker container."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.docker_container import FILE, DockerContainer, parse_docker_container


@pytest.mark.parametrize(("name", "plain"), [("/web", "web"), ("web", "web"), ("//a/b", "/a/b"), ("", "")])
def test_the_name_is_read(name: str, plain: str) -> None:
    """One slash before it is Docker's."""
    assert parse_docker_container(f'{{"ID": "01", "Name": "{name}", "Config": {{}}}}') == DockerContainer(plain)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Name": 5}', '{"Name": "\udcff"}', "[" * 100_000])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    """No JSON, another type, no name, no UTF-8, too deep."""
    file, line, why = refusal(parse_docker_container, text)
    assert (file, line) == (FILE, 0)
    assert why.startswith("expected a container's configuration: ")
