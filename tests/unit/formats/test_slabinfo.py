"""/proc/slabinfo."""

# ruff: noqa: E501  lines are shown as the kernel prints them

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.slabinfo import _PLAIN, SlabCache, parse_slabinfo

FILE = "/proc/slabinfo"
VERSION = "slabinfo - version: 2.1\n"
HEADER = (
    VERSION + "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> "
    ": tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
)
KERNEL_4_15 = HEADER + (
    "ext4_groupinfo_4k     28     28    144   28    1 : tunables    0    0    0 : slabdata      1      1      0\n"
    "request_sock_TCPv6      0      0    304   13    1 : tunables    0    0    0 : slabdata      0      0      0\n"
    "ext4_inode_cache     756    825   1032   15    4 : tunables    0    0    0 : slabdata     55     55      0\n"
    "dentry             36908  49770    192   21    1 : tunables    0    0    0 : slabdata   2370   2370      0\n"
    "radix_tree_node     1129   1148    584   14    2 : tunables    0    0    0 : slabdata     82     82      0\n"
    "kmalloc-4096          40     40   4096    8    8 : tunables    0    0    0 : slabdata      5      5      0\n"
)
KERNEL_6_18 = HEADER + (
    "bio-312               12     12    320   12    1 : tunables    0    0    0 : slabdata      1      1      0\n"
    "request_sock_subflow_v6      0      0    392   20    2 : tunables    0    0    0 : slabdata      0      0      0\n"
    "biovec-max           112    160   4096    8    8 : tunables    0    0    0 : slabdata     20     20      0\n"
    "kmalloc-rcl-64      4096   4160     64   64    1 : tunables    0    0    0 : slabdata     65     65      0\n"
    "kmem_cache           256    256    256   16    1 : tunables    0    0    0 : slabdata     16     16      0\n"
)
DENTRY = "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata 9 10 11\n"


def test_every_cache_of_4_15_is_read() -> None:
    """The parser reads the lines of an old kernel, also where a long name shifts the columns."""
    assert parse_slabinfo(KERNEL_4_15) == (
        SlabCache("ext4_groupinfo_4k", 28, 28, 144, 28, 1, 1, 1),
        SlabCache("request_sock_TCPv6", 0, 0, 304, 13, 1, 0, 0),
        SlabCache("ext4_inode_cache", 756, 825, 1032, 15, 4, 55, 55),
        SlabCache("dentry", 36_908, 49_770, 192, 21, 1, 2370, 2370),
        SlabCache("radix_tree_node", 1129, 1148, 584, 14, 2, 82, 82),
        SlabCache("kmalloc-4096", 40, 40, 4096, 8, 8, 5, 5),
    )


def test_every_cache_of_6_18_is_read() -> None:
    """The parser reads the lines of a new kernel."""
    assert parse_slabinfo(KERNEL_6_18) == (
        SlabCache("bio-312", 12, 12, 320, 12, 1, 1, 1),
        SlabCache("request_sock_subflow_v6", 0, 0, 392, 20, 2, 0, 0),
        SlabCache("biovec-max", 112, 160, 4096, 8, 8, 20, 20),
        SlabCache("kmalloc-rcl-64", 4096, 4160, 64, 64, 1, 65, 65),
        SlabCache("kmem_cache", 256, 256, 256, 16, 1, 16, 16),
    )


@pytest.mark.parametrize("text", [KERNEL_4_15, KERNEL_6_18], ids=["4.15", "6.18"])
def test_plain_lines_are_read_quickly_and_alike(text: str) -> None:
    """The parser knows what kernels print at one look, and reads it alike where another line forbids the quick way."""
    assert _PLAIN.fullmatch(text, len(HEADER))
    odd = "odd cache 1 2 3 4 5 : tunables 6 7 8 : slabdata 9 10 11\n"
    assert not _PLAIN.fullmatch(text + odd, len(HEADER))
    assert parse_slabinfo(text + odd) == (*parse_slabinfo(text), SlabCache("odd cache", 1, 2, 3, 4, 5, 9, 10))


def test_comments_are_passed_over_anywhere() -> None:
    """The parser takes no line that begins with a hash sign for a cache, however like one it looks."""
    assert parse_slabinfo(HEADER + DENTRY + "#" + DENTRY + DENTRY) == (SlabCache("dentry", 1, 2, 3, 4, 5, 9, 10),) * 2


