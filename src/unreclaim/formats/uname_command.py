"""Output of ``uname -a``: host name, kernel release and machine.

Source: uname(1); src/uname.c of coreutils
Needs: nothing.

Example::

    Linux web-07 5.4.0-99-generic #112-Ubuntu SMP Thu Feb 3 13:50:55 UTC 2022 x86_64 x86_64 x86_64 GNU/Linux
"""

import re

from msgspec import Struct

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "sos_commands/kernel/uname_-a"
# The kernel's version between the release and the machine holds blanks. Processor and hardware platform follow the
# machine where the distribution makes uname print them.
_UNAME = re.compile(r"Linux (?P<host>\S+) (?P<release>\S+) #[^\n]*?(?P<machine>(?: [a-z]\w*){1,3}) GNU/Linux\n?")


class Uname(Struct, frozen=True):
    """The name of the host, the release of its kernel and the machine (``x86_64``)."""

    hostname: str
    release: str
    machine: str


def parse_uname_command(text: str, *, file: str = FILE) -> Uname:
    """Read the line.

    Raises:
        ParseError: it is not a Linux kernel's under GNU.

    """
    match = _UNAME.fullmatch(text)
    if match is None:
        raise ParseError(file, 1, f"expected the line of uname -a, found {shown(text)}")
    return Uname(match["host"], match["release"], match["machine"].split()[0])
