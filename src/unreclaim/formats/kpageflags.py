"""/proc/kpageflags: for each physical page, what it is. Binary, 8 bytes of flags a page.

Source: Documentation/admin-guide/mm/pagemap.rst "Short descriptions to the page flags";
    include/uapi/linux/kernel-page-flags.h, include/linux/kernel-page-flags.h; stable_page_flags() in fs/proc/page.c
Needs: root and CONFIG_PROC_PAGE_MONITOR; since 2.6.25. The numbers are those of the kernel's interface, not of its
    struct page, and the same in all versions.

Example::

    68 08 00 00 00 00 00 00 00 00 10 00 00 00 00 00
    68 40 00 00 00 00 00 00 28 58 04 00 02 00 00 00
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from itertools import compress

from unreclaim.formats.kpagecgroup import BLOCK_PAGES, Raw, entries

FILE = "/proc/kpageflags"

# The bits that are asked for here; the kernel has more.
UPTODATE = 1 << 3
DIRTY = 1 << 4
LRU = 1 << 5
WRITEBACK = 1 << 8
MAPPED = 1 << 11
ANONYMOUS = 1 << 12
SWAP_BACKED = 1 << 14
COMPOUND_HEAD = 1 << 15
COMPOUND_TAIL = 1 << 16
MLOCKED = 1 << 33

# What a page of a file or of a process has, wherever it is on its way to a list or off it.
_FOLIO = LRU | UPTODATE


def parse_kpageflags(raw: Raw, *, file: str = FILE) -> dict[int, int]:
    """Give the number of pages by their flags, all bits together.

    Raises:
        ParseError: the length is no whole number of entries.

    """
    return dict(Counter(entries(raw, file)))


def count_flags(cgroups: Raw, flags: Raw, wanted: AbstractSet[int], *, file: str = FILE) -> dict[int, dict[int, int]]:
    """Count the pages of certain cgroups by cgroup and flags; both files of the same pages, from a block's start on.

    Older kernels give a large folio's cgroup, or most of its flags, at its first page alone; its other pages count as
    that one does, but for `COMPOUND_TAIL` in the place of `COMPOUND_HEAD`.

    Raises:
        ParseError: the length of either is no whole number of entries.

    """
    owners, kinds = entries(cgroups, file), entries(flags, file)
    counts: Counter[tuple[int, int]] = Counter()
    for start in range(0, min(len(owners), len(kinds)), BLOCK_PAGES):
        owner, kind = owners[start : start + BLOCK_PAGES].tolist(), kinds[start : start + BLOCK_PAGES].tolist()
        mine = Counter(compress(zip(owner, kind, strict=False), map(wanted.__contains__, owner)))
        counts.update(_by_folio(owner, kind, wanted) if _hides_tails(mine) else mine)
    by_cgroup: dict[int, dict[int, int]] = {}
    for (cgroup, flag), pages in counts.items():
        by_cgroup.setdefault(cgroup, {})[flag] = pages
    return by_cgroup


def _hides_tails(counts: Counter[tuple[int, int]]) -> bool:
    """Tell whether a block has large folios whose other pages do not say whose, or what, they are."""
    seen = {flag for _, flag in counts}
    tails = {flag for flag in seen if flag & COMPOUND_TAIL}
    return any(flag & COMPOUND_HEAD for flag in seen) and not (tails and all(flag & _FOLIO for flag in tails))


def _by_folio(owners: list[int], kinds: list[int], wanted: AbstractSet[int]) -> Counter[tuple[int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    head = owner_of_head = 0
    for owner, kind in zip(owners, kinds, strict=False):
        if kind & COMPOUND_TAIL and head & COMPOUND_HEAD and owner in (0, owner_of_head):
            key = (owner_of_head, head & ~COMPOUND_HEAD | COMPOUND_TAIL)
        else:
            head, owner_of_head, key = kind, owner, (owner, kind)
        if key[0] in wanted:
            counts[key] += 1
    return counts
