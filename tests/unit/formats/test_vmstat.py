"""/proc/vmstat."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.vmstat import VmStat, parse_vmstat

FILE = "/proc/vmstat"


@pytest.mark.parametrize(
    ("text", "counters"),
    [
        (  # 4.15
            "nr_free_pages 492756\nnr_page_table_pages 58\nnr_kernel_stack 752\nswap_ra_hit 0\n",
            {"nr_free_pages": 492_756, "nr_page_table_pages": 58, "nr_kernel_stack": 752, "swap_ra_hit": 0},
        ),
        (  # 6.18, which prints nr_unstable last; and an underflow, which the kernel prints as it is
            "nr_free_pages 947982\nnr_zspages 2\nnr_dirtied 18446744073709551615\nnr_unstable 0\n",
            {
                "nr_free_pages": 947_982,
                "nr_zspages": 2,
                "nr_dirtied": U64_MAX,
                "nr_unstable": 0,
            },
        ),
    ],
)
def test_every_counter_is_kept(text: str, counters: dict[str, int]) -> None:
    """The parser keeps all counters by the kernel's names."""
    assert parse_vmstat(text) == VmStat(counters)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "the file is empty"),
        ("nr_free_pages 1\nnr_mlock\n", 2, "expected a name and a number, found 'nr_mlock'"),
        ("nr_free_pages 1\nnr_mlock -1\n", 2, f"expected a number up to {U64_MAX}, found '-1'"),
        ("nr_mlock 1\nnr_mlock 1\n", 2, "'nr_mlock' occurs twice"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses an empty file and lines of another form."""
    assert refusal(parse_vmstat, text) == (FILE, line, why)
