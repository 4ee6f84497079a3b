"""Finds what pins a dying css: every folio on its lists, by what it belongs to."""

from typing import Any, NamedTuple

import drgn
from drgn import NULL, container_of

from unreclaim.host import raw_census
from unreclaim.host.deep.structures import Folio, Structures
from unreclaim.host.deep.walk import read_counts
from unreclaim.host.raw_census import MAX_FOLIOS, MAX_LEVELS, RawDying, RawPin, RawTarget

_ANONYMOUS, _KIND_BITS = 1, 3  # of page->mapping; see include/linux/page-flags.h
_GONE = RawTarget(0, 0, 0, 0, 0, 0, 0, raw_census.GONE)


class _Backing(NamedTuple):
    """What the pages of one mapping belong to; all of it nothing for pages that are of none."""

    inode: int = 0
    magic: int = 0
    backing: int = 0
    device: int = 0
    special_device: int = 0
    links: int = 0
    mapped: int = 0
    pid: int = 0
    comm: str = ""
    form: int = raw_census.WHOLE
    path: tuple[str, ...] = ()


class _Tally:
    """Folios of one mapping."""

    def __init__(self, backing: _Backing) -> None:
        self._backing = backing
        self._pages = self._folios = self._dirty = self._locked = 0

    def add(self, pages: int, *, dirty: bool, locked: bool) -> None:
        """Count one folio."""
        self._pages += pages
        self._folios += 1
        self._dirty += pages if dirty else 0
        self._locked += pages if locked else 0

    def pin(self, mapping: int) -> RawPin:
        """Make the record."""
        own = self._backing
        return RawPin(mapping, own.inode, self._pages, self._folios, self._dirty, self._locked, *own[1:])


class Tallies:
    """The folios of one css by their mappings."""

    def __init__(self, structures: Structures, files: "Files") -> None:
        """Begin with none."""
        self._structures = structures
        self._files = files
        self._found: dict[int, _Tally] = {}

    def add(self, folio: Folio) -> bool:
        """Count a folio; False: it changed while it was looked at.

        Raises:
            drgn.FaultError: what it belongs to was freed meanwhile.

        """
        pages = self._structures.pages_in(folio)
        tally = self._found.get(folio.mapping)
        if tally is None:
            tally = _Tally(self._files.backing(folio.mapping))
            again = self._structures.folio_at(folio.address)
            if (again.css, again.mapping) != (folio.css, folio.mapping):
                return False
            self._found[folio.mapping] = tally
        flags = folio.flags
        tally.add(pages, dirty=bool(flags & self._structures.dirty), locked=bool(flags & self._structures.locked))
        return True

    def pins(self) -> list[RawPin]:
        """Give the records."""
        return [tally.pin(mapping) for mapping, tally in self._found.items()]


def look_at(structures: Structures, files: "Files", css: RawDying, nodes: int) -> tuple[RawTarget, list[RawPin]]:
    """Give what a css says of itself now, and the folios on its lists."""
    try:
        if not structures.is_still_there(css.css, css.serial):
            return _GONE, []
        counts = read_counts(structures, css.css)
        memcg = structures.memcg(css.css)
        listed = [structures.node_lists(memcg, node) for node in range(nodes)]
    except drgn.FaultError:
        if structures.is_still_there(css.css, css.serial):
            raise
        return _GONE, []
    tallies = Tallies(structures, files)
    status, folios = raw_census.FINISHED, 0
    for head, first in [pair for lists, _ in listed for pair in lists]:
        try:
            seen, cut = _go_through(structures, tallies, css.css, head, first, MAX_FOLIOS - folios)
        except drgn.FaultError:
            seen, cut = None, False
        if seen is None:
            status |= raw_census.MOVED
            continue
        folios += seen
        if cut:
            status = status & ~raw_census.FINISHED | raw_census.CUT
            break
    unlisted = sum(pages for _, pages in listed)
    return RawTarget(*counts, unlisted, folios, status), tallies.pins()


