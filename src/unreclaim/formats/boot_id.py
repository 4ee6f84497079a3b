"""/proc/sys/kernel/random/boot_id: a UUID that is new at every boot.

Source: Documentation/admin-guide/sysctl/kernel.rst "random"; proc_do_uuid() in drivers/char/random.c
Needs: nothing.

Example::

    6d0a3c2e-93e3-4d2b-8f2c-0c5d0b6b9a11
"""

import re

from unreclaim.base.errors import ParseError
from unreclaim.formats._tokens import shown

FILE = "/proc/sys/kernel/random/boot_id"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse_boot_id(text: str, *, file: str = FILE) -> str:
    """Give the UUID as printed.

    Raises:
        ParseError: anything else.

    """
    boot_id = text.strip()
    if not _UUID.fullmatch(boot_id):
        raise ParseError(file, 1, f"expected a UUID, found {shown(boot_id)}")
    return boot_id
