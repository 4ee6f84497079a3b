"""Experiments of the laboratory as text."""

from msgspec.structs import replace

from unreclaim.model.diagnosis import DyingCost, Span
from unreclaim.model.gap import Gap
from unreclaim.model.lab import (
    Batch,
    Comparison,
    Difference,
    Each,
    Expectation,
    Moment,
    Reproduction,
    Terms,
)
from unreclaim.render.lab import (
    clean_document,
    comparison_document,
    comparison_text,
    moment_line,
    moments_text,
    reproduction_document,
    reproduction_text,
)

MOMENTS = tuple(Moment(number / 10, number * 50, number * 50, 10**6 * number, 4096) for number in range(5))
MADE = Reproduction(
    kind="page-cache",
    title="page cache, a file each",
    does="wrote a page of a file of its own",
    cgroup="/unreclaim-lab-1-2",
    places=("/a", "/b"),
    terms=Terms(1, pages_reparented=False, kernel_objects_reparented=True),
    asked=200,
    made=200,
    seconds=2.6,
    expected=Expectation(1, 1, "because"),
    dying=200,
    live=0,
    source="somebody",
    shared=False,
    agrees=True,
    slab=Each(Span(5_000, 4_000, 6_000), told=False),
    percpu=Each(Span(4_200, 4_100, 4_300), told=True),
    model=DyingCost(Span(12_864, 1, 2), Span(4_224, 1, 2), None, None, None, "somewhere"),
    moments=MOMENTS,
)
WHOLE = """page cache, a file each: 200 memory cgroups on v1 in 3 seconds; in each a process wrote a page of a
  file of its own and ended

AS EXPECTED: 200 of 200 are dying
  because
  counted by somebody

  made       ▁▂▄▆█  200
  dying      ▁▂▄▆█  200
  SUnreclaim ▁▂▄▆█  +4.0 MB
  Percpu     ▁▁▁▁▁  +0 B

Cost
  SUnreclaim: 5.0 kB (4.0 kB to 6.0 kB) of new memory each; one costs about 13 kB by the model
  Percpu: 4.2 kB (4.1 kB to 4.3 kB) of new memory each; one costs about 4.2 kB by the model
  what one costs cannot be told by that: the kernel first fills slabs and per-CPU pages that are
    partly free, and others take and free memory meanwhile. On a quiet host --count 2000 or more
    tells
"""


def test_a_reproduction_is_told_verdict_first() -> None:
    """What was done, whether it came out as it must, how it went, and what it cost with what cannot be told."""
    assert reproduction_text(MADE) == WHOLE


def lines(made: Reproduction) -> list[str]:
    """Give the text in lines."""
    return reproduction_text(made).splitlines()


def test_what_did_not_come_out_names_what_was_to_be() -> None:
    """The number that was expected is said beside the one that was seen."""
    made = replace(MADE, dying=4, agrees=False, shared=True, cut_short="the time was over", asked=300)
    assert lines(made)[0] == (
        "page cache, a file each: 200 memory cgroups on v1 in 3 seconds of 300, then the time was over; in"
    )
    assert lines(made)[3:6] == [
        "NOT AS EXPECTED: 4 of 200 are dying; 200 were to be",
        "  because",
        "  counted by somebody, where other cgroups come and go too",
    ]


def test_what_cannot_be_told_is_said() -> None:
    """No count, an expectation with bounds, a kernel without Percpu, and why BPF did not work."""
    gaps = (Gap("names", "no BPF", "run as root"), Gap("x", "y"))
    expected = Expectation(0, 1, "because")
    made = replace(MADE, dying=None, live=200, agrees=None, expected=expected, percpu=None, moments=(), gaps=gaps)
    assert lines(made)[3] == ("CANNOT TELL: an unknown number of 200 are dying, and 0 to 200 were to be, 200 are live")
    assert lines(made)[7:] == [
        "Cost",
        "  SUnreclaim: 5.0 kB (4.0 kB to 6.0 kB) of new memory each; one costs about 13 kB by the model",
        "  Percpu: not shown by this kernel",
        "  what one costs cannot be told by that: the kernel first fills slabs and per-CPU pages that are",
        "    partly free, and others take and free memory meanwhile. On a quiet host --count 2000 or more",
        "    tells",
        "",
        "Not seen",
        "  names: no BPF; run as root",
        "  x: y",
    ]


def test_what_left_nothing_cost_nothing() -> None:
    """Without a cgroup that is left there is nothing to share out."""
    made = replace(MADE, dying=0, expected=Expectation(0, 0, "because"), slab=None, percpu=None)
    assert lines(made)[3] == "AS EXPECTED: 0 of 200 are dying"
    assert lines(made)[-2:] == ["Cost", "  nothing is left that could cost anything"]


