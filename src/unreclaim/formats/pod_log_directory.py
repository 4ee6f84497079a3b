"""Names in /var/log/pods: namespace, name and UID of each pod on this node.

Source: BuildPodLogsDirectory() in pkg/kubelet/kuberuntime/helpers.go of Kubernetes. None of the three has an underscore.
Needs: nothing, as a rule.

Example::

    kube-system_coredns-7db6d8ff4d-x2v9k_5cb9ab3e-7c5f-4a0e-9d9e-52a1e1d1f3c7
"""

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "/var/log/pods"


class PodLogDirectory(Struct, frozen=True):
    """Whose logs are in a directory."""

    namespace: str
    name: str
    uid: str


def parse_pod_log_directory(text: str, *, file: str = FILE) -> PodLogDirectory:
    """Read the name of one directory.

    Raises:
        ParseError: it does not consist of three parts.

    """
    parts = text.removesuffix("\n").split("_")
    if len(parts) != 3 or not all(parts):
        raise ParseError(file, 0, f"expected NAMESPACE_NAME_UID, found {shown(text)}")
    return PodLogDirectory(*parts)
