"""config.v2.json of a Docker container: its name.

Source: daemon/container of moby (type Container, field Name, which begins with a slash)
Needs: root: /var/lib/docker/containers/ID/config.v2.json is readable by its owner alone.

Example::

    {"State": {"Running": true}, "ID": "0123456789ab", "Name": "/web", "Config": {"Image": "nginx"}}
"""

import msgspec
from msgspec import Struct

from unreclaim.base.errors import ParseError

FILE = "config.v2.json"


class DockerContainer(Struct, frozen=True, rename="pascal"):
    """What we want of it."""

    name: str


def parse_docker_container(text: str, *, file: str = FILE) -> DockerContainer:
    """Read a container's name, without the slash.

    Raises:
        ParseError: no JSON, or no name in it.

    """
    try:
        container = msgspec.json.decode(text.encode("utf-8", "surrogateescape"), type=DockerContainer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ParseError(file, 0, f"expected a container's configuration: {error}") from error
    return DockerContainer(container.name.removeprefix("/"))
