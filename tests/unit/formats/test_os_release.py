"""os-release."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats.os_release import OsRelease, parse_os_release

FILE = "/etc/os-release"
DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
"""
ROCKY = """\
NAME="Rocky Linux"
VERSION="8.10 (Green Obsidian)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="8.10"
PRETTY_NAME="Rocky Linux 8.10 (Green Obsidian)"
ANSI_COLOR="0;32"

REDHAT_SUPPORT_PRODUCT='Rocky Linux'
# END
"""


@pytest.mark.parametrize(
    ("text", "release"),
    [
        (DEBIAN, OsRelease("debian", (), "12", "Debian GNU/Linux 12 (bookworm)")),
        (
            ROCKY,
            OsRelease("rocky", ("rhel", "centos", "fedora"), "8.10", "Rocky Linux 8.10 (Green Obsidian)"),
        ),
        # A rolling release has no version. The defaults are those of os-release(5).
        ("ID=arch\n", OsRelease("arch")),
        ("", OsRelease("linux")),
        (" \t\n  # comment\n\tID=debian \n", OsRelease("debian")),
        ("ID=a\nID=b\nVERSION_ID=\n", OsRelease("b", (), "")),
    ],
    ids=["Debian", "Rocky", "Arch", "empty", "blanks", "twice"],
)
def test_distribution_is_read(text: str, release: OsRelease) -> None:
    """The parser reads the distribution and passes over comments, blank lines and the rest."""
    assert parse_os_release(text) == release


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("bare", "bare"),
        ("", ""),
        ('""', ""),
        ("''", ""),
        ('"two words"', "two words"),
        ("'two words'", "two words"),
        ('''"it's"''', "it's"),
        ("""'"quoted"'""", '"quoted"'),
        # Five characters are escaped in double quotes; another backslash stays.
        (r'"a\"b\$c\`d\\e"', 'a"b$c`d\\e'),
        (r'"a\nb\'c"', r"a\nb\'c"),
        (r"'a\$b\\c'", r"a\$b\\c"),
        (r"a\ b\$c\\d", "a b$c\\d"),
        ("a'b c'\"d e\"f", "ab cd ef"),
        ("https://x.org/?a=b&c=d#e", "https://x.org/?a=b&c=d#e"),
        ("$(reboot)", "$(reboot)"),
        ('"p\u00e9n \udcff\u2028\x85x"', "p\u00e9n \udcff\u2028\x85x"),
    ],
    ids=ascii,
)
def test_value_is_what_a_shell_makes_of_it(printed: str, name: str) -> None:
    """The parser takes off quotes and backslashes as a shell does, and expands nothing."""
    assert parse_os_release(f"PRETTY_NAME={printed}\n") == OsRelease("linux", pretty_name=name)


@pytest.mark.parametrize(
    "line",
    [
        "ID",
        "=debian",
        "ID debian",
        "ID = debian",
        "export ID=debian",
        "ID=two words",
        'ID="debian',
        "ID='debian",
        'ID="debian\\"',
        "ID=debian\\",
        'ID="a" b',
        "ID\u00e9=a",
        "ID=" + "a" * 60 + '"',
    ],
    ids=ascii,
)
def test_other_lines_are_refused(line: str) -> None:
    """The parser refuses a line that is no assignment of one word, and an open quote, however long."""
    shown = repr(line) if len(line) <= 40 else f"{line[:37]!r}"[:-1] + "...'"
    expected = (FILE, 3, f"expected NAME=value, found {shown}")
    assert refusal(parse_os_release, f"# comment\n\n{line}\n") == expected
