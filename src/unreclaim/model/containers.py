"""Names that container runtimes give to what a cgroup's path has only an id of."""

from collections.abc import Mapping

from msgspec import Struct


class ContainerNames(Struct, frozen=True):
    """What is known of names: of pods (``namespace/name``) by UID, of containers by id."""

    pods: Mapping[str, str] = {}
    containers: Mapping[str, str] = {}
