"""Hierarchies are found wherever they are mounted, and counted while cgroups come and go."""

import errno
from collections.abc import Iterator

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.formats.mountinfo import parse_mountinfo
from unreclaim.host import cgroupfs
from unreclaim.host.cgroupfs import MAX_CHARGES, MAX_SUBTREES, find_hierarchies, read_charges, read_hierarchies
from unreclaim.host.container import read_mounts
from unreclaim.host.probe import Probe
from unreclaim.model.cgroups import Crowd, Hierarchy
from unreclaim.model.dying import count_memory
from unreclaim.model.sample import Sample

V1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
V2 = "41 31 0:38 / /cg2 rw,relatime - cgroup2 cgroup2 rw\n"
NAMED = "42 31 0:39 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
HEADER = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
TOP = "/sys/fs/cgroup/memory"


def v1_root(live: int, num_cgroups: int, mounts: str = V1) -> FakeRoot:
    """Make a host whose memory controller is on v1 with so many live cgroups, the root among them."""
    root = FakeRoot(
        {
            "/proc/self/mountinfo": mounts,
            "/proc/cgroups": f"{HEADER}memory\t4\t{num_cgroups}\t1\n",
            f"{TOP}/cgroup.sane_behavior": "0\n",
        },
        directories=[f"{TOP}/c{number}" for number in range(live - 1)],
    )
    root.make_directory(TOP)
    return root


def read(root: FakeRoot, *, brief: bool = False) -> tuple[tuple[Hierarchy, ...], Probe]:
    """Read all hierarchies of a host."""
    probe = Probe(root)
    return read_hierarchies(probe, read_mounts(probe), brief=brief), probe


def dying(hierarchies: tuple[Hierarchy, ...]) -> tuple[int | None, int | None, int | None]:
    """Give the count of dying memory cgroups with its bounds."""
    count = count_memory(Sample(hierarchies=hierarchies))
    assert count is not None
    return count.dying, count.low, count.high


def test_v1_is_counted_by_subtraction() -> None:
    """40 in /proc/cgroups and 17 directories are 23 dying."""
    hierarchies, probe = read(v1_root(17, 40))
    assert dying(hierarchies) == (23, 23, 23)
    assert probe.gaps == []
    assert (hierarchies[0].version, hierarchies[0].name, hierarchies[0].whole) == (1, "memory", True)


def test_a_walk_that_was_disturbed_is_repeated() -> None:
    """Where the count moves during the first walk, the second one counts."""
    root = v1_root(17, 40)
    numbers = iter([50, 40, 40])
    root.files["/proc/cgroups"] = lambda: f"{HEADER}memory\t4\t{next(numbers)}\t1\n"
    hierarchies, _ = read(root)
    assert hierarchies[0].num_cgroups == (40, 40)
    assert dying(hierarchies) == (23, 23, 23)


def test_a_host_that_never_rests_gets_bounds() -> None:
    """Where the count moves in every walk, it is given with the bounds that the readings leave."""
    root = v1_root(17, 40)
    numbers = iter(range(40, 80))
    root.files["/proc/cgroups"] = lambda: f"{HEADER}memory\t4\t{next(numbers)}\t1\n"
    hierarchies, _ = read(root)
    assert hierarchies[0].num_cgroups == (42, 43)
    assert dying(hierarchies) == (26, 25, 26)


def test_cgroups_that_vanish_while_walked_are_bounds_not_errors() -> None:
    """A directory that is listed and then gone is counted as vanished and widens the bounds."""
    root = v1_root(17, 40)
    root.vanishing = {f"{TOP}/c3", f"{TOP}/c5"}
    hierarchies, probe = read(root)
    assert (hierarchies[0].directories, hierarchies[0].vanished) == (15, 2)
    assert dying(hierarchies) == (25, 25, 27)
    assert probe.gaps == []


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV])
def test_files_of_a_vanished_cgroup_leave_no_gap(code: int) -> None:
    """A cgroup removed between the walk and its files (ENOENT, or ENODEV of kernfs) is no gap."""
    root = v1_root(3, 3)
    root.errors = {f"{TOP}/c0/memory.stat": code, f"{TOP}/c1/memory.usage_in_bytes": code}
    hierarchies, probe = read(root)
    assert [subtree.path for subtree in hierarchies[0].subtrees] == ["/", "/c0", "/c1"]
    assert probe.gaps == []


