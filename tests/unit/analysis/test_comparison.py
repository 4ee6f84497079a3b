"""Two units compared by what each start makes and leaves."""

import pytest

from unreclaim.analysis.comparison import compare, in_turns, share_starts
from unreclaim.model.gap import Gap
from unreclaim.model.lab import Batch, Comparison, Difference

SEEN = "one of more than 0.015 would have been seen"
LABELS = ("Type=exec", "Type=simple")


def batches(
    ours: tuple[int, ...], theirs: tuple[int, ...], starts: int = 50, left: tuple[int, int] = (0, 0)
) -> tuple[Batch, ...]:
    """Give rounds of two batches."""
    return tuple(
        Batch(second, starts, made, left[second], 1, 0.5)
        for one, other in zip(ours, theirs, strict=True)
        for second, made in ((False, one), (True, other))
    )


def rounded(found: Difference) -> tuple[float, float, float, float]:
    """Give a difference to four digits."""
    return (round(found.first, 4), round(found.second, 4), round(found.low, 4), round(found.high, 4))


def test_the_same_in_every_start_is_no_difference() -> None:
    """200 starts of each with one cgroup: none, to what three starts in 200 would have shown."""
    found = compare(LABELS, "systemd 252", batches((50,) * 4, (50,) * 4), (Gap("bytes", "none"),))
    assert found == Comparison(
        LABELS,
        200,
        "systemd 252",
        Difference(1.0, 1.0, -0.015, 0.015),
        Difference(0.0, 0.0, -0.015, 0.015),
        None,
        (
            f"no difference in cgroups per start: 1.00 vs 1.00, 400 starts; {SEEN}",
            f"no difference in cgroups left dying per start: 0.00 vs 0.00, 400 starts; {SEEN}",
        ),
        batches((50,) * 4, (50,) * 4),
        (Gap("bytes", "none"),),
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        (100, 50, "Type=exec has more cgroups per start than Type=simple: 2.00 vs 1.00, 400 starts; by 0.98 to 1.01"),
        (50, 100, "Type=simple has more cgroups per start than Type=exec: 1.00 vs 2.00, 400 starts; by 0.98 to 1.01"),
    ],
)
def test_twice_as_many_is_a_difference(ours: int, theirs: int, sentence: str) -> None:
    """The one that makes more comes first, whichever it is."""
    found = compare(LABELS, "", batches((ours,) * 4, (theirs,) * 4))
    assert found.conclusions[0] == sentence
    assert found.made.shown


def test_batches_that_scatter_widen_the_interval() -> None:
    """Variance is Poisson's times what the batches show: 10, 30, 10, 30 of 50 have chi-squared 20 with 3 to share.

    The rate is 0.4; 20 / 3 x 0.4 / 200 x 1.96 squared is the half width's square.
    """
    found = compare(LABELS, "", batches((10, 30, 10, 30), (20,) * 4))
    half = 1.959964 * (20 / 3 * 0.4 / 200) ** 0.5
    assert rounded(found.made) == (0.4, 0.4, round(-half, 4), round(half, 4))
    assert not found.made.shown


def test_one_batch_of_each_counts_as_poisson() -> None:
    """Without a second batch there is nothing to tell the scatter by."""
    found = compare(LABELS, "", batches((50,), (50,)))
    half = 1.959964 * (2 * 1 / 50) ** 0.5
    assert rounded(found.made) == (1.0, 1.0, round(-half, 4), round(half, 4))


def test_what_is_left_is_compared_too() -> None:
    """A unit that leaves one of each start's cgroups behind stands out."""
    found = compare(LABELS, "", batches((50,) * 4, (50,) * 4, left=(50, 0)))
    assert found.conclusions[1] == (
        "Type=exec has more cgroups left dying per start than Type=simple: 1.00 vs 0.00, 400 starts; by 0.98 to 1.01"
    )


def test_several_hierarchies_are_said() -> None:
    """On v1 each start makes a cgroup in each of them."""
    many = tuple(Batch(second, 50, 50, 0, 4, 0.5) for second in (False, True))
    assert "1.00 vs 1.00 in each of 4 hierarchies, 100 starts" in compare(LABELS, "", many).conclusions[0]


def test_without_memory_cgroups_nothing_is_left_dying_nor_said_to_be() -> None:
    """Cgroups without the controller are counted; that none is dying would say nothing."""
    found = compare(LABELS, "", tuple(Batch(second, 50, 50, None, 1, 0.5) for second in (False, True)))
    assert (found.left, found.bytes, len(found.conclusions)) == (None, None, 1)


def with_bytes(ours: tuple[int | None, ...], theirs: tuple[int | None, ...]) -> tuple[Batch, ...]:
    """Give batches of one start with so many bytes of slab, and 100 of per-CPU memory where it is shown."""
    return tuple(
        Batch(second, 1, 1, 0, 1, 0.5, size, None if second else 100)
        for one, other in zip(ours, theirs, strict=True)
        for second, size in ((False, one), (True, other))
    )


def test_bytes_are_compared_round_by_round() -> None:
    """Differences 1000, 1100 and 1200: mean 1100, t of 2 degrees of freedom 4.303, standard error 57.7."""
    found = compare(LABELS, "", with_bytes((10_900, 21_000, 31_100), (10_000, 20_000, 30_000)))
    assert found.bytes is not None
    assert rounded(found.bytes) == (21_100.0, 20_000.0, round(1100 - 4.303 * 100 / 3**0.5, 4), 1348.4338)
    assert found.conclusions[2] == (
        "Type=exec takes more bytes per start than Type=simple: 21 kB vs 20 kB, 6 starts; the difference is 852 B to "
        "1.3 kB"
    )


def test_bytes_that_scatter_show_nothing() -> None:
    """An interval around zero is told as such; the other one may be the dearer."""
    found = compare(LABELS, "", with_bytes((0, 10_000), (10_000, 0)))
    assert found.conclusions[2] == (
        "no difference in bytes per start was seen: 5.1 kB vs 5.0 kB, 4 starts; it is between -127 kB to 127 kB"
    )
    found = compare(LABELS, "", with_bytes((1_000, 1_000), (9_000, 9_000)))
    assert found.conclusions[2].startswith("Type=simple takes more bytes per start than Type=exec: 1.1 kB vs 9.0 kB")


@pytest.mark.parametrize(("ours", "theirs"), [((1,), (2,)), ((1, None), (2, 2)), ((1, 1), (2, None))])
def test_bytes_that_are_missing_are_not_compared(ours: tuple[int | None, ...], theirs: tuple[int | None, ...]) -> None:
    """One round, or one reading that is missing, gives no figure."""
    found = compare(LABELS, "", with_bytes(ours, theirs))
    assert (found.bytes, len(found.conclusions)) == (None, 2)


def test_neither_is_always_the_first() -> None:
    """The order turns from round to round; starts are shared out to the last one."""
    assert in_turns(3) == (False, True, True, False, False, True)
    assert share_starts(23, 4) == (5, 6, 6, 6)
    assert sum(share_starts(200, 7)) == 200
