"""The programs that virtual machines need, and the Debian packages that bring them."""

import shutil

from unreclaim.lab.errors import LabError

PACKAGES = {
    "busybox": "busybox-static",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "zstd": "zstd",
}
"""The Debian package of each program that the laboratory starts."""


def find_tools(*names: str) -> tuple[str, ...]:
    """Give the path of each program, or say which Debian packages bring those that are missing."""
    # Debian keeps mke2fs where a user's PATH does not lead.
    found = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") for name in names}
    missing = [name for name in names if found[name] is None]
    if missing:
        hint = f"apt-get install {' '.join(PACKAGES[name] for name in missing)}"
        raise LabError("lab", f"not installed: {', '.join(missing)}", hint=hint)
    return tuple(path for path in found.values() if path is not None)