def test_a_file_that_may_not_be_read_is_a_gap() -> None:
    """A cgroup's file that is there and refused is named."""
    root = v1_root(2, 2)
    root.errors = {f"{TOP}/c0/memory.stat": errno.EIO}
    _, probe = read(root)
    assert [gap.what for gap in probe.gaps] == [f"a file of {TOP}/c0"]


def test_the_same_hierarchy_mounted_twice_is_read_once_at_its_widest() -> None:
    """Of two mounts of one device the one nearer its root counts, whichever comes first."""
    narrow = "36 31 0:32 /lxc/a /mnt/part rw - cgroup cgroup rw,memory\n"
    for mounts in (V1 + narrow, narrow + V1):
        assert [mount.mount_point for mount in find_hierarchies(parse_mountinfo(mounts))] == [TOP]


def test_a_part_of_a_hierarchy_gives_no_number() -> None:
    """Where only a subtree is mounted, the host's count cannot be compared with its directories."""
    root = v1_root(17, 1214, V1.replace(" / /sys", " /lxc/web /sys"))
    hierarchies, _ = read(root)
    assert hierarchies[0].whole is False
    assert dying(hierarchies) == (None, None, None)


def test_a_cgroup_namespace_shows_a_part_that_looks_whole() -> None:
    """The root's own file is missing below a namespace, though mountinfo says "/": no number either."""
    root = v1_root(17, 1214)
    del root.files[f"{TOP}/cgroup.sane_behavior"]
    hierarchies, _ = read(root)
    assert dying(hierarchies) == (None, None, None)


def test_hybrid_has_both_hierarchies_and_the_named_one() -> None:
    """Memory on v1, an empty v2 beside it and systemd's own hierarchy are three, each under its name."""
    root = v1_root(17, 40, V1 + V2 + NAMED)
    root.files |= {"/cg2/cgroup.controllers": "\n", "/cg2/cgroup.stat": "nr_descendants 5\nnr_dying_descendants 60\n"}
    hierarchies, probe = read(root)
    assert [(each.version, each.name, each.controllers) for each in hierarchies] == [
        (1, "memory", ("memory",)),
        (2, "unified", ()),
        (1, "name=systemd", ()),
    ]
    stat = hierarchies[1].subtrees[0].stat
    assert stat is not None
    assert stat.nr_dying_descendants == 60
    assert probe.gaps == []


def test_v2_says_how_many_are_dying_below_each_upper_cgroup() -> None:
    """On v2 the top two levels are looked at one by one, the root first, at most so many."""
    root = FakeRoot({"/proc/self/mountinfo": V2, "/cg2/cgroup.controllers": "cpu memory\n"})
    for slice_number in range(2):
        for number in range(MAX_SUBTREES):
            root.make_directory(f"/cg2/s{slice_number}/u{number}/deep")
    for path in ("/cg2", "/cg2/s0"):
        root.files[f"{path}/cgroup.stat"] = "nr_descendants 9\nnr_dying_descendants 23\n"
    hierarchies, _ = read(root)
    paths = [subtree.path for subtree in hierarchies[0].subtrees]
    assert paths[:3] == ["/", "/s0", "/s1"]
    assert len(paths) == MAX_SUBTREES
    assert hierarchies[0].whole is True
    assert hierarchies[0].directories == 1 + 2 + 2 * MAX_SUBTREES * 2


def test_a_v2_cgroup_that_is_not_the_root_is_only_a_part() -> None:
    """cgroup.events exists everywhere but in the root: with it, a container's part is seen."""
    root = FakeRoot({"/proc/self/mountinfo": V2, "/cg2/cgroup.controllers": "memory\n", "/cg2/cgroup.events": ""})
    hierarchies, _ = read(root)
    assert hierarchies[0].whole is False


def test_a_brief_reading_walks_only_the_v1_memory_hierarchy() -> None:
    """One line of status needs no walk of other hierarchies and no cgroup but the root."""
    root = v1_root(17, 40, V1 + V2)
    root.files |= {"/cg2/cgroup.controllers": "\n", "/cg2/cgroup.stat": "nr_descendants 0\nnr_dying_descendants 0\n"}
    hierarchies, _ = read(root, brief=True)
    assert [question for question in root.asked if question.endswith("**")] == [f"{TOP}/**"]
    assert [len(hierarchy.subtrees) for hierarchy in hierarchies] == [1, 1]
    assert dying(hierarchies) == (23, 23, 23)


