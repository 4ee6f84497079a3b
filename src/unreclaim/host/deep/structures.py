"""Where things are in this kernel's structures, and how they are read.

Lists and pages are read by their bytes, as there are very many; everything else by drgn's objects and helpers. Nothing
is locked and no reader is protected from a free: what is read is looked at again before it is believed.
"""

import struct
from typing import Any, NamedTuple

import drgn
from drgn.helpers.linux.mm import compound_nr, pfn_to_page

DYING, RELEASED = 16, 4
"""Of css->flags, see include/linux/cgroup-defs.h."""

_NAME_BYTES = 256  # NAME_MAX and the final zero
_FLAG_BITS = 7  # of page->memcg_data
_POISON = 0xDEAD  # the upper bits of what a removed list entry points to
_HEAD = struct.Struct("=2Q")
_WORD_BYTES = 8
_CLASSIC, _UNEVICTABLE = 5, 4  # NR_LRU_LISTS, LRU_UNEVICTABLE


class Folio(NamedTuple):
    """A page, or several in one, as its first words were read. css: whose it is; 0: nobody's that matters here."""

    address: int
    flags: int
    css: int
    mapping: int
    next: int


class Structures:
    """The running kernel's structures. Reading memory that is not there raises drgn's FaultError."""

    def __init__(self, program: Any) -> None:  # noqa: ANN401 - drgn's types are known only where it is installed
        """Find the offsets.

        Raises:
            LookupError: a structure is not what it was in any kernel that is known.

        """
        self.program = program
        self.css_type = program.type("struct cgroup_subsys_state")
        self.memcg_type = program.type("struct mem_cgroup")
        self.memcg_at_css = drgn.offsetof(self.memcg_type, "css")
        self.subsystem = program["memory_cgrp_subsys"].address_of_().value_()
        self.index = program["memory_cgrp_id"].value_()
        self.root: int = program["root_mem_cgroup"].css.address_of_().value_()
        self.page_bytes: int = drgn.sizeof(program.type("struct page"))
        page = _type_or_none(program, "struct folio") or program.type("struct page")
        self._folio = struct.Struct(f"={drgn.sizeof(program.type('struct page')) // _WORD_BYTES}Q")
        self._lru_at = drgn.offsetof(page, "lru")
        self._lru, self._mapping = (drgn.offsetof(page, name) // _WORD_BYTES for name in ("lru", "mapping"))
        # Until 5.11 a page pointed to its cgroup itself, without flags.
        owner = "memcg_data" if page.has_member("memcg_data") else "mem_cgroup"
        self._owner = drgn.offsetof(page, owner) // _WORD_BYTES
        self._head, self.dirty, self.locked, unevictable = (
            1 << program[name].value_() for name in ("PG_head", "PG_dirty", "PG_mlocked", "PG_unevictable")
        )
        self.on_no_list = self.locked | unevictable
        self._node_type = program.type("struct mem_cgroup_per_node")
        self._node_bytes = drgn.sizeof(self._node_type)
        lruvec = drgn.offsetof(self._node_type, "lruvec")
        self._lists = tuple(lruvec + at for at in _list_offsets(program.type("struct lruvec")))
        self._sizes = _unevictable_sizes(self._node_type)
        root = self.css(self.root)
        if not self.is_there(root, root.serial_nr.value_()):
            raise LookupError("the first cgroup is not where it should be")

    # ── cgroups ──

    def css(self, address: int) -> Any:  # noqa: ANN401 - as above
        """Read a css as it is now, at once."""
        return drgn.Object(self.program, self.css_type, address=address).read_()

    def memcg(self, css: int) -> Any:  # noqa: ANN401 - as above
        """Give the memory cgroup around a css; its members are read when they are asked for."""
        return drgn.Object(self.program, self.memcg_type, address=css - self.memcg_at_css)

    def is_there(self, css: Any, serial: int) -> bool:  # noqa: ANN401 - as above
        """Tell whether a css that was read is still one of the memory controller's, and the one meant."""
        return bool(
            css.ss.value_() == self.subsystem and css.serial_nr.value_() == serial and not css.flags.value_() & RELEASED
        )

    def is_still_there(self, address: int, serial: int) -> bool:
        """Tell whether a css has not been freed."""
        try:
            return self.is_there(self.css(address), serial)
        except drgn.FaultError:
            return False

    def is_dying(self, address: int) -> int:
        """Give the serial number of a dying css of the memory controller; 0: it is no such."""
        css = self.css(address)
        serial: int = css.serial_nr.value_()
        return serial if self.is_there(css, serial) and css.flags.value_() & DYING else 0

    def name_at(self, pointer: Any) -> str:  # noqa: ANN401 - as above
        """Read the name that a pointer leads to."""
        name = self.program.read_c_string(pointer.value_(), max_size=_NAME_BYTES)
        return str(name.decode("utf-8", "surrogateescape"))

    # ── lists and pages ──

    def node_lists(self, memcg: Any, node: int) -> tuple[list[tuple[int, int]], int]:  # noqa: ANN401 - as above
        """Give the lists of one node that are not empty, each as its head and first entry, and the pages on none."""
        address = memcg.nodeinfo[node].value_()
        if not address:
            return [], 0
        memory = self.program.read(address, self._node_bytes)
        heads = [(address + at, _HEAD.unpack_from(memory, at)[0]) for at in self._lists]
        found = [(head, first) for head, first in heads if first not in (0, head) and first >> 48 != _POISON]
        # Since 5.18 the list of those that cannot be reclaimed is none: its pages are only counted.
        counted = heads[_UNEVICTABLE][1] >> 48 == _POISON
        return found, sum(_HEAD.unpack_from(memory, at)[0] for at in self._sizes) if counted else 0

    def folio(self, entry: int) -> Folio:
        """Read the page that is an entry of a list."""
        return self.folio_at(entry - self._lru_at)

    def folio_at(self, address: int) -> Folio:
        """Read a page."""
        words = self._folio.unpack(self.program.read(address, self._folio.size))
        owner = words[self._owner]
        return Folio(address, words[0], 0 if owner & _FLAG_BITS else owner, words[self._mapping], words[self._lru])

    def pages_in(self, folio: Folio) -> int:
        """Give the number of pages of a folio."""
        if not folio.flags & self._head:
            return 1
        return int(compound_nr(drgn.Object(self.program, "struct page *", folio.address)).value_())

    def frame_address(self, number: int) -> int:
        """Give where the struct page of a frame is."""
        return int(pfn_to_page(self.program, number).value_())


def _type_or_none(program: Any, name: str) -> Any:  # noqa: ANN401 - as above
    try:
        return program.type(name)
    except LookupError:
        return None


def _list_offsets(lruvec: Any) -> list[int]:  # noqa: ANN401 - as above
    """Give where in a lruvec its lists are: the classic ones, then those of generations (MGLRU)."""
    first = drgn.offsetof(lruvec, "lists")
    offsets = [first + _HEAD.size * number for number in range(_CLASSIC)]
    if lruvec.has_member("lrugen"):
        generations = lruvec.member("lrugen").type
        name = "folios" if generations.has_member("folios") else "lists"  # 6.1 and 6.2
        start = drgn.offsetof(lruvec, "lrugen") + drgn.offsetof(generations, name)
        size = drgn.sizeof(generations.member(name).type)
        offsets += [start + at for at in range(0, size, _HEAD.size)]
    return offsets


def _unevictable_sizes(node: Any) -> tuple[int, ...]:  # noqa: ANN401 - as above
    """Give where in a mem_cgroup_per_node the numbers of pages that cannot be reclaimed are, one a zone."""
    start = drgn.offsetof(node, "lru_zone_size")
    row = _CLASSIC * _WORD_BYTES
    size = drgn.sizeof(node.member("lru_zone_size").type)
    return tuple(start + at + _UNEVICTABLE * _WORD_BYTES for at in range(0, size, row))
