"""Names in /var/log/pods."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.pod_log_directory import FILE, PodLogDirectory, parse_pod_log_directory


def test_a_name_has_three_parts() -> None:
    """Namespace, name and UID, of a static pod a hash."""
    name = "kube-system_etcd-node1_0123456789abcdef0123456789abcdef"
    assert parse_pod_log_directory(name) == PodLogDirectory("kube-system", "etcd-node1", "0123456789abcdef" * 2)


@pytest.mark.parametrize("name", ["", "a", "a_b", "a_b_c_d", "a__c", "_b_c"])
def test_other_names_are_refused(name: str) -> None:
    """What somebody else put there is no pod's."""
    assert refusal(parse_pod_log_directory, name) == (FILE, 0, f"expected NAMESPACE_NAME_UID, found '{name}'")
