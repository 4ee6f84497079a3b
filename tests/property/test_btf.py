"""Whatever is cut out of a blob of the kernel's types, or flipped in it, a value or a ParseError comes of it."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import skip_unless_forced
from tests.unit.formats.test_btf import NAMES, NUMBER, OUTER, blob, record, structure
from unreclaim.base.errors import ParseError
from unreclaim.formats.btf import FILE, parse_btf

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAMPLE = blob(NUMBER, OUTER, record(6, "bits", 4, 0, 1, 0, 2, parts=2), structure("inner", 64, ("deep", 0), ("", 64)))
WANTED = ("outer", "outer.second", "inner", "inner.deep", "absent")


def damage(raw: bytes, flips: list[tuple[int, int]], length: int) -> bytes:
    """Flip bits, each told by its place among the first bytes and its number, and cut what lies behind a length."""
    damaged = bytearray(raw)
    for place, bit in flips:
        damaged[place % len(raw)] ^= 1 << bit
    return bytes(damaged[:length])


def is_read_or_refused(raw: bytes) -> None:
    """Parse with and without names; nothing but a ParseError is raised, and both ways agree on what they find."""
    some = every = None
    with contextlib.suppress(ParseError):
        some = parse_btf(raw, WANTED)
    with contextlib.suppress(ParseError):
        every = parse_btf(raw)
    if every is not None:
        assert min(every.values(), default=0) >= 0
    if some is not None and every is not None:
        assert some.keys() <= every.keys()


FLIPS = st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 7)), max_size=6)


@unhurried
@given(FLIPS, st.integers(0, len(SAMPLE)))
def test_damaged_blobs_are_read_or_refused(flips: list[tuple[int, int]], length: int) -> None:
    """A blob with a few bits flipped, or cut off, is read or refused."""
    is_read_or_refused(damage(SAMPLE, flips, length))
    is_read_or_refused(damage(SAMPLE, flips, len(SAMPLE)))


@unhurried
@given(st.binary(max_size=400), st.binary(max_size=60))
def test_any_types_and_names_are_read_or_refused(types: bytes, names: bytes) -> None:
    """Any bytes behind a good header are read or refused."""
    is_read_or_refused(blob(types, names=names))
    is_read_or_refused(blob(types[: len(types) // 4 * 4], names=NAMES))


@pytest.mark.live
@settings(unhurried, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(24, 4_000_000), st.integers(0, 7)), min_size=1, max_size=20),
    st.sampled_from([1.0, 1.0, 0.99, 0.5]),
)
def test_this_kernels_blob_damaged_is_read_or_refused(flips: list[tuple[int, int]], part: float) -> None:
    """The real blob with bits of its types flipped, or cut off, is read or refused."""
    if not Path(FILE).exists():
        skip_unless_forced("this kernel has no BTF")
    raw = Path(FILE).read_bytes()
    with contextlib.suppress(ParseError):
        parse_btf(damage(raw, flips, int(len(raw) * part)), ("cgroup", "mem_cgroup", "mem_cgroup.vmstats", "absent"))
