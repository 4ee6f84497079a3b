"""When growth matters."""

import pytest

from unreclaim.analysis.impact import matters


@pytest.mark.parametrize(
    ("bytes_per_day", "mem_total_bytes", "does"),
    [
        # Half of 7,300 bytes in 730 days are 5 a day.
        (5.0, 7300, False),
        (5.001, 7300, True),
        # 16 GiB: 11.77 MB a day.
        (11_767_033, 2**34, False),
        (11_767_034, 2**34, True),
        (0.0, 7300, False),
        (-100.0, 7300, False),
    ],
)
def test_growth_matters_that_eats_half_of_memory_in_two_years(
    bytes_per_day: float,
    mem_total_bytes: int,
    does: bool,  # noqa: FBT001
) -> None:
    """Below that a host is replaced before anybody notices."""
    assert matters(bytes_per_day, mem_total_bytes) is does
