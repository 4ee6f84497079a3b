"""Reads facts from a root and turns whatever is missing into a `Gap` instead of an error."""

import errno
from collections.abc import Callable
from typing import TypeVar

from unreclaim.base.errors import ParseError
from unreclaim.host.root import Root
from unreclaim.model.gap import Gap

T = TypeVar("T")
VANISHED = (errno.ENOENT, errno.ENODEV, errno.ESRCH)
_NOT_PERMITTED = (errno.EACCES, errno.EPERM)


class Probe:
    """One pass over a root: what was read is returned, what was not is kept in `gaps`."""

    def __init__(self, root: Root) -> None:
        """Start a pass over `root` with no gaps."""
        self.root = root
        self.gaps: list[Gap] = []

    def read(self, path: str, parse: Callable[..., T], what: str, *, optional: bool = False) -> T | None:
        """Read and parse a file, or None with a gap named `what`.

        With optional=True a file that does not exist leaves no gap: this kernel simply does not have it.
        """
        try:
            return parse(self.root.read_text(path), file=path)
        except ParseError as error:
            self.gaps.append(Gap(what, str(error), "report this file to the authors of unreclaim"))
        except OSError as error:
            if not (optional and error.errno in VANISHED):
                self.gaps.append(self._missing(what, path, error))
        return None

    def read_line(self, path: str, what: str, *, optional: bool = False) -> str | None:
        """Read a file of one line, without its newline."""
        return self.read(path, lambda text, file: text.strip("\n\0 "), what, optional=optional)  # noqa: ARG005

    def note(self, what: str, why: str, remedy: str | None = None) -> None:
        """Keep a gap that is not about a single file."""
        self.gaps.append(Gap(what, why, remedy))

    def _missing(self, what: str, path: str, error: OSError) -> Gap:
        if error.errno in _NOT_PERMITTED:
            remedy = "run as root" if self.root.live else "capture again as root"
            return Gap(what, f"{path}: not permitted", remedy)
        if error.errno in VANISHED:
            if self.root.live:
                return Gap(what, f"{path} does not exist on this kernel")
            return Gap(what, f"{path} is not in {self.root.label}", "capture again with: unreclaim capture")
        return Gap(what, f"{path}: {error.strerror or error}")
