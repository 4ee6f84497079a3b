"""The seam to PID 1: what use cases ask of it, whoever answers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from unreclaim.model.unit import Unit


class Systemd(Protocol):
    """What is asked of PID 1."""

    def version(self) -> int:
        """Give systemd's version."""

    def read_unit(self, name: str) -> Unit:
        """Give all that is known of a unit."""

    def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: Any,  # noqa: ANN401  as the signature says
    ) -> tuple[Any, ...]:
        """Call a method."""


OpenSystemd = Callable[[], AbstractContextManager[Systemd]]
"""Connects to PID 1; a connection has a time limit as a whole, so each question has one of its own."""
