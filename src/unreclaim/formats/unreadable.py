"""unreadable: the files of a bundle's sample that could not be read when it was made, and why.

Source: this program; docs/bundle.md. Written by ``unreclaim capture`` and by its shell script
Needs: nothing.

Example::

    EACCES /proc/slabinfo
    EOPNOTSUPP /proc/pressure/irq
"""

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "unreadable"


def parse_unreadable(text: str, *, file: str = FILE) -> dict[str, str]:
    """Give the error's name (as in errno(3)) by path.

    Raises:
        ParseError: a line that is not a name in capitals and an absolute path.

    """
    errors = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        name, _, path = line.partition(" ")
        if not (name.isascii() and name.isalnum() and name.isupper()) or not path.startswith("/"):
            raise ParseError(file, number, f"expected an error's name and a path, found {shown(line)}")
        errors[path] = name
    return errors
