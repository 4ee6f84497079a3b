"""cgroup.stat."""

import pytest

from tests.unit.formats.refusal import refusal
from unreclaim.formats._tokens import U64_MAX
from unreclaim.formats.cgroup_stat import CgroupStat, parse_cgroup_stat


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        # 4.14 to 6.11
        ("nr_descendants 14\nnr_dying_descendants 23\n", CgroupStat(14, 23)),
        # 6.18 where only three controllers are on the unified hierarchy
        (
            (
                "nr_descendants 0\nnr_subsys_perf_event 1\nnr_subsys_hugetlb 2\n"
                "nr_dying_descendants 0\nnr_dying_subsys_perf_event 3\nnr_dying_subsys_hugetlb 0\n"
            ),
            CgroupStat(0, 0, {"perf_event": 1, "hugetlb": 2}, {"perf_event": 3, "hugetlb": 0}),
        ),
        # 6.12 in a memory cgroup; frozen_usec is of 7.0
        (
            (
                "nr_descendants 17\nnr_subsys_memory 18\nnr_dying_descendants 16\n"
                "nr_dying_subsys_memory 15\nfrozen_usec 4711\n"
            ),
            CgroupStat(17, 16, {"memory": 18}, {"memory": 15}),
        ),
    ],
)
def test_counts_are_read(text: str, stat: CgroupStat) -> None:
    """The parser reads both counts, those by controller where there are any, and leaves the rest aside."""
    assert parse_cgroup_stat(text) == stat


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "nr_descendants or nr_dying_descendants is missing"),
        ("nr_descendants 1\n", 0, "nr_descendants or nr_dying_descendants is missing"),
        ("nr_dying_descendants 1\n", 0, "nr_descendants or nr_dying_descendants is missing"),
        (
            "nr_descendants 1\nnr_dying_descendants\n",
            2,
            "expected a name and a number, found 'nr_dying_descendants'",
        ),
        ("nr_descendants 1\nnr_dying_descendants -1\n", 2, f"expected a number up to {U64_MAX}, found '-1'"),
        ("nr_descendants 1\nnr_descendants 1\n", 2, "'nr_descendants' occurs twice"),
    ],
)
def test_anything_else_is_refused(text: str, line: int, why: str) -> None:
    """The parser refuses lines of another form, and a file without the two counts."""
    assert refusal(parse_cgroup_stat, text) == ("cgroup.stat", line, why)
