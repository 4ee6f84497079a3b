"""containers.json of containers/storage: the containers of Podman and CRI-O by id and name.

Source: overlay-containers/containers.json; containers.go of github.com/containers/storage (type Container)
Needs: root: /var/lib/containers/storage is readable by its owner alone.

Example::

    [{"id": "0123456789ab", "names": ["web"], "image": "4567", "layer": "89ab", "metadata": "{}"}]
"""

import msgspec
from msgspec import Struct

from unreclaim.base.errors import ParseError

FILE = "containers.json"


class PodmanContainer(Struct, frozen=True):
    """What we want of one. names: none if it was given none."""

    id: str
    names: tuple[str, ...] = ()


def parse_podman_containers(text: str, *, file: str = FILE) -> tuple[PodmanContainer, ...]:
    """Read all containers.

    Raises:
        ParseError: no JSON, or a container without id.

    """
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogateescape"), type=tuple[PodmanContainer, ...])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ParseError(file, 0, f"expected a list of containers: {error}") from error
