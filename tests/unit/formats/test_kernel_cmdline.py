"""/proc/cmdline."""

import pytest

from unreclaim.formats.kernel_cmdline import Parameter, parse_kernel_cmdline


def test_parameters_of_a_host_are_read() -> None:
    """The parser keeps all parameters in order, one that occurs twice and those for init too."""
    text = (
        "root=/dev/vda rw quiet console=tty0 console=ttyS0,115200n8 cgroup.memory=nokmem,nosocket"
        " systemd.mask=serial-getty@ttyS0.service vga= -- --addr 0.0.0.0:2024\n"
    )
    assert parse_kernel_cmdline(text) == (
        Parameter("root", "/dev/vda"),
        Parameter("rw"),
        Parameter("quiet"),
        Parameter("console", "tty0"),
        Parameter("console", "ttyS0,115200n8"),
        Parameter("cgroup.memory", "nokmem,nosocket"),
        Parameter("systemd.mask", "serial-getty@ttyS0.service"),
        Parameter("vga", ""),
        Parameter("--"),
        Parameter("--addr"),
        Parameter("0.0.0.0:2024"),
    )


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", ()),
        ("\n", ()),
        (" \t\v\f\r\n", ()),
        ("  a   b  ", (Parameter("a"), Parameter("b"))),
        ("a=b=c", (Parameter("a", "b=c"),)),
        # next_arg() takes no equals sign at the very start for one.
        ("=a", (Parameter("=a"),)),
        ("=a=b", (Parameter("=a", "b"),)),
        # Quotes around a value or a whole word are dropped ...
        ('dyndbg="file slub.c +p" b', (Parameter("dyndbg", "file slub.c +p"), Parameter("b"))),
        ('"dyndbg=file slub.c +p" b', (Parameter("dyndbg", "file slub.c +p"), Parameter("b"))),
        ('"a b" c', (Parameter("a b"), Parameter("c"))),
        ('a=""', (Parameter("a", ""),)),
        ('""', (Parameter(""),)),
        # ... and any others kept, because the kernel keeps them.
        ('a=b"c d"e f', (Parameter("a", 'b"c d"e'), Parameter("f"))),
        ('a=b" c"', (Parameter("a", 'b" c"'),)),
        ('a" b"=c', (Parameter('a" b"', "c"),)),
        ('a="b"c', (Parameter("a", 'b"c'),)),
        ('a="b"" c"', (Parameter("a", 'b"" c'),)),
        ('"a"b" c', (Parameter('a"b" c'),)),
        # An open quote reaches to the end of the line, but not over the newline that /proc adds.
        ('a="b c \n', (Parameter("a", "b c "),)),
        ('"a b\n', (Parameter("a b"),)),
        ('"', (Parameter(""),)),
        ('a="', (Parameter("a", ""),)),
        ('"a="', (Parameter("a", ""),)),
        # Only what the kernel takes for a space splits.
        ("a\u00a0b\x1cc\x85d\u2028e", (Parameter("a\u00a0b\x1cc\x85d\u2028e"),)),
        ("a=\udcff b", (Parameter("a", "\udcff"), Parameter("b"))),
    ],
    ids=ascii,
)
def test_words_are_split_as_the_kernel_does(text: str, parameters: tuple[Parameter, ...]) -> None:
    """The parser treats spaces and quotes as next_arg() of the kernel does."""
    assert parse_kernel_cmdline(text) == parameters
