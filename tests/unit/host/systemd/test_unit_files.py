"""Finding the files of a unit; what systemd itself finds is compared in tests/root/test_unit_files.py."""

import errno
import os
import time
from pathlib import Path

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.base.errors import ParseError
from unreclaim.formats.unit_file import Assignment, UnitFile
from unreclaim.host.root import LiveRoot
from unreclaim.host.systemd.unit_files import MOST_BYTES, UnitTree, read_unit_at, read_unit_files
from unreclaim.host.tree import TreeRoot
from unreclaim.model.gap import Gap
from unreclaim.model.unit_files import Settings, UnitFiles

ETC, USR = "/etc/systemd/system", "/usr/lib/systemd/system"
SERVICE = "[Service]\nRestart=always\n"
HOST = {
    f"{USR}/a.service": SERVICE,
    f"{ETC}/a.service.d/10-x.conf": "[Service]\nRestartSec=1ms\n",
    f"{USR}/a.service.d/10-x.conf": "[Service]\nRestartSec=2ms\n",
    f"{USR}/service.d/10-x.conf": "[Service]\nRestartSec=3ms\n",
    f"{USR}/service.d/05-x.conf": "",
    f"{USR}/t@.service": SERVICE,
    f"{USR}/empty.service": "",
    f"{USR}/m.service": SERVICE,
    f"{USR}/README": "",
}
LINKS = {
    f"{ETC}/m.service": "/dev/null",
    f"{ETC}/b.service": "a.service",
    f"{ETC}/x.target.wants/t@1.service": f"{USR}/t@.service",
    f"{ETC}/x.target.wants/nobody@1.service": f"{USR}/nobody@.service",
    f"{ETC}/loop.service": "pool.service",
    f"{ETC}/pool.service": "loop.service",
    f"{ETC}/s.slice": "t.slice",
    f"{ETC}/u@2.service": "t@3.service",
    f"{ETC}/v@.service": "a.service",
    f"{ETC}/w.service": "x.timer",
    f"{ETC}/r@.service": "t@.service",
    f"{ETC}/q@5.service": "t@5.service",
    f"{ETC}/y.service": "no-unit",
}


def test_a_unit_is_its_file_and_the_drop_ins_that_count() -> None:
    """The drop-in of one name in the strongest directory counts, that of the type is read in its place by name."""
    assert read_unit_files(FakeRoot(HOST, links=LINKS), "b.service") == UnitFiles(
        "a.service",
        UnitFile(f"{USR}/a.service", (Assignment("Service", "Restart", "always", f"{USR}/a.service", 2),)),
        (
            UnitFile(f"{USR}/service.d/05-x.conf", ()),
            UnitFile(
                f"{ETC}/a.service.d/10-x.conf",
                (Assignment("Service", "RestartSec", "1ms", f"{ETC}/a.service.d/10-x.conf", 2),),
            ),
        ),
        ("b.service",),
    )


def test_names_are_units_and_wanted_instances() -> None:
    """Aliases, links that lead nowhere, and links that systemd takes for none are not listed; masked units are."""
    tree = UnitTree(FakeRoot(HOST, links=LINKS))
    assert tree.names() == ("a.service", "empty.service", "m.service", "t@.service", "t@1.service")
    assert ["t@9.service" in tree, "b.service" in tree, "loop.service" in tree, "no name" in tree] == [
        True,
        True,
        False,
        False,
    ]
    masked = [tree.read(name) for name in ("m.service", "empty.service")]
    assert [(found.masked, found.fragment) for found in masked if found] == [(True, None)] * 2
    assert [tree.read(name) for name in ("loop.service", "w.service", "nobody@1.service")] == [None] * 3
    with pytest.raises(ParseError, match=r"'no name' is no name of a unit"):
        tree.read("no name")


