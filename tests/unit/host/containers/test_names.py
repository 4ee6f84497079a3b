"""Names of pods and containers, from files that runtimes leave on the disk."""

import errno
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from unreclaim.host.containers import names
from unreclaim.host.containers.names import DOCKER, POD_LOGS, PODMAN, NameReader
from unreclaim.host.root import Root
from unreclaim.host.tree import TreeRoot
from unreclaim.model.containers import ContainerNames

UID = "5cb9ab3e-7c5f-4a0e-9d9e-52a1e1d1f3c7"
OTHER = "6cb9ab3e-7c5f-4a0e-9d9e-52a1e1d1f3c7"
DOCKERS, PODMANS, UNKNOWN = "d" * 64, "e" * 64, "f" * 64
FILES = {
    f"{POD_LOGS}/shop_cart-0_{UID}/cart/0.log": "",
    f"{POD_LOGS}/shop_cart-1_{OTHER}/cart/0.log": "",
    f"{POD_LOGS}/lost+found/x": "",
    f"{DOCKER}/{DOCKERS}/config.v2.json": '{"Name": "/web"}',
    PODMAN: f'[{{"id": "{PODMANS}", "names": ["db"]}}, {{"id": "{UNKNOWN}"}}, {{"id": "x", "names": ["y"]}}]',
}
NAMES = ContainerNames({UID: "shop/cart-0"}, {DOCKERS: "web", PODMANS: "db"})


def reader(root: Root) -> NameReader:
    """Give a reader whose time stands still."""
    return NameReader(root, FakeClock().monotonic)


def test_each_runtimes_names_are_found() -> None:
    """Those that are asked for, and no other; a container without name has none."""
    found = reader(FakeRoot(FILES))
    found.look_up({UID}, {DOCKERS, PODMANS, UNKNOWN})
    assert (found.names(), found.gaps) == (NAMES, ())


def test_a_captured_tree_is_read_like_a_host(tmp_path: Path) -> None:
    """The files of a tree give the same names."""
    for path, text in FILES.items():
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    found = reader(TreeRoot(str(tmp_path)))
    found.look_up({UID}, {DOCKERS, PODMANS, UNKNOWN})
    assert found.names() == NAMES


def test_nothing_is_asked_twice() -> None:
    """What was looked for once is not looked for again, found or not."""
    root = FakeRoot(FILES)
    found = reader(root)
    found.look_up({UID}, {DOCKERS, UNKNOWN})
    asked = len(root.asked)
    found.look_up({UID}, {DOCKERS, UNKNOWN})
    found.look_up(set(), set())
    assert len(root.asked) == asked
    found.look_up({OTHER}, set())
    assert found.names().pods == {UID: "shop/cart-0", OTHER: "shop/cart-1"}


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.EFBIG])
def test_what_cannot_be_read_has_no_name(code: int) -> None:
    """A host without these runtimes, or a user who may not read their files, is no error."""
    found = reader(FakeRoot(errors=dict.fromkeys((POD_LOGS, PODMAN, f"{DOCKER}/{DOCKERS}/config.v2.json"), code)))
    found.look_up({UID}, {DOCKERS})
    assert (found.names(), found.gaps) == (ContainerNames(), ())


def test_damaged_files_have_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no JSON, or larger than such a file can be, is left out."""
    found = reader(FakeRoot({f"{DOCKER}/{DOCKERS}/config.v2.json": "{", PODMAN: "["}))
    found.look_up((), {DOCKERS})
    monkeypatch.setattr(names, "_MOST_CHARACTERS", 5)
    large = reader(FakeRoot(FILES))
    large.look_up((), {DOCKERS, PODMANS})
    assert (found.names(), large.names()) == (ContainerNames(), ContainerNames())


def test_an_id_leads_nowhere_else() -> None:
    """An id is hexadecimal or is not looked for: the name of a cgroup is anybody's choice."""
    root = FakeRoot(FILES)
    reader(root).look_up((), {f"../containers/{DOCKERS}", "web"})
    assert root.asked == [PODMAN]


@pytest.mark.parametrize("slow", [POD_LOGS, f"{DOCKER}/{DOCKERS}/config.v2.json"])
def test_all_look_ups_together_end_in_time(slow: str) -> None:
    """After two seconds no more is read, now or later, and it is said once."""
    clock = FakeClock()

    class SlowRoot(FakeRoot):
        def read_text(self, path: str) -> str:
            clock.sleep(2.0 if path == slow else 0.0)
            return super().read_text(path)

        def list_names(self, path: str) -> list[str]:
            clock.sleep(2.0 if path == slow else 0.0)
            return super().list_names(path)

    root = SlowRoot(FILES)
    found = NameReader(root, clock.monotonic)
    found.look_up({UID}, {DOCKERS, PODMANS})
    asked = len(root.asked)
    found.look_up({OTHER}, {UNKNOWN})
    assert PODMANS not in found.names().containers
    assert len(root.asked) == asked
    assert [gap.what for gap in found.gaps] == ["names of pods and containers"]