def test_what_is_told_needs_no_excuse() -> None:
    """With enough of them there is no remark; a model without Percpu is not cited."""
    told = Each(Span(12_000, 11_000, 13_000), told=True)
    made = replace(MADE, slab=told, percpu=told, model=replace(MADE.model, percpu=None))
    assert lines(made)[-2:] == [
        "  SUnreclaim: 12 kB (11 kB to 13 kB) of new memory each; one costs about 13 kB by the model",
        "  Percpu: 12 kB (11 kB to 13 kB) of new memory each",
    ]


def test_a_reading_is_a_line() -> None:
    """Without a terminal each reading is a line; what is not known is said or left out."""
    first = Moment(0, 0, 0, 10**6, None)
    assert moment_line(Moment(1.25, 50, 49, 1_640_000, None), first) == (
        "   1.2 s  made     50  dying     49  SUnreclaim  +640 kB\n"
    )
    assert moment_line(Moment(1.25, 50, None, 360_000, 1), first) == (
        "   1.2 s  made     50  dying unknown  SUnreclaim  -640 kB\n"
    )


def test_a_plot_fits_and_ends_with_the_last_reading() -> None:
    """More readings than columns are thinned out; figures that are not known have no line; one reading is no plot."""
    many = tuple(Moment(0, number, None, None, None) for number in range(91))
    (line,) = moments_text(many).splitlines()
    assert line == "  made       ▁▁▁▁▁▂▂▂▂▃▃▃▃▄▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇█  90"
    assert moments_text(many[:1]) == ""


COMPARED = Comparison(
    ("Type=exec", "Type=simple"),
    50,
    "systemd 252 on Debian bookworm in a container",
    Difference(1.0, 1.0, -0.06, 0.06),
    Difference(0.02, 0, -0.06, 0.1),
    None,
    ("no difference in cgroups per start: 1.00 vs 1.00, 100 starts", "no difference in what is left"),
    (Batch(False, 50, 50, 1, 3, 1.94, -16_000, 0), Batch(True, 50, 50, None, 3, 1.0)),  # noqa: FBT003
)


def test_one_is_no_plural() -> None:
    """One cgroup and one start are written so."""
    assert lines(replace(MADE, made=1))[0].startswith("page cache, a file each: 1 memory cgroup on v1 in ")
    assert "\n1 start of each, in turns; " in comparison_text(replace(COMPARED, starts=1))


def test_a_comparison_is_told_conclusions_first() -> None:
    """The sentences, then what each batch made; what is not known is a question mark."""
    assert comparison_text(COMPARED) == (
        "No difference in cgroups per start: 1.00 vs 1.00, 100 starts\n"
        "  no difference in what is left\n\n"
        "50 starts of each, in turns; systemd 252 on Debian bookworm in a container\n\n"
        "               starts  seconds  cgroups  left dying  SUnreclaim    Percpu\n"
        "  Type=exec        50      1.9       50           1      -16 kB      +0 B\n"
        "  Type=simple      50      1.0       50           ?           ?         ?\n"
    )
    text = comparison_text(replace(COMPARED, gaps=(Gap("bytes", "no memory cgroups"),)))
    assert text.endswith("?\n\nNot seen: bytes (no memory cgroups)\n")


def test_a_comparison_names_the_unit_of_each_batch() -> None:
    """In JSON each batch has its unit's name, and what is not known is null."""
    document = comparison_document(COMPARED)
    assert (document["schema"], document["experiment"]) == ("unreclaim.lab/1", "compare")
    assert document["bytes_per_start"] is None
    assert document["cgroups_per_start"] == {
        "first": 1.0,
        "second": 1.0,
        "difference_low": -0.06,
        "difference_high": 0.06,
        "shown": False,
    }
    batches = document["batches"]
    assert isinstance(batches, list)
    assert [(batch["unit"], batch["left_dying"]) for batch in batches] == [("Type=exec", 1), ("Type=simple", None)]


def test_documents_name_their_experiment() -> None:
    """The same schema holds every experiment; seconds are rounded."""
    document = reproduction_document(MADE)
    assert (document["schema"], document["experiment"], document["seconds"]) == ("unreclaim.lab/1", "reproduce", 2.6)
    assert document["readings"] == [
        {"seconds": at.seconds, "made": at.made, "dying": at.dying, "sunreclaim_bytes": at.sunreclaim_bytes}
        | {"percpu_bytes": at.percpu_bytes}
        for at in MOMENTS
    ]
    assert clean_document(("/x",)) == {"schema": "unreclaim.lab/1", "experiment": "clean", "removed": ["/x"]}
