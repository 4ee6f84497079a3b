"""Stands in for drgn where it is not installed: enough of it to import what walks cgroups, over memory made by hand."""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

SIBLING, CHILDREN, SUBSYSTEM = 8, 16, 4711
_MODULES = ("list", "rbtree", "mm", "fs", "pid")
_NAMES = (
    "list_for_each_entry",
    "rbtree_inorder_for_each_entry",
    "compound_nr",
    "pfn_to_page",
    "for_each_file",
    "find_task",
)


class FaultError(Exception):
    """Memory that is not there."""


class MissingDebugInfoError(Exception):
    """No vmlinux with debug information."""


def install(monkeypatch: pytest.MonkeyPatch, program: Callable[[], Any] | None = None) -> None:
    """Put it in drgn's place, and forget the modules that were imported with another."""
    drgn = ModuleType("drgn")
    offsets = {"sibling": SIBLING, "children": CHILDREN}
    content = {
        "FaultError": FaultError,
        "MissingDebugInfoError": MissingDebugInfoError,
        "NULL": None,
        "Program": program,
        "cast": None,
        "container_of": None,
        "offsetof": lambda _, member: offsets[member],
    }
    drgn.__dict__.update(content)
    monkeypatch.setitem(sys.modules, "drgn", drgn)
    for name in ("drgn.helpers", "drgn.helpers.linux", *(f"drgn.helpers.linux.{module}" for module in _MODULES)):
        module = ModuleType(name)
        module.__dict__.update(dict.fromkeys(_NAMES))
        monkeypatch.setitem(sys.modules, name, module)
    for name in [name for name in sys.modules if name.startswith("unreclaim.host.deep.")]:
        if not name.endswith(".program"):
            monkeypatch.delitem(sys.modules, name)


class _Word:
    def __init__(self, value: int) -> None:
        self._value = value

    def value_(self) -> int:
        return self._value


class FakeKernel:
    """Cgroups in memory: each css is 1,024 bytes behind the one before; their sibling lists are real ones."""

    css_type = None

    def __init__(self) -> None:
        """Make the root."""
        self.parents: dict[int, int] = {}
        self.serials: dict[int, int] = {1024: 1}
        self.lists: dict[int, list[int]] = {1024: []}
        self.dying: set[int] = set()
        self.root = 1024
        self.program = self
        self.on_read: Callable[[int], None] = lambda _: None

    def make(self, parent: int, *, dying: bool = False) -> int:
        """Make a cgroup and give its address."""
        address = 1024 * (len(self.serials) + 1)
        self.serials[address] = max(self.serials.values()) + 1
        self.parents[address] = parent
        self.lists[address] = []
        self.lists[parent].append(address)
        if dying:
            self.dying.add(address)
        return address

    def free(self, address: int) -> None:
        """Free a cgroup; its memory is there no more."""
        self.lists[self.parents.pop(address)].remove(address)
        self.dying.discard(address)
        del self.lists[address]

    def css(self, address: int) -> Any:  # noqa: ANN401 - in place of a drgn object
        """Read a css."""
        self.on_read(address)
        if address not in self.lists:
            raise FaultError(address)
        siblings = self.lists[self.parents[address]] if address in self.parents else [address]
        behind = siblings[siblings.index(address) + 1 :]
        follows = behind[0] + SIBLING if behind else self.parents.get(address, 0) + CHILDREN
        return SimpleNamespace(
            serial_nr=_Word(self.serials[address]),
            flags=_Word(16 if address in self.dying else 0),
            parent=_Word(self.parents.get(address, 0)),
            sibling=SimpleNamespace(next=_Word(follows)),
        )

    def read_u64(self, address: int) -> int:
        """Read the first entry of a list."""
        css = address - CHILDREN
        if css not in self.lists:
            raise FaultError(address)
        return self.lists[css][0] + SIBLING if self.lists[css] else address

    def is_there(self, css: Any, serial: int) -> bool:  # noqa: ANN401 - as above
        """Compare what was read."""
        return bool(css.serial_nr.value_() == serial)

    def is_still_there(self, address: int, serial: int) -> bool:
        """Tell whether it was not freed."""
        return address in self.lists and self.serials[address] == serial