def test_crowds_are_kept_with_some_of_their_names() -> None:
    """A directory with very many children is kept with its number and the first names."""
    root = v1_root(1, 1)
    for number in range(cgroupfs.CROWD):
        root.make_directory(f"{TOP}/run/s{number:03d}")
    hierarchies, _ = read(root)
    names = tuple(f"s{number:03d}" for number in range(32))
    assert hierarchies[0].crowds == (Crowd("/run", cgroupfs.CROWD, names),)


def test_no_cgroups_at_all_is_one_gap_with_its_remedy() -> None:
    """A host without any cgroup mount gives no hierarchy, no error and one clear gap."""
    hierarchies, probe = read(FakeRoot({"/proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw\n"}))
    assert hierarchies == ()
    assert [(gap.what, gap.why) for gap in probe.gaps] == [("cgroups", "no cgroup hierarchy is mounted")]


def test_a_hierarchy_that_cannot_be_walked_is_a_gap_and_no_zero() -> None:
    """Where the directories may not be listed, the count is unknown."""
    root = v1_root(17, 40)
    root.errors = {TOP: errno.EACCES}
    hierarchies, probe = read(root)
    assert hierarchies[0].directories is None
    assert dying(hierarchies) == (None, None, None)
    assert [gap.what for gap in probe.gaps] == ["cgroups of memory"]


def test_charges_are_read_with_their_children() -> None:
    """Every live cgroup's charges come with its children's paths; v1's page counters with them."""
    root = v1_root(1, 1)
    for path, cache in (("", 0), ("/a", 4096), ("/a/b", 8192)):
        root.files[f"{TOP}{path}/memory.stat"] = f"cache {cache}\ntotal_cache {cache}\n"
        root.files[f"{TOP}{path}/memory.usage_in_bytes"] = f"{cache + 4096}\n"
    hierarchies, _ = read(root)
    charges = read_charges(Probe(root), hierarchies[0]) or ()
    assert {charge.path: (charge.children, charge.usage_bytes, charge.kernel_bytes) for charge in charges} == {
        "/": (("/a",), 4096, None),
        "/a": (("/a/b",), 8192, None),
        "/a/b": ((), 12_288, None),
    }


def test_charges_of_v2_say_what_is_dying_and_whether_anybody_runs() -> None:
    """v2 counts dying cgroups below each; without living siblings it is asked whether anybody runs there."""
    top = "/cg2"
    root = FakeRoot(
        {
            "/proc/self/mountinfo": V2,
            f"{top}/cgroup.controllers": "memory\n",
            f"{top}/memory.stat": "file 3\n",
            f"{top}/cgroup.stat": "nr_descendants 2\nnr_dying_descendants 46\n",
            f"{top}/a/memory.stat": "file 2\n",
            f"{top}/a/cgroup.stat": "nr_descendants 0\nnr_dying_descendants 23\n",
            f"{top}/a/cgroup.events": "populated 0\n",
            f"{top}/b/memory.stat": "file 1\n",
            f"{top}/b/cgroup.stat": "nr_descendants 0\nnr_dying_descendants 0\n",
            f"{top}/b/cgroup.events": "populated 1\n",
        }
    )
    hierarchies, _ = read(root)
    charges = read_charges(Probe(root), hierarchies[0]) or ()
    assert {charge.path: (charge.nr_dying, charge.populated) for charge in charges} == {
        "/": (46, None),
        "/a": (23, False),
        "/b": (0, None),
    }


def test_too_many_cgroups_for_charges_is_a_gap() -> None:
    """Above the limit nothing is read half: there are no charges, and the gap says why."""

    class Endless(FakeRoot):
        def walk(self, path: str) -> Iterator[tuple[str, list[str]]]:
            for number in range(MAX_CHARGES + 1):
                self.files[f"{path}/c{number}/memory.stat"] = "cache 0\n"
                yield f"c{number}", []

    probe = Probe(Endless())
    assert read_charges(probe, Hierarchy(1, "memory", ("memory",), TOP)) is None
    assert [gap.what for gap in probe.gaps] == ["what dying cgroups hold"]


def test_a_capture_with_only_some_charges_of_a_large_tree_has_none() -> None:
    """The limit counts directories: a capture that kept a few of their charges is as incomplete as one with none."""
    root = v1_root(MAX_CHARGES + 1, MAX_CHARGES + 1)
    root.files[f"{TOP}/c0/memory.stat"] = "cache 0\n"
    probe = Probe(root)
    assert read_charges(probe, Hierarchy(1, "memory", ("memory",), TOP)) is None
    assert [gap.what for gap in probe.gaps] == ["what dying cgroups hold"]
