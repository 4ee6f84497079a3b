"""Walks every css of the memory controller: parents before children, siblings by their serial numbers."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import drgn
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.rbtree import rbtree_inorder_for_each_entry

from unreclaim.host.deep.program import DeepUnavailableError
from unreclaim.host.deep.structures import DYING, Structures
from unreclaim.host.raw_census import MAX_LEVELS, RawDying

_MAX_RESUMES = 10_000
_MAX_ATTRIBUTES = 16
_INVOCATION, _INVOCATION_BYTES = b"trusted.invocation_id", 32


class Walk:
    """One walk over the hierarchy, which may change under it: siblings are in the order of their serial numbers."""

    def __init__(self, structures: Structures) -> None:
        """Begin at the root."""
        self._structures = structures
        self._sibling_at = drgn.offsetof(structures.css_type, "sibling")
        self._children_at = drgn.offsetof(structures.css_type, "children")
        self.resumed = 0

    def list_dying(self) -> list[RawDying]:
        """List every dying css.

        Raises:
            DeepUnavailableError: the hierarchy is too deep, or cgroups come and go too fast.

        """
        found = []
        root = self._structures.root
        trail = [self._children(root, self._structures.css(root).serial_nr.value_())]
        while trail:
            child = next(trail[-1], None)
            if child is None:
                trail.pop()
                continue
            address, css = child
            if css.flags.value_() & DYING and (record := self._record(address, css)):
                found.append(record)
            if len(trail) >= MAX_LEVELS:
                raise DeepUnavailableError(f"the hierarchy is deeper than {MAX_LEVELS} cgroups")
            trail.append(self._children(address, css.serial_nr.value_()))
        return found

    def _children(self, parent: int, own: int) -> Iterator[tuple[int, Any]]:
        """Give the children of a css, whose own serial number is told, as they are found, each with its address.

        A child that was freed since it was given leads nowhere: its parent's list is gone through again, to the first
        child with a greater serial number, as css_next_child() does in the kernel (kernel/cgroup/cgroup.c).
        """
        head = parent + self._children_at
        at, last = head, 0
        while (link := self._link_behind(parent, at, last, head)) != head:
            child = None if link is None else self._read(parent, link)
            if link is None or child is None:
                if not self._structures.is_still_there(parent, own):
                    return
                self._count_resume()
                at = head
                continue
            at = link
            # What was given before is passed by.
            serial = child.serial_nr.value_()
            if serial > last:
                last = serial
                yield link - self._sibling_at, child

    def _link_behind(self, parent: int, at: int, last: int, head: int) -> int | None:
        """Give the entry behind one in a parent's list; None: that is no child of it any more."""
        if at == head:
            return self._link(head)
        css = self._read(parent, at)
        return None if css is None or css.serial_nr.value_() > last else int(css.sibling.next.value_())

    def _link(self, address: int) -> int | None:
        try:
            return int(self._structures.program.read_u64(address))
        except drgn.FaultError:
            return None

    def _read(self, parent: int, link: int) -> Any:  # noqa: ANN401 - drgn's types are known only where it is installed
        """Read a child by its entry in its parent's list; None: it is no child of this parent."""
        try:
            css = self._structures.css(link - self._sibling_at)
        except drgn.FaultError:
            return None
        there = self._structures.is_there(css, css.serial_nr.value_()) and css.parent.value_() == parent
        return css if there else None

    def _count_resume(self) -> None:
        self.resumed += 1
        if self.resumed > _MAX_RESUMES:
            raise DeepUnavailableError("cgroups come and go too fast for a walk", "try again when the host is calmer")

    def _record(self, address: int, css: Any) -> RawDying | None:  # noqa: ANN401 - as above
        """Read what a dying css says of itself; None: it was freed meanwhile."""
        serial = css.serial_nr.value_()
        try:
            record = self._read_record(address, css, serial)
        except drgn.FaultError:
            if self._structures.is_still_there(address, serial):
                raise
            return None
        return record if self._structures.is_still_there(address, serial) else None

    def _read_record(self, address: int, css: Any, serial: int) -> RawDying:  # noqa: ANN401 - as above
        node = css.cgroup.kn
        counts = read_counts(self._structures, address)
        return RawDying(
            css=address,
            serial=serial,
            id=_node_id(node),
            parent_id=_node_id(css.parent.cgroup.kn),
            references=counts[0],
            memory_pages=counts[1],
            memsw_pages=counts[2],
            kernel_pages=counts[3],
            stirred_ns=_stirred_ns(css.cgroup),
            swap_references=counts[4],
            invocation=_invocation(node),
            name=self._structures.name_at(node.name),
        )


def read_counts(structures: Structures, css: int) -> tuple[int, int, int, int, int]:
    """Give a css's references, pages of memory, of memory and swap, and of the kernel, and references by swap.

    The first and the fourth are -1 as in `RawDying`.
    """
    # A copy of the whole structure, so that all figures are of one moment, or nearly so.
    memcg = structures.memcg(css).read_()
    reference = memcg.css.refcnt
    references = -1
    # Exact only in atomic mode (the low bit), in which a killed css always is.
    if reference.percpu_count_ptr.value_() & 1 and reference.data:
        references = reference.data.count.counter.value_()
    kernel = memcg.kmem.usage.counter.value_() if structures.memcg_type.has_member("kmem") else -1
    return (
        references,
        memcg.memory.usage.counter.value_(),
        memcg.memsw.usage.counter.value_(),
        kernel,
        memcg.id.ref.refs.counter.value_(),
    )


def _node_id(node: Any) -> int:  # noqa: ANN401 - as above
    return int(node.id.value_())


def _stirred_ns(cgroup: Any) -> int:  # noqa: ANN401 - as above
    """Tell when pressure was last averaged: on v1, where nobody counts it, when the cgroup was made."""
    if not cgroup.type_.type.has_member("psi"):
        return 0
    pressure = cgroup.psi
    if pressure.type_.kind == drgn.TypeKind.POINTER and not pressure:
        return 0
    return int(pressure.avg_last_update.value_())


def _invocation(node: Any) -> bytes:  # noqa: ANN401 - as above
    """Give systemd's invocation id, which ties a unit's cgroup to its lines in the journal, or nothing."""
    attributes = node.iattr
    if not attributes or not attributes.type_.type.has_member("xattrs"):
        return b""
    kept = attributes.xattrs
    kind = "struct simple_xattr"
    if kept.type_.has_member("rb_root"):
        entries = rbtree_inorder_for_each_entry(kind, kept.rb_root.address_of_(), "rb_node")
    elif kept.type_.has_member("head"):
        entries = list_for_each_entry(kind, kept.head.address_of_(), "list")
    else:
        return b""
    for entry in islice(entries, _MAX_ATTRIBUTES):
        if entry.name.string_() == _INVOCATION:
            size = min(entry.size.value_(), _INVOCATION_BYTES)
            return bytes(entry.prog_.read(entry.value.address_of_().value_(), size))
    return b""
