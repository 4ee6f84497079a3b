"""Tells systemd to read its units anew, over D-Bus."""

from collections.abc import Callable

Call = Callable[..., object]
"""Calls a method: path, interface, member, signature, arguments."""


def reload_systemd(call: Call) -> None:
    """Let systemd read all units again, as systemctl daemon-reload does; it is done when this returns."""
    call("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Reload", "")
