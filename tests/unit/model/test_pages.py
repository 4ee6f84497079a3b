"""The size of a page, from figures that are printed both in kB and in pages."""

import pytest

from tests.fakes.build import vmstat
from unreclaim.formats.meminfo import MemInfo
from unreclaim.model.pages import infer_page_size

KB = 1024


def sizes(tables: int, mapped: int, anon: int, shmem: int) -> MemInfo:
    """Make /proc/meminfo of the four lines in kB."""
    values = {
        "mem_total_bytes": 2**30,
        "page_tables_bytes": tables * KB,
        "mapped_bytes": mapped * KB,
        "anon_pages_bytes": anon * KB,
        "shmem_bytes": shmem * KB,
    }
    return MemInfo(2**30, values)


PAGES = vmstat(nr_page_table_pages=60, nr_mapped=3670, nr_anon_pages=2900, nr_shmem=10)


@pytest.mark.parametrize(("kb", "size"), [(4, 4096), (16, 16_384), (64, 65_536)])
def test_page_size_is_kb_by_pages(kb: int, size: int) -> None:
    """On x86 and most arm64 a page is 4 kB; arm64 may have 16 or 64, ppc64 has 64."""
    assert infer_page_size(sizes(60 * kb, 3670 * kb, 2900 * kb, 10 * kb), PAGES) == size


def test_two_of_the_figures_that_agree_are_enough() -> None:
    """The files are read one after the other: two figures may have moved by more than a tenth, or be zero."""
    assert infer_page_size(sizes(60 * 4, 3670 * 4, 1, 0), PAGES) == 4096
    assert infer_page_size(sizes(66 * 4 - 1, 3304 * 4, 0, 0), PAGES) == 4096


def test_one_figure_is_not_enough() -> None:
    """One figure that fits may do so by chance."""
    assert infer_page_size(sizes(60 * 4, 5000 * 4, 1, 0), PAGES) is None
    assert infer_page_size(sizes(66 * 4, 3304 * 4, 0, 0), PAGES) is None


def test_no_known_size_fits() -> None:
    """A size that no Linux has (8 kB: alpha, sparc64) is not guessed at."""
    assert infer_page_size(sizes(60 * 8, 3670 * 8, 2900 * 8, 10 * 8), PAGES) is None


def test_without_both_files_it_cannot_be_told() -> None:
    """Each file alone says nothing; nor do figures that are missing."""
    memory = sizes(60 * 4, 3670 * 4, 2900 * 4, 40)
    assert infer_page_size(None, PAGES) is None
    assert infer_page_size(memory, None) is None
    assert infer_page_size(memory, vmstat(nr_mapped=0)) is None
    assert infer_page_size(MemInfo(2**30, {"mem_total_bytes": 2**30}), PAGES) is None