def test_caches_of_one_name_are_both_kept() -> None:
    """The parser keeps every cache where several bear one name, in the file's order."""
    text = HEADER + (
        "mlx5_fs_ftes         256    272    472   17    2 : tunables    0    0    0 : slabdata     16     16      0\n"
        "mlx5_fs_fgs           54     54    600   27    4 : tunables    0    0    0 : slabdata      2      2      0\n"
        "mlx5_fs_ftes         119    119    472   17    2 : tunables    0    0    0 : slabdata      7      7      0\n"
    )
    assert parse_slabinfo(text) == (
        SlabCache("mlx5_fs_ftes", 256, 272, 472, 17, 2, 16, 16),
        SlabCache("mlx5_fs_fgs", 54, 54, 600, 27, 4, 2, 2),
        SlabCache("mlx5_fs_ftes", 119, 119, 472, 17, 2, 7, 7),
    )


@pytest.mark.parametrize(
    "name",
    [
        "scsi_sense_cache(15:user.slice)",
        ":0000512",
        "dma-kmalloc-8k",
        "my_cache",
        "cache 23 of a module",
        "cache : 1 2 3",
        "p\u00e9n\udcff",
        "form\x0cfeed",
    ],
    ids=ascii,
)
def test_name_may_be_anything(name: str) -> None:
    """The parser takes for the name whatever comes before the five numbers, spaces too."""
    text = f"{HEADER}{name:<17} {1:>6} {2:>6} {3:>6} {4:>4} {5:>4} : tunables    0    0    0 : slabdata {6:>6} {7:>6}      0\n"
    assert parse_slabinfo(text) == (SlabCache(name, 1, 2, 3, 4, 5, 6, 7),)


def test_pages_are_those_of_all_slabs() -> None:
    """A cache holds the pages of all its slabs, in use or not."""
    assert SlabCache("dentry", 1, 2, 192, 21, 4, 3, 23).pages == 92


def test_no_caches_are_no_error() -> None:
    """The parser reads a file of nothing but its header, or not even that, and passes over blank lines."""
    assert [parse_slabinfo(text) for text in (HEADER, VERSION, VERSION + "\n\n")] == [(), (), ()]


def test_statistics_of_slab_are_left_aside() -> None:
    """The parser reads the lines of a SLAB kernel built to debug, whose statistics follow."""
    text = (
        "slabinfo - version: 2.1 (statistics)\n"
        "# name            <active_objs> <num_objs> <objsize> : globalstat <listallocs> : cpustat <allochit>\n"
        "dentry               211    240    192   20    1 : tunables  120   60    8 : slabdata     12     13      1"
        " : globalstat     240    240    12    0 0    0    0    0    0 : cpustat    471    14    274    0\n"
    )
    assert parse_slabinfo(text) == (SlabCache("dentry", 211, 240, 192, 20, 1, 12, 13),)


def test_largest_numbers_fit() -> None:
    """The parser takes 64 bits in every column."""
    text = VERSION + f"x {' '.join([str(U64_MAX)] * 5)} : tunables 0 0 0 : slabdata {U64_MAX} {U64_MAX} 0\n"
    assert parse_slabinfo(text) == (SlabCache("x", *[U64_MAX] * 7),)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty file"),
        ("\n", "''"),
        ("dentry 1\n", "'dentry 1'"),
        ("slabinfo - version: 1.1\n", "'slabinfo - version: 1.1'"),
        (" slabinfo - version: 2.1\n", "' slabinfo - version: 2.1'"),
    ],
)
def test_other_versions_are_refused(text: str, found: str) -> None:
    """The parser refuses a file that does not begin with version 2."""
    assert refusal(parse_slabinfo, text) == (FILE, 1, f"expected 'slabinfo - version: 2.1', found {found}")


@pytest.mark.parametrize(
    "line",
    [
        " ",
        "dentry",
        "1 2 3 4 5 : tunables 6 7 8 : slabdata 9 10 11",  # no name
        "dentry 1 2 3 4 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3 4 5 tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 slabdata 9 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 : other 9 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 : slabdata 9 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata 9 10",  # cut off: the 10 may have been 100
        "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata",
        "dentry -1 2 3 4 5 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 +2 3 4 5 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3_0 4 5 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3 \u0664 5 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3 4 \u00b2 : tunables 6 7 8 : slabdata 9 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata x 10 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata 9 18446744073709551616 11",
        "dentry 1 2 3 4 5 : tunables 6 7 8 : slabdata 9 1" + "0" * 5000 + " 11",
    ],
    ids=lambda line: ascii(line)[:80],
)
def test_other_lines_are_refused(line: str) -> None:
    """The parser refuses a line with columns or numbers that the kernel does not print."""
    shown = repr(line) if len(line) <= 40 else f"{line[:37]!r}"[:-1] + "...'"
    expected = (FILE, 4, f"expected a line of slabinfo 2.1, found {shown}")
    assert refusal(parse_slabinfo, HEADER + DENTRY + line + "\n") == expected
