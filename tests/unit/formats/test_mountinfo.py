"""/proc/self/mountinfo."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.mountinfo import Mount, parse_mountinfo, unescape

FILE = "/proc/self/mountinfo"
SAFE = ("nosuid", "nodev", "noexec", "relatime")


def options(*names: str) -> frozenset[str]:
    """Give options as a Mount holds them."""
    return frozenset(names)


def test_mounts_of_4_15_are_read() -> None:
    """The parser reads v1 hierarchies, one with two controllers and one with none but a name."""
    text = (
        "15 0 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,data=ordered\n"
        "23 18 0:20 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:7 - tmpfs tmpfs"
        " ro,size=4096k,nr_inodes=1024,mode=755\n"
        "24 23 0:21 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:8 - cgroup cgroup"
        " rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd\n"
        "26 23 0:23 / /sys/fs/cgroup/net_cls,net_prio rw,nosuid,nodev,noexec,relatime shared:12"
        " - cgroup cgroup rw,net_cls,net_prio\n"
    )
    agent = "release_agent=/lib/systemd/systemd-cgroups-agent"
    net = "/sys/fs/cgroup/net_cls,net_prio"
    assert parse_mountinfo(text) == (
        Mount(
            15,
            0,
            "254:0",
            "/",
            "/",
            options("rw", "relatime"),
            "ext4",
            "/dev/root",
            options("rw", "data=ordered"),
        ),
        Mount(
            23,
            18,
            "0:20",
            "/",
            "/sys/fs/cgroup",
            options("ro", "nosuid", "nodev", "noexec"),
            "tmpfs",
            "tmpfs",
            options("ro", "size=4096k", "nr_inodes=1024", "mode=755"),
        ),
        Mount(
            24,
            23,
            "0:21",
            "/",
            "/sys/fs/cgroup/systemd",
            options("rw", *SAFE),
            "cgroup",
            "cgroup",
            options("rw", "xattr", agent, "name=systemd"),
        ),
        Mount(
            26,
            23,
            "0:23",
            "/",
            net,
            options("rw", *SAFE),
            "cgroup",
            "cgroup",
            options("rw", "net_cls", "net_prio"),
        ),
    )


def test_mounts_of_6_18_are_read() -> None:
    """The parser reads lines without optional fields, and cgroup v2."""
    text = (
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
    )
    rw = options("rw", "relatime")
    assert parse_mountinfo(text) == (
        Mount(35, 31, "0:32", "/", "/sys/fs/cgroup/memory", rw, "cgroup", "cgroup", options("rw", "memory")),
        Mount(41, 31, "0:38", "/", "/sys/fs/cgroup/unified", rw, "cgroup2", "cgroup2", options("rw")),
    )


def test_mounts_of_a_container_are_read() -> None:
    """The parser reads a part of a hierarchy, lxcfs, a namespace file, and what was removed underneath."""
    text = (
        "713 712 0:29 /docker/0f1e /sys/fs/cgroup/memory ro,nosuid master:13 - cgroup cgroup rw,memory\n"
        "801 712 0:51 /proc/meminfo /proc/meminfo rw,nosuid master:5 - fuse.lxcfs lxcfs rw,allow_other\n"
        "802 712 0:4 net:[4026532261] /run/netns/blue rw shared:9 - nsfs nsfs rw\n"
        "803 712 8:1 /old//deleted /srv rw,noatime - ext4 /dev/sda1 rw\n"
    )
    master = options("ro", "nosuid")
    lxcfs = options("rw", "allow_other")
    rw = options("rw")
    meminfo = "/proc/meminfo"
    assert parse_mountinfo(text) == (
        Mount(
            713,
            712,
            "0:29",
            "/docker/0f1e",
            "/sys/fs/cgroup/memory",
            master,
            "cgroup",
            "cgroup",
            options("rw", "memory"),
        ),
        Mount(801, 712, "0:51", meminfo, meminfo, options("rw", "nosuid"), "fuse.lxcfs", "lxcfs", lxcfs),
        Mount(802, 712, "0:4", "net:[4026532261]", "/run/netns/blue", rw, "nsfs", "nsfs", rw),
        Mount(803, 712, "8:1", "/old//deleted", "/srv", options("rw", "noatime"), "ext4", "/dev/sda1", rw),
    )


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "shared:1 ",
        "master:1 ",
        "shared:5 master:1 ",
        "master:1 propagate_from:2 ",
        "unbindable ",
        "shared:1 of:later kernels ",
    ],
)
def test_optional_fields_are_passed_over(fields: str) -> None:
    """The parser finds the filesystem behind any number of optional fields, those of later kernels too."""
    text = f"1 2 3:4 /r /m ro {fields}- t s rw\n"
    assert parse_mountinfo(text) == (Mount(1, 2, "3:4", "/r", "/m", options("ro"), "t", "s", options("rw")),)


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        (r"/a\040b", "/a b"),
        (r"/a\011b", "/a\tb"),
        (r"/a\012b", "/a\nb"),
        (r"/a\134b", "/a\\b"),
        (r"/a\134040b", r"/a\040b"),
        (r"/\040-\040cgroup", "/ - cgroup"),
        # What the kernel does not write as octal.
        (r"/a\08b\x20\4", r"/a\08b\x20\4"),
        ("/p\u00e9n", "/p\u00e9n"),
        # Bytes that are no UTF-8, as room host decodes them; a form feed and a no-break space.
        ("/p\udce9n\udcff", "/p\udce9n\udcff"),
        ("/a\x0cb\u00a0c\x85d\re", "/a\x0cb\u00a0c\x85d\re"),
    ],
    ids=ascii,
)
def test_names_are_unescaped(printed: str, name: str) -> None:
    """The parser gives names as they are, whichever bytes they are made of."""
    assert unescape(printed) == name
    text = f"1 2 3:4 {printed} {printed} rw - {printed} {printed} rw\n"
    assert parse_mountinfo(text) == (Mount(1, 2, "3:4", name, name, options("rw"), name, name, options("rw")),)


def test_hash_sign_and_empty_source_are_read() -> None:
    """The parser reads a source with the hash sign that newer kernels escape, and one that is empty."""
    text = "1 2 3:4 / /m rw - tmpfs \\043a rw\n5 2 3:6 / /n rw -  tmpfs  rw\n7 2 3:8 / /o rw - tmpfs  rw\n"
    rw = options("rw")
    assert parse_mountinfo(text) == (
        Mount(1, 2, "3:4", "/", "/m", rw, "tmpfs", "#a", rw),
        Mount(5, 2, "3:6", "/", "/n", rw, "", "tmpfs", options("")),
        Mount(7, 2, "3:8", "/", "/o", rw, "tmpfs", "", rw),
    )


def test_no_mounts_are_no_error() -> None:
    """The parser reads an empty file."""
    assert parse_mountinfo("") == ()


GOOD = "1 2 3:4 / /m rw - tmpfs none rw\n"


@pytest.mark.parametrize(
    "line",
    [
        " ",
        "1",
        "1 2 3:4 / /m rw",
        "1 2 3:4 / /m -",
        "1 2 3:4 / /m - tmpfs none rw",  # no options
        "1 2 3:4 / /m rw shared:1 tmpfs none rw",  # no dash
        "1 2 3:4 / /m rw - tmpfs none",
        "1 2 3:4 / /m rw -",
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    """The parser refuses a line without its dash or with too few fields, and counts blank lines."""
    expected = (FILE, 3, f"expected a line of mountinfo, found {line!r}")
    assert refusal(parse_mountinfo, GOOD + "\n" + line) == expected


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("x 2 3:4 / /m rw - tmpfs none rw", "x"),
        ("1 -2 3:4 / /m rw - tmpfs none rw", "-2"),
        (" 1 2 3:4 / /m rw - tmpfs none rw", ""),
        ("1 18446744073709551616 3:4 / /m rw - tmpfs none rw", "18446744073709551616"),
    ],
)
def test_other_numbers_are_refused(line: str, found: str) -> None:
    """The parser refuses mounts that are not numbered as the kernel numbers them."""
    assert refusal(parse_mountinfo, GOOD + line) == (
        FILE,
        2,
        f"expected a number up to {U64_MAX}, found '{found}'",
    )
