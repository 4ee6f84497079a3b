"""The files of a unit are those that a real systemd reads, in its order; units in a container, mostly tricky ones."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.root.booted import boot_systemd
from unreclaim.host.systemd.unit_files import UnitTree
from unreclaim.host.tree import TreeRoot
from unreclaim.lab.systemd import Systemd

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow]

SERVICE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
DROP_IN = "[Service]\nEnvironment=A={}\n"
ETC, RUN, USR = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"
# Every file is named "utest-", so that what the container's own Debian has is left alone.
FILES = {
    # A unit in two directories, with drop-ins that override each other by name.
    f"{ETC}/utest-two.service": SERVICE,
    f"{USR}/utest-two.service": SERVICE,
    f"{USR}/utest-two.service.d/10-a.conf": DROP_IN,
    f"{ETC}/utest-two.service.d/10-a.conf": DROP_IN,
    f"{RUN}/utest-two.service.d/20-b.conf": DROP_IN,
    f"{RUN}/utest-two.service.d/no-suffix": DROP_IN,
    f"{RUN}/utest-two.service.d/.hidden.conf": DROP_IN,
    f"{USR}/utest-two.service.d/Z.conf": DROP_IN,
    f"{USR}/utest-two.service.d/a.conf": DROP_IN,
    # Prefixes: which of two of one name counts, the nearer prefix or the stronger directory?
    f"{ETC}/utest-a-b-c.service": SERVICE,
    f"{ETC}/utest-.service.d/10-x.conf": DROP_IN,
    f"{USR}/utest-a-.service.d/10-x.conf": DROP_IN,
    f"{USR}/utest-a-b-.service.d/20-x.conf": DROP_IN,
    f"{ETC}/utest-a-.service.d/20-x.conf": DROP_IN,
    f"{ETC}/utest-a-b-c.service.d/30-x.conf": DROP_IN,
    f"{ETC}/utest-dash-.service": SERVICE,
    f"{ETC}/utest-dash-.service.d/1.conf": DROP_IN,
    # The type's own: beside all others, and beaten by a unit's of the same name.
    f"{USR}/service.d/05-utest-type.conf": "[Unit]\n",
    f"{ETC}/service.d/30-x.conf": "[Unit]\n",
    # Templates, instances, and an instance with a file of its own.
    f"{ETC}/utest-t@.service": SERVICE,
    f"{ETC}/utest-t@own.service": SERVICE,
    f"{ETC}/utest-t@.service.d/10-t.conf": DROP_IN,
    f"{ETC}/utest-t@one.service.d/20-i.conf": DROP_IN,
    f"{ETC}/utest-@.service.d/15-p.conf": DROP_IN,
    f"{ETC}/utest-@one.service.d/16-p.conf": DROP_IN,
    f"{ETC}/utest-t@a\\x2db.service.d/20-e.conf": DROP_IN,
    f"{ETC}/utest-t@a@b.service.d/20-e.conf": DROP_IN,
    # Masked by an empty file, and one that holds a comment only.
    f"{ETC}/utest-empty.service": "",
    f"{USR}/utest-empty.service": SERVICE,
    f"{ETC}/utest-empty.service.d/1.conf": DROP_IN,
    f"{ETC}/utest-comment.service": "# nothing\n",
    f"{USR}/utest-masked.service": SERVICE,
    f"{USR}/utest-masked.service.d/10-m.conf": DROP_IN,
    # Aliases and linked units.
    f"{USR}/utest-real.service": SERVICE,
    f"{USR}/utest-real.service.d/1.conf": DROP_IN,
    f"{ETC}/utest-alias.service.d/2.conf": DROP_IN,
    "/opt/utest-linked.service": SERVICE,
    "/opt/utest-elsewhere.service": SERVICE,
    f"{ETC}/utest-linked.service.d/1.conf": DROP_IN,
    f"{ETC}/utest-off.service": SERVICE,
    f"{USR}/utest-off.service.d/10-off.conf": DROP_IN,
    # Names with escapes.
    f"{ETC}/utest-dev-disk\\x2d1.service": SERVICE,
    f"{ETC}/utest-dev-.service.d/1.conf": DROP_IN,
    f"{ETC}/utest-a:b_c.d.service": SERVICE,
    # Other types, and what has drop-ins but no file.
    f"{ETC}/utest-x.timer": "[Timer]\nOnUnitActiveSec=1h\n[Unit]\nDescription=t\n",
    f"{ETC}/utest-x.timer.d/1.conf": "[Timer]\nOnBootSec=1h\n",
    f"{ETC}/utest-s.slice.d/1.conf": "[Slice]\nMemoryMax=1G\n",
    f"{ETC}/utest-.slice.d/2.conf": "[Slice]\nMemoryMax=1G\n",
    f"{ETC}/utest-none.service.d/1.conf": DROP_IN,
}
LINKS = {
    f"{ETC}/utest-masked.service": "/dev/null",
    f"{ETC}/utest-alias.service": f"{USR}/utest-real.service",
    f"{ETC}/utest-chain.service": "utest-alias.service",
    f"{ETC}/utest-real.service": f"{USR}/utest-real.service",
    f"{ETC}/utest-linked.service": "/opt/utest-linked.service",
    f"{ETC}/utest-other.service": "/opt/utest-elsewhere.service",
    f"{ETC}/utest-dangling.service": "/opt/utest-nowhere.service",
    f"{ETC}/utest-gone.service": "utest-nobody.service",
    f"{ETC}/utest-wrong.service": f"{ETC}/utest-x.timer",
    f"{ETC}/utest-u@.service": "utest-t@.service",
    f"{ETC}/utest-i@one.service": "utest-t@.service",
    f"{ETC}/utest-off.service.d/10-off.conf": "/dev/null",
    f"{ETC}/utest-two.service.d/30-nowhere.conf": "/opt/nowhere.conf",
    f"{ETC}/multi-user.target.wants/utest-t@wanted.service": f"{ETC}/utest-t@.service",
}
UNITS = (
    *("utest-two.service", "utest-a-b-c.service", "utest-dash-.service", "utest-t@.service"),
    *("utest-t@one.service", "utest-t@own.service", "utest-t@other.service", "utest-t@wanted.service"),
    *("utest-t@a\\x2db.service", "utest-t@a@b.service", "utest-empty.service", "utest-comment.service"),
    *("utest-masked.service", "utest-real.service", "utest-alias.service", "utest-chain.service"),
    *("utest-linked.service", "utest-other.service", "utest-dangling.service", "utest-gone.service"),
    *("utest-wrong.service", "utest-u@one.service", "utest-u@other.service", "utest-i@one.service"),
    *("utest-off.service", "utest-dev-disk\\x2d1.service", "utest-a:b_c.d.service", "utest-x.timer"),
    *("utest-x-y.timer", "utest-s.slice", "utest-none.service", "utest-nobody.service", "dbus.service"),
    *("dbus.socket", "getty@tty1.service", "system.slice", "-.slice", "multi-user.target", "syslog.socket"),
)


@pytest.fixture(scope="module")
def systemd() -> Iterator[tuple[Systemd, str]]:
    """Boot a Debian with all the units; give it, and the place of its tree."""
    with boot_systemd(prepare=lambda root: write(root, below=("/etc", "/usr", "/opt"))) as running:
        write(running.root, below=("/run",))
        running.ask("daemon-reload")
        yield running, running.root or "/"


def write(root: str, below: tuple[str, ...]) -> None:
    """Write all files and links of the units below some directories into a tree."""
    places = {place: (root + place) for place in (*FILES, *LINKS) if place.startswith(below)}
    for place, path in places.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if place in LINKS:
            os.symlink(LINKS[place], path)
        else:
            Path(path).write_text(FILES[place], encoding="utf-8")


def ours(tree: UnitTree, name: str) -> tuple[str, set[str], str, list[str], bool]:
    """Say of a unit what systemd says of it: its name, names, file, drop-ins, and whether it is masked."""
    files = tree.read(name)
    if files is None:
        return (name, {name}, "", [], False)
    fragment = files.fragment.file if files.fragment else "masked" if files.masked else ""
    return (
        files.name,
        {files.name, *files.aliases},
        fragment,
        [drop_in.file for drop_in in files.drop_ins],
        files.masked,
    )


def theirs(running: Systemd, name: str) -> tuple[str, set[str], str, list[str], bool]:
    """Ask systemd for the same."""
    names = "Id,Names,FragmentPath,DropInPaths,LoadState"
    shown = dict(line.split("=", 1) for line in running.ask("show", f"-p{names}", "--", name).splitlines())
    masked = shown["LoadState"] == "masked"
    # Of a unit file systemd gives the name by which it found it; /lib is /usr/lib here.
    fragment = "masked" if masked else re.sub(r"^/lib/", "/usr/lib/", shown["FragmentPath"])
    # A link that leads to nothing is listed, and nothing is read.
    drop_ins = [path for path in words(shown["DropInPaths"]) if "nowhere" not in path]
    return (shown["Id"], set(words(shown["Names"])), fragment, drop_ins, masked)


def words(text: str) -> list[str]:
    """Take a list apart as systemctl prints it: words with backslashes are quoted, as JSON quotes them."""
    return [json.loads(word) if word.startswith('"') else word for word in text.split()]


@pytest.mark.parametrize("name", UNITS)
def test_files_of_a_unit_are_those_that_systemd_reads(systemd: tuple[Systemd, str], name: str) -> None:
    """Name, aliases, unit file, every drop-in in its order and whether it is masked are what systemd itself says."""
    running, inside = systemd
    if name == "utest-t@.service":
        # systemctl shows no template; of its instances all is shown.
        assert ours(UnitTree(TreeRoot(inside)), name)[2] == f"{ETC}/utest-t@.service"
        return
    found, told = ours(UnitTree(TreeRoot(inside)), name), theirs(running, name)
    # Whether systemd knows this one's other name depends on which it was asked for first.
    assert found[1] ^ told[1] <= {"utest-i@one.service"}
    assert (found[0], *found[2:]) == (told[0], *told[2:])


def test_all_units_are_listed(systemd: tuple[Systemd, str]) -> None:
    """Every unit file that systemd lists is listed, but aliases; an instance that is wanted as well."""
    running, inside = systemd
    listed = dict(line.split()[:2] for line in running.ask("list-unit-files", "--no-legend").splitlines())
    expected = {name for name, state in listed.items() if state != "alias"}
    assert len(expected) > 100
    found = set(UnitTree(TreeRoot(inside)).names())
    # Wanted by others; and a link to a file of another name elsewhere, which systemctl calls an alias.
    assert found - expected == {"getty@tty1.service", "utest-t@wanted.service", "utest-other.service"}
    # Links that are aliases, lead to nothing, or to what they cannot be an alias of.
    assert expected - found <= {os.path.basename(link) for link in LINKS}