def _go_through(
    structures: Structures, tallies: Tallies, css: int, head: int, entry: int, most: int
) -> tuple[int | None, bool]:
    """Count the folios of one list; give how many, None if it changed meanwhile, and whether there are more."""
    seen = 0
    while entry != head:
        if seen >= most:
            return seen, True
        folio = structures.folio(entry)
        # Taken off the list while it was walked: what follows belongs to another.
        if folio.css != css or not tallies.add(folio):
            return None, False
        seen += 1
        entry = folio.next
    return seen, False


class Files:
    """What mappings belong to. Paths are remembered, for many cgroups may share a log."""

    def __init__(self, structures: Structures) -> None:
        """Remember nothing yet."""
        self._structures = structures
        self._program = structures.program
        self._paths: dict[tuple[int, int], tuple[int, tuple[str, ...]]] = {}
        union = self._program.type("struct dentry").has_member("d_u")
        self._alias = "d_u.d_alias" if union else "d_alias"  # since 7.x

    def backing(self, mapping: int) -> _Backing:
        """Say what the pages of a mapping belong to; 0: none.

        Raises:
            drgn.FaultError: it was freed meanwhile.

        """
        if mapping and not mapping & _KIND_BITS:
            return self._file(mapping)
        if mapping & _KIND_BITS == _ANONYMOUS:
            pid, comm = self._anonymous_owner(mapping & ~_KIND_BITS)
            return _Backing(pid=pid, comm=comm)
        return _Backing()

    def _file(self, address: int) -> _Backing:
        mapping = drgn.Object(self._program, "struct address_space *", address)
        inode = mapping.host[0].read_()
        block = inode.i_sb
        number = inode.i_ino.value_()
        node = mapping.i_mmap.rb_leftmost.read_()
        pid, comm = self._owner(container_of(node, "struct vm_area_struct", "shared.rb")) if node else (0, "")
        form, path = self._path(address, number, inode)
        return _Backing(
            inode=number,
            magic=block.s_magic.value_(),
            backing=block.s_bdi.value_(),
            device=block.s_dev.value_(),
            special_device=inode.i_rdev.value_(),
            links=inode.member_("__i_nlink").value_(),
            mapped=int(bool(node)),
            pid=pid,
            comm=comm,
            form=form,
            path=path,
        )

    def _path(self, mapping: int, number: int, inode: Any) -> tuple[int, tuple[str, ...]]:  # noqa: ANN401 - as above
        """Give what the path is and its names, from the file's name upwards."""
        known = self._paths.get((mapping, number))
        if known is not None:
            return known
        alias = inode.i_dentry.first
        if not alias:
            return raw_census.DETACHED, ()
        top = inode.i_sb.s_root.read_()
        entry = container_of(alias, "struct dentry", self._alias)
        names: list[str] = []
        form = raw_census.TOO_DEEP
        while len(names) < MAX_LEVELS:
            if entry == top:
                form = raw_census.WHOLE
                break
            names.append(self._structures.name_at(entry.d_name.name))
            parent = entry.d_parent.read_()
            if parent in (NULL(self._program, parent.type_), entry):
                form = raw_census.DETACHED
                break
            entry = parent
        self._paths[mapping, number] = form, tuple(names)
        return form, tuple(names)

    def _anonymous_owner(self, address: int) -> tuple[int, str]:
        try:
            node = drgn.Object(self._program, "struct anon_vma *", address).rb_root.rb_leftmost.read_()
            return self._owner(container_of(node, "struct anon_vma_chain", "rb").vma) if node else (0, "")
        except drgn.FaultError:
            return 0, ""

    def _owner(self, area: Any) -> tuple[int, str]:  # noqa: ANN401 - as above
        """Give whose memory map an area belongs to, which may be gone at any moment."""
        try:
            task = area.vm_mm.owner.read_()
            return (task.tgid.value_(), _text(task.comm)) if task else (0, "")
        except drgn.FaultError:
            return 0, ""


def _text(characters: Any) -> str:  # noqa: ANN401 - as above
    return str(characters.string_().decode("utf-8", "surrogateescape"))
