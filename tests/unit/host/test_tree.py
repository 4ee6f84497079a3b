"""A captured tree is read as if its directory were the root, and never beyond it."""

import errno
import os
from pathlib import Path

import pytest

from unreclaim.host.tree import TreeRoot


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a tree with a file, and beside it a secret that nothing in the tree may reach."""
    top = tmp_path / "tree"
    (top / "proc").mkdir(parents=True)
    (top / "proc" / "meminfo").write_text("MemTotal: 4 kB\n")
    (tmp_path / "secret").write_text("out of bounds")
    return top


def test_it_reads_files_by_their_absolute_path(tree: Path) -> None:
    """A path is taken below the tree, and its text comes whole."""
    assert TreeRoot(str(tree)).read_text("/proc/meminfo") == "MemTotal: 4 kB\n"


@pytest.mark.parametrize("target", ["../../secret", "/../secret", "../../../../../../secret", "/secret"])
def test_no_link_leads_out_of_the_tree(tree: Path, target: str) -> None:
    """A link that points outside is resolved inside, as chroot(2) would, where there is no such file."""
    (tree / "proc" / "escape").symlink_to(target)
    with pytest.raises(FileNotFoundError):
        TreeRoot(str(tree)).read_text("/proc/escape")


def test_dots_do_not_lead_out_of_the_tree(tree: Path) -> None:
    """Two dots at the top stay at the top."""
    with pytest.raises(FileNotFoundError):
        TreeRoot(str(tree)).read_text("/../secret")
    assert TreeRoot(str(tree)).read_text("/../../proc/./meminfo") == "MemTotal: 4 kB\n"


def test_a_link_to_a_directory_outside_is_not_walked(tree: Path, tmp_path: Path) -> None:
    """Neither a walk nor a listing follows a link to a directory, inside or out."""
    (tree / "sys").mkdir()
    (tree / "sys" / "out").symlink_to(tmp_path)
    (tree / "sys" / "in").symlink_to(tree / "proc")
    root = TreeRoot(str(tree))
    assert list(root.walk("/sys")) == [("", [])]
    with pytest.raises(FileNotFoundError):
        root.list_names("/sys/out/tree")


def test_links_inside_the_tree_are_followed(tree: Path) -> None:
    """Relative and absolute links that stay inside lead to their files, through directories too."""
    (tree / "etc").mkdir()
    (tree / "etc" / "relative").symlink_to("../proc/meminfo")
    (tree / "etc" / "absolute").symlink_to("/proc/meminfo")
    (tree / "etc" / "directory").symlink_to("/proc")
    root = TreeRoot(str(tree))
    for path in ("/etc/relative", "/etc/absolute", "/etc/directory/meminfo"):
        assert root.read_text(path) == "MemTotal: 4 kB\n"


def test_links_in_a_ring_end(tree: Path) -> None:
    """Links that point at each other end with ELOOP."""
    (tree / "a").symlink_to("b")
    (tree / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        TreeRoot(str(tree)).read_text("/a")
    assert caught.value.errno == errno.ELOOP


def test_pipes_and_devices_are_refused_without_waiting(tree: Path) -> None:
    """A named pipe where a file should be neither blocks nor is read."""
    os.mkfifo(tree / "proc" / "uptime")
    with pytest.raises(OSError, match="not a regular file"):
        TreeRoot(str(tree)).read_text("/proc/uptime")


def test_a_walk_counts_every_directory_and_no_file(tree: Path) -> None:
    """All directories come once each, with the names of their child directories."""
    for name in ("a/b/c", "a/d", "e"):
        (tree / "sys" / name).mkdir(parents=True)
    (tree / "sys" / "a" / "file").write_text("")
    walked = {path: sorted(names) for path, names in TreeRoot(str(tree)).walk("/sys")}
    assert walked == {"": ["a", "e"], "a": ["b", "d"], "a/b": ["c"], "a/b/c": [], "a/d": [], "e": []}


def test_errors_of_the_capture_are_replayed(tree: Path) -> None:
    """A file that could not be read when the capture was made cannot be read now, for the same reason."""
    root = TreeRoot(str(tree), {"/proc/slabinfo": "EACCES", "/proc/odd": "NOSUCHERROR"})
    with pytest.raises(PermissionError):
        root.read_text("/proc/slabinfo")
    with pytest.raises(OSError, match="Input/output"):
        root.read_text("/proc/odd")


def test_a_file_that_holds_a_target_stands_for_a_link(tree: Path) -> None:
    """A capture without links keeps the target as a file's text; a real link is read as one."""
    (tree / "proc" / "pid").write_text("pid:[4026531836]\n")
    (tree / "proc" / "cgroup").symlink_to("cgroup:[4026531835]")
    root = TreeRoot(str(tree))
    assert root.read_link("/proc/pid") == "pid:[4026531836]"
    assert root.read_link("/proc/cgroup") == "cgroup:[4026531835]"


def test_bytes_that_are_no_text_are_kept(tree: Path) -> None:
    """Undecodable bytes become surrogates, which give the same bytes back."""
    (tree / "proc" / "odd").write_bytes(b"caf\xe9\n")
    text = TreeRoot(str(tree)).read_text("/proc/odd")
    assert text.encode("utf-8", "surrogateescape") == b"caf\xe9\n"


def test_a_name_with_a_nul_is_no_file(tree: Path) -> None:
    """A NUL in a path, which a hostile mountinfo can spell, is an error like any other."""
    with pytest.raises(OSError, match="Invalid argument"):
        TreeRoot(str(tree)).read_text("/proc/a\0b")
