"""Names of pods and containers, from the files of kubelet, Docker and Podman; where there are none ids must do.

The files belong to programs that go on writing them: each is read at one look, within a size and a time, and what
cannot be read is left out.
"""

import re
from collections.abc import Callable, Collection, Iterable

from unreclaim.base.errors import ParseError
from unreclaim.formats.docker_container import parse_docker_container
from unreclaim.formats.pod_log_directory import parse_pod_log_directory
from unreclaim.formats.podman_containers import parse_podman_containers
from unreclaim.host.root import Root
from unreclaim.model.containers import ContainerNames
from unreclaim.model.gap import Gap

POD_LOGS = "/var/log/pods"
DOCKER = "/var/lib/docker/containers"
PODMAN = "/var/lib/containers/storage/overlay-containers/containers.json"
MOST_SECONDS = 2.0
_MOST_CHARACTERS = 1 << 24
_ID = re.compile(r"[0-9a-f]{12,64}")


class NameReader:
    """Looks names up as pods and containers are met, each id once; all look-ups together take some seconds at most."""

    def __init__(self, root: Root, monotonic: Callable[[], float], most_seconds: float = MOST_SECONDS) -> None:
        """Know no name yet."""
        self._root = root
        self._monotonic = monotonic
        self._left_seconds = most_seconds
        self._give_up = 0.0
        self._met: set[str] = set()
        self._pods: dict[str, str] = {}
        self._containers: dict[str, str] = {}
        self.gaps: tuple[Gap, ...] = ()

    def names(self) -> ContainerNames:
        """Give all names that were found."""
        return ContainerNames(self._pods, self._containers)

    def look_up(self, pods: Collection[str], containers: Collection[str]) -> None:
        """Look for the names of such as were not looked for before."""
        pods, containers = sorted(set(pods) - self._met), sorted(set(containers) - self._met)
        self._met.update(pods, containers)
        began = self._monotonic()
        self._give_up = began + self._left_seconds
        if pods:
            self._look_for_pods(pods)
        if containers:
            self._ask_docker(containers)
            self._ask_podman(containers)
        self._left_seconds -= self._monotonic() - began

    def _look_for_pods(self, wanted: Iterable[str]) -> None:
        if self._is_late():
            return
        try:
            directories = self._root.list_names(POD_LOGS)
        except OSError:
            return
        for directory in directories:
            try:
                pod = parse_pod_log_directory(directory)
            except ParseError:
                continue
            if pod.uid in wanted:
                self._pods[pod.uid] = f"{pod.namespace}/{pod.name}"

    def _ask_docker(self, wanted: Iterable[str]) -> None:
        for identity in filter(_ID.fullmatch, wanted):
            if self._is_late():
                return
            path = f"{DOCKER}/{identity}/config.v2.json"
            try:
                name = parse_docker_container(self._read(path), file=path).name
            except (OSError, ParseError):
                continue
            self._containers[identity] = name

    def _ask_podman(self, wanted: Iterable[str]) -> None:
        unknown = [identity for identity in wanted if identity not in self._containers]
        if not unknown or self._is_late():
            return
        try:
            containers = parse_podman_containers(self._read(PODMAN), file=PODMAN)
        except (OSError, ParseError):
            return
        for container in containers:
            if container.id in unknown and container.names:
                self._containers[container.id] = container.names[0]

    def _read(self, path: str) -> str:
        text = self._root.read_text(path)
        return text if len(text) <= _MOST_CHARACTERS else ""

    def _is_late(self) -> bool:
        late = self._monotonic() >= self._give_up
        if late and not self.gaps:
            self.gaps = (Gap("names of pods and containers", "they took too long to read; ids are shown for the rest"),)
        return late
