"""A service that is restarted keeps a directory of tmpfs, in which each start may leave files.

What it finds
-------------
``RuntimeDirectoryPreserve=yes`` or ``restart`` in a service that is restarted for ever. A remark, because only files
that a start leaves there, and the next one does not overwrite, do harm.

Why it matters here
-------------------
/run is tmpfs: a file in it is memory, charged to the cgroup that wrote it. It stays when the service ends, and the
memory cgroup with it; neither drop_caches nor reclaim takes it back where there is no swap.

Evidence
--------
Measured with a unit that leaves a new file at each start (docs/kernel-units.md), on 5.10, 6.1 and 6.12: all were left
dying in a ``RuntimeDirectory=`` that is kept, held by tmpfs. In one that is removed with the service none of 23 were,
nor by a file in /tmp with ``PrivateTmp=yes``: systemd removes both. A ``StateDirectory=`` in which each start leaves
a new file on the disk left all of them, too.

What to do
----------
Leave ``RuntimeDirectoryPreserve=`` out, so that systemd removes the directory with the service; or overwrite the same
file.

References
----------
- systemd.exec(5), RuntimeDirectoryPreserve=
- docs/kernel-notes/dying.md
"""

from collections.abc import Iterator

from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView, boolean
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "files-left-behind"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find runtime directories that outlive a start."""
    kept, at = view.last(_preserve, ("Service", "RuntimeDirectoryPreserve"))
    directories = view.settings.listed("Service", "RuntimeDirectory")
    if (
        view.is_service
        and kept
        and directories
        and restart_loop(view).is_endless
        and not view.host.reparents_page_cache
    ):
        name = directories[-1].value.split()[0].partition(":")[0]
        message = f"/run/{name} is kept between starts: each new file in it holds the memory cgroup of its start"
        fix = "remove RuntimeDirectoryPreserve=, or write the same files each time"
        yield view.finding(_RULE, at, LintSeverity.INFO, message, fix)


def _preserve(value: str) -> bool | None:
    return True if value == "restart" else boolean(value)
