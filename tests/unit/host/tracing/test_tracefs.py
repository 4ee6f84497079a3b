"""An instance of tracefs; plain directories do for what is only made and removed."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from unreclaim.host.ownership import own_name
from unreclaim.host.tracing import tracefs
from unreclaim.host.tracing.tracefs import TracingUnavailableError, open_instance

pytestmark = pytest.mark.live

DEAD = "unreclaim-trace-9999999999-1"


@pytest.fixture
def instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory of a host's instances, of which one is a dead owner's and one somebody else's."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tracefs, "TRACEFS", str(tmp_path))
    monkeypatch.setattr(tracefs, "INSTANCES", f"{tmp_path}/instances")
    place = tmp_path / "instances"
    for name in (DEAD, "somebody-elses"):
        (place / name).mkdir(parents=True)
    return place


def test_an_instance_is_ours_and_removed(instances: Path) -> None:
    """It bears our name, what a dead owner left goes before, what is somebody else's stays."""
    with open_instance("trace") as instance:
        assert instance == f"{instances}/{own_name('trace')}"
        assert sorted(os.listdir(instances)) == ["somebody-elses", own_name("trace")]
    assert os.listdir(instances) == ["somebody-elses"]


def test_what_cannot_be_removed_yet_is_no_error(instances: Path) -> None:
    """A dead owner's instance that somebody reads is left for another time."""
    (instances / DEAD / "in-use").touch()
    with open_instance("trace") as instance:
        assert os.path.isdir(instance)
    assert (instances / DEAD).exists()


def test_an_instance_that_cannot_be_made_is_unavailable(instances: Path) -> None:
    """The kernel's reason is given."""
    (instances / own_name("trace")).mkdir()
    with pytest.raises(TracingUnavailableError, match="File exists"), open_instance("trace"):
        pass


def test_only_root_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried without privileges."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(TracingUnavailableError, match=r"^trace events: only root can read them$") as caught:
        open_instance("trace").__enter__()
    assert caught.value.hint == "run it with sudo"


class Mounter:
    """mount(8) and umount(8) of a test: mounted is a directory that is there."""

    def __init__(self, instances: Path, code: int = 0) -> None:
        """Fail with `code`."""
        self.instances, self.code = instances, code
        self.ran: list[str] = []

    def __call__(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        """Run one of them."""
        self.ran.append(command[0])
        if command[0] == "mount" and not self.code:
            self.instances.mkdir()
        return subprocess.CompletedProcess(list(command), self.code, "", "mount: permission denied.\n")


@pytest.mark.parametrize("used", [False, True])
def test_tracefs_is_mounted_and_unmounted_if_nobody_uses_it(
    instances: Path, monkeypatch: pytest.MonkeyPatch, *, used: bool
) -> None:
    """Where it is not there; another's instance that was made meanwhile keeps it mounted."""
    for path in (*instances.iterdir(), instances):
        path.rmdir()
    mounter = Mounter(instances)
    monkeypatch.setattr(subprocess, "run", mounter)
    with open_instance("trace"):
        if used:
            (instances / "somebody-elses").mkdir()
    assert mounter.ran == (["mount"] if used else ["mount", "umount"])


def test_where_it_cannot_be_mounted_the_reason_is_given(instances: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container."""
    for path in (*instances.iterdir(), instances):
        path.rmdir()
    monkeypatch.setattr(subprocess, "run", Mounter(instances, 32))
    with pytest.raises(TracingUnavailableError, match=r"tracefs cannot be mounted: mount: permission denied\.$"):
        open_instance("trace").__enter__()
