"""Opens the running kernel for drgn, or says what is missing."""

import os
import platform
from typing import Any

from unreclaim.base.errors import UnavailableError

_KCORE = "/proc/kcore"
_LOCKDOWN = "/sys/kernel/security/lockdown"


class DeepUnavailableError(UnavailableError):
    """drgn cannot read the kernel of this host; `why` and `hint` say what is missing."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        """Say why, and what would make it work."""
        super().__init__("drgn", why, hint=hint)


def check_kcore() -> None:
    """See whether the kernel's memory may be read, before anything is loaded for it.

    Raises:
        DeepUnavailableError: there is no /proc/kcore, or it may not be read.

    """
    try:
        os.close(os.open(_KCORE, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError as error:
        raise DeepUnavailableError(f"this kernel has no {_KCORE}") from error
    except OSError as error:
        if "[confidentiality]" in _lockdown():
            why = f"the kernel is locked down (confidentiality), which closes {_KCORE}"
            raise DeepUnavailableError(why) from error
        raise DeepUnavailableError(f"{_KCORE} cannot be opened: {error.strerror}", "run as root") from error


def _lockdown() -> str:
    try:
        with open(_LOCKDOWN, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def open_program() -> Any:  # noqa: ANN401 - drgn's types are known only where it is installed
    """Open the running kernel, and find its debug information.

    Raises:
        DeepUnavailableError: there is none, or the kernel cannot be read.

    """
    import drgn  # noqa: PLC0415 - optional, and large

    program = drgn.Program()
    # The kernel's own files alone: a census downloads nothing, whatever DEBUGINFOD_URLS says.
    program.set_enabled_debug_info_finders(["standard"])
    try:
        program.set_kernel()
        program.load_debug_info(main=True)
    except drgn.MissingDebugInfoError as error:
        release = platform.release()
        hint = f"install the kernel's debug symbols (Debian: linux-image-{release}-dbg; Fedora: kernel-debuginfo)"
        raise DeepUnavailableError(f"no debug information of kernel {release} is installed", hint) from error
    except (OSError, ValueError, LookupError, drgn.FaultError) as error:
        raise DeepUnavailableError(f"the running kernel cannot be opened: {error}") from error
    return program