def test_instances_go_by_their_templates_names() -> None:
    """A template's alias is one of each instance, and an instance may be another name of one without a file."""
    tree = UnitTree(
        FakeRoot({**HOST, f"{ETC}/t-@.service.d/1.conf": "", f"{ETC}/r@9.service.d/2.conf": ""}, links=LINKS)
    )
    found = [tree.read(name) for name in ("r@9.service", "t@9.service", "q@5.service", "t@.service")]
    assert [(unit.name, unit.aliases) for unit in found if unit] == [
        ("t@9.service", ("r@9.service",)),
        ("t@9.service", ("r@9.service",)),
        ("t@5.service", ("q@5.service", "r@5.service")),
        ("t@.service", ("r@.service",)),
    ]
    assert found[0] is not None
    assert [file.file for file in found[0].drop_ins][-1] == f"{ETC}/r@9.service.d/2.conf"


def test_merged_lib_is_read_once() -> None:
    """Where /lib is /usr/lib the units of both are the same ones."""
    root = FakeRoot({**HOST, "/lib/systemd/system/a.service": SERVICE})
    found = read_unit_files(root, "a.service")
    assert found is not None
    assert found.fragment is not None
    assert found.fragment.file == "/lib/systemd/system/a.service"
    root = FakeRoot(HOST, links={"/lib": "usr/lib"})
    assert read_unit_files(root, "a.service") is not None
    assert not [path for path in root.asked if path.startswith("/lib/")]


def test_what_cannot_be_read_is_a_gap() -> None:
    """A directory, a link, a drop-in and a unit file that cannot be read are named, and the rest is read."""
    errors = {
        "/run/systemd/system": errno.EACCES,
        f"{ETC}/b.service": errno.EIO,
        f"{ETC}/a.service.d": errno.EACCES,
        f"{USR}/t@.service": errno.EFBIG,
    }
    tree = UnitTree(FakeRoot(HOST, links=LINKS, errors=errors))
    assert tree.gaps == [
        Gap(f"{ETC}/b.service", "Input/output error"),
        Gap("/run/systemd/system", "Permission denied"),
    ]
    lost = tree.read("t@.service")
    gap = Gap(f"{USR}/t@.service", "File too large")
    assert lost == UnitFiles("t@.service", None, aliases=("r@.service",), gaps=(gap,))
    found = tree.read("a.service")
    assert found is not None
    assert [file.file for file in found.files][-1] == f"{USR}/a.service.d/10-x.conf"
    assert tree.gaps[-1] == Gap(f"{ETC}/a.service.d", "Permission denied")


def test_units_of_other_types_may_be_drop_ins_alone() -> None:
    """A slice need not have a file; a service that has none is not there, whatever drop-ins there are for it."""
    root = FakeRoot({f"{ETC}/s.slice.d/1.conf": "", f"{ETC}/s.service.d/1.conf": ""})
    assert read_unit_files(root, "s.slice") == UnitFiles("s.slice", None, (UnitFile(f"{ETC}/s.slice.d/1.conf", ()),))
    assert [read_unit_files(root, name) for name in ("s.service", "t.slice")] == [None, None]


def make(top: Path, files: dict[str, str]) -> TreeRoot:
    """Write files below a directory."""
    for name, text in files.items():
        path = top / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return TreeRoot(str(top))


@pytest.mark.parametrize("live", [True, False], ids=["live", "captured"])
def test_pipes_devices_and_large_files_are_not_read(tmp_path: Path, *, live: bool) -> None:
    """None of them blocks the reader or fills its memory: each is a gap, and a unit is one of these at most."""
    tree = make(tmp_path, {"good.service": SERVICE, "large.service": "#" * (MOST_BYTES + 1)})
    os.mkfifo(tmp_path / "pipe.service")
    (tmp_path / "zero.service").symlink_to("/dev/zero")
    (tmp_path / "dir.service").mkdir()
    root, top = (LiveRoot(), str(tmp_path)) if live else (tree, "")
    gaps = {}
    for name in ("good", "large", "pipe", "zero", "dir", "absent"):
        found = read_unit_at(root, f"{top}/{name}.service")
        gaps[name] = [gap.why for gap in found.gaps]
        assert (found.fragment is None) == bool(found.gaps)
    large = f"larger than {MOST_BYTES} bytes"
    zero = "not a regular file" if live else "No such file or directory"
    assert gaps == {
        "good": [],
        "large": [large],
        "pipe": ["not a regular file"],
        "zero": [zero],
        "dir": ["not a regular file"],
        "absent": ["No such file or directory"],
    }


