"""The catalogue: what each field reads from a sample."""

import pytest

from tests.fakes.build import beside, meminfo, sample, v1
from unreclaim.model.fields import FIELDS, Field
from unreclaim.model.sample import Sample

VALUES = {
    "meminfo.sunreclaim_bytes": 101_000,
    "meminfo.sreclaimable_bytes": 102_000,
    "meminfo.percpu_bytes": 103_000,
    "meminfo.kernel_stack_bytes": 104_000,
    "meminfo.page_tables_bytes": 105_000,
    "meminfo.vmalloc_used_bytes": 106_000,
    "meminfo.shmem_bytes": 107_000,
    "meminfo.mem_available_bytes": 108_000,
    # MemTotal 1,000,000 less 101 to 105 and 107 thousand, less vmalloc without the stacks (2,000), and nothing else.
    "ledger.unaccounted_bytes": 1_000_000 - 622_000 - 2_000,
    "cgroups.memory.live": 40,
    "cgroups.memory.dying": 23,
    "cgroups.unified.dying": 61,
}
PLAIN = {name.removeprefix("meminfo."): size for name, size in VALUES.items() if name.startswith("meminfo.")}
NOTHING_ELSE = dict.fromkeys(
    ("mem_free_bytes", "buffers_bytes", "cached_bytes", "anon_pages_bytes", "kreclaimable_bytes")
)
SAMPLE = sample(v1(23), beside(61), memory=meminfo(mem_total_bytes=1_000_000, **PLAIN, **NOTHING_ELSE))
each_field = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.id)


def test_every_field_reads_its_own_figure() -> None:
    """Each field gives the one figure that it is named for, in the catalogue's order."""
    assert {field.id: field.read(SAMPLE) for field in FIELDS} == VALUES
    assert [field.id for field in FIELDS] == list(VALUES)


def test_no_field_reads_zero_for_unknown() -> None:
    """Of a sample in which nothing was read every field gives None; of one that lacks a line, that field does."""
    assert [field.read(Sample()) for field in FIELDS] == [None] * len(FIELDS)
    without = sample(v1(23), beside(61), memory=meminfo(**dict.fromkeys(PLAIN)))
    missing = [field.id for field in FIELDS if field.read(without) is None]
    assert missing == [f"meminfo.{name}" for name in PLAIN]


def test_zero_is_zero() -> None:
    """What the kernel says is 0 is read as 0."""
    zeros = sample(v1(0), beside(0), memory=meminfo(**dict.fromkeys(PLAIN, 0)))
    nulls = {field.id for field in FIELDS if field.read(zeros) == 0}
    assert nulls == set(VALUES) - {"ledger.unaccounted_bytes", "cgroups.memory.live"}


@each_field
def test_metric_says_what_it_is(field: Field) -> None:
    """A metric is named as Prometheus asks (prefix, base unit last) and says its unit, kind, help and source."""
    if field.unit == "bytes":
        assert field.metric.endswith("_bytes")
        assert field.id.endswith("_bytes")
    else:
        assert field.unit == "cgroups"
        assert "_cgroups_" in field.metric
    assert field.metric.startswith("unreclaim_")
    assert field.metric.replace("_", "").isalnum()
    assert field.kind == "gauge"
    assert field.title == field.title.strip() != ""
    assert field.help.endswith(".")
    assert field.source


def test_names_are_unique() -> None:
    """No two fields share an id or a metric."""
    assert len({field.id for field in FIELDS}) == len({field.metric for field in FIELDS}) == len(FIELDS)