def test_no_link_of_a_captured_tree_leads_out_of_it(tmp_path: Path) -> None:
    """Links with many dots and to absolute paths end inside; the file outside of the same name is never read."""
    (tmp_path / "secret.service").write_text(SERVICE, encoding="utf-8")
    top = tmp_path / "tree"
    root = make(top, {f"{USR}/good.service": SERVICE})
    directory = top / ETC.lstrip("/")
    directory.mkdir(parents=True)
    (directory / "up.service").symlink_to("../../../../../../../../" + str(tmp_path / "secret.service"))
    (directory / "absolute.service").symlink_to(tmp_path / "secret.service")
    (directory / "good.service.d").symlink_to(tmp_path)
    tree = UnitTree(root)
    assert tree.names() == ("absolute.service", "good.service", "up.service")
    for name in ("up.service", "absolute.service"):
        found = tree.read(name)
        assert found == UnitFiles(name, None, linked=True, gaps=(Gap(f"{ETC}/{name}", "No such file or directory"),))
    found = tree.read("good.service")
    assert found is not None
    assert found.drop_ins == ()


def test_a_file_is_read_with_the_drop_ins_beside_it(tmp_path: Path) -> None:
    """A unit file anywhere has those of its own .d directory; a drop-in is one of the unit that its directory names."""
    files = {"x.service": SERVICE, "x.service.d/2.conf": "", "x.service.d/1.conf": "", "x.service.d/.h.conf": ""}
    make(tmp_path, {**files, "x.service.d/README": "", "plain.conf": ""})
    found = read_unit_at(LiveRoot(), f"{tmp_path}/x.service")
    assert (found.name, [Path(file.file).name for file in found.files]) == (
        "x.service",
        ["x.service", "1.conf", "2.conf"],
    )
    alone = read_unit_at(LiveRoot(), f"{tmp_path}/x.service.d/1.conf")
    assert (alone.name, alone.fragment, len(alone.drop_ins)) == ("x.service", None, 1)
    (tmp_path / "empty.service").touch()
    assert read_unit_at(LiveRoot(), f"{tmp_path}/empty.service").masked
    with pytest.raises(ParseError, match=r"'plain\.conf' is no name of a unit"):
        read_unit_at(LiveRoot(), f"{tmp_path}/plain.conf")


def test_five_thousand_units_are_listed_and_read(tmp_path: Path) -> None:
    """A host of 5,003 units with a drop-in each takes seconds at most, and all are there."""
    files = {f"{ETC}/n{number}.service": SERVICE for number in range(5003)}
    files |= {f"{ETC}/n{number}.service.d/1.conf": SERVICE for number in range(5003)}
    tree = UnitTree(make(tmp_path, files))
    start = time.process_time()
    assert len(tree.names()) == 5003
    assert all(len(found.files) == 2 for name in tree.names() if (found := tree.read(name)))
    assert time.process_time() - start < 20


def test_settings_in_effect() -> None:
    """A list holds what comes after its last empty value; the others are kept to be judged one by one."""
    first = UnitFile("a", tuple(Assignment("S", "k", value, "a", 1) for value in ("1", "", "2")))
    second = UnitFile("b", (Assignment("S", "k", "3", "b", 1), Assignment("S", "l", "4", "b", 2)))
    files = UnitFiles("x.service", first, (second,))
    settings = Settings(files.files)
    assert files.type == "service"
    assert [found.value for found in settings.every(("S", "k"))] == ["1", "", "2", "3"]
    assert [found.value for found in settings.every(("S", "l"), ("S", "k"), ("S", "m"))] == ["1", "", "2", "3", "4"]
    assert [found.value for found in settings.listed("S", "k")] == ["2", "3"]
    assert [*settings.every(("T", "k")), *settings.listed("T", "k")] == []
    assert [found.value for found in settings] == ["1", "", "2", "3", "4"]
    assert UnitFiles("y.slice", None, (second,)).files == (second,)
