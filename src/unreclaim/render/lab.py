"""Experiments of the laboratory as text and as JSON."""

import msgspec

from unreclaim.base.units import format_bytes, format_count, format_duration, format_number_of
from unreclaim.model.diagnosis import Span
from unreclaim.model.lab import Comparison, Difference, Each, Moment, Reproduction
from unreclaim.render.as_json import gaps_document
from unreclaim.render.as_text import not_seen, printable, wrap

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLOT_COLUMNS = 45
_WORDS = {True: "AS EXPECTED", False: "NOT AS EXPECTED", None: "CANNOT TELL"}


def reproduction_text(made: Reproduction) -> str:
    """Write what a reproducer made: what was done, whether the outcome is the expected one, how it went, the cost."""
    blocks = [
        wrap(f"{made.title}: {_done(made)}"),
        "\n".join([wrap(f"{_WORDS[made.agrees]}: {_left(made)}"), *(wrap(line, indent=2) for line in _why(made))]),
        moments_text(made.moments),
        "\n".join(["Cost", *(wrap(line, indent=2) for line in _costs(made))]),
        not_seen(made.gaps),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _done(made: Reproduction) -> str:
    fewer = f" of {format_count(made.asked)}, then {made.cut_short}" if made.cut_short else ""
    number = format_number_of(made.made, "memory cgroup", "memory cgroups")
    return (
        f"{number} on v{made.terms.version} in {format_duration(made.seconds)}{fewer}; "
        f"in each a process {made.does} and ended"
    )


def _left(made: Reproduction) -> str:
    dying = "an unknown number" if made.dying is None else format_count(made.dying)
    live = f", {format_count(made.live)} are live" if made.live else ""
    low, high = (round(bound * made.made) for bound in (made.expected.low, made.expected.high))
    if low != high:
        wanted = f"{format_count(low)} to {format_count(high)} were to be"
        return f"{dying} of {format_count(made.made)} are dying, and {wanted}{live}"
    wanted = "" if made.agrees else f"; {format_count(low)} were to be"
    return f"{dying} of {format_count(made.made)} are dying{live}{wanted}"


def _why(made: Reproduction) -> list[str]:
    shared = ", where other cgroups come and go too" if made.shared else ""
    return [made.expected.why, f"counted by {made.source}{shared}"]


def _costs(made: Reproduction) -> list[str]:
    if not (made.dying or made.live):
        return ["nothing is left that could cost anything"]
    lines = [
        *_cost("SUnreclaim", made.slab, made.model.slab),
        *_cost("Percpu", made.percpu, made.model.percpu),
    ]
    if not all(each is None or each.told for each in (made.slab, made.percpu)):
        lines.append(
            "what one costs cannot be told by that: the kernel first fills slabs and per-CPU pages that are partly "
            "free, and others take and free memory meanwhile. On a quiet host --count 2000 or more tells"
        )
    return lines


def _cost(name: str, each: Each | None, model: Span | None) -> list[str]:
    if each is None:
        return [f"{name}: not shown by this kernel"]
    by_model = f"; one costs about {format_bytes(model.middle)} by the model" if model else ""
    return [f"{name}: {_span(each.span)} of new memory each{by_model}"]


def _span(span: Span) -> str:
    return f"{format_bytes(span.middle)} ({format_bytes(span.low)} to {format_bytes(span.high)})"


def moment_line(moment: Moment, first: Moment) -> str:
    """Write one reading as a line, for a log or a pipe."""
    dying = "unknown" if moment.dying is None else format_count(moment.dying)
    parts = [f"{moment.seconds:6.1f} s  made {format_count(moment.made):>6}  dying {dying:>6}"]
    for name, field in (("SUnreclaim", "sunreclaim_bytes"), ("Percpu", "percpu_bytes")):
        start, now = getattr(first, field), getattr(moment, field)
        if start is not None and now is not None:
            parts.append(f"{name} {_signed(now - start):>8}")
    return "  ".join(parts) + "\n"


def moments_text(moments: tuple[Moment, ...]) -> str:
    """Plot how the figures went, one line of blocks each; empty before there are two readings."""
    if len(moments) < 2:
        return ""
    lines = [_plot("made", [moment.made for moment in moments], format_count(moments[-1].made))]
    dying = [moment.dying for moment in moments if moment.dying is not None]
    if dying:
        lines.append(_plot("dying", dying, format_count(dying[-1])))
    for name, field in (("SUnreclaim", "sunreclaim_bytes"), ("Percpu", "percpu_bytes")):
        values = [value for moment in moments if (value := getattr(moment, field)) is not None]
        if values:
            lines.append(_plot(name, values, _signed(values[-1] - values[0])))
    return "\n".join(lines)


def _plot(name: str, values: list[int], last: str) -> str:
    step = max(1, -(-len(values) // _PLOT_COLUMNS))
    # The last one of each group, so that the end of the line is the last reading.
    shown = values[::-1][::step][::-1]
    low, high = min(shown), max(shown)
    blocks = "".join(_BLOCKS[(value - low) * (len(_BLOCKS) - 1) // ((high - low) or 1)] for value in shown)
    return f"  {name:<11}{blocks}  {last}"


def _signed(size: int) -> str:
    return f"{'+' if size >= 0 else ''}{format_bytes(size)}"


def reproduction_document(made: Reproduction) -> dict[str, object]:
    """Build the document of ``unreclaim lab reproduce --json``."""
    return {
        "schema": "unreclaim.lab/1",
        "experiment": "reproduce",
        "kind": made.kind,
        "title": made.title,
        "cgroup": made.cgroup,
        "cgroup_version": made.terms.version,
        "lru_reparenting": made.terms.pages_reparented,
        "kernel_memory_reparenting": made.terms.kernel_objects_reparented,
        "asked": made.asked,
        "made": made.made,
        "cut_short": made.cut_short,
        "seconds": round(made.seconds, 2),
        "expected": {
            "dying_low_each": made.expected.low,
            "dying_high_each": made.expected.high,
            "why": made.expected.why,
        },
        "dying": made.dying,
        "live": made.live,
        "source": made.source,
        "shared": made.shared,
        "agrees": made.agrees,
        "slab": _each_document(made.slab, made.model.slab),
        "percpu": _each_document(made.percpu, made.model.percpu),
        "readings": [msgspec.to_builtins(moment) for moment in made.moments],
        "gaps": gaps_document(made.gaps),
    }


def _each_document(each: Each | None, model: Span | None) -> dict[str, object]:
    span = each.span if each else None
    return {
        "bytes_each": span.middle if span else None,
        "low_bytes_each": span.low if span else None,
        "high_bytes_each": span.high if span else None,
        "told": each.told if each else False,
        "model_bytes_each": model.middle if model else None,
    }


def clean_document(removed: tuple[str, ...]) -> dict[str, object]:
    """Build the document of ``unreclaim lab clean --json``."""
    return {"schema": "unreclaim.lab/1", "experiment": "clean", "removed": list(removed)}


def comparison_text(found: Comparison) -> str:
    """Write a comparison: the conclusions, then what each batch made."""
    lines = [wrap(found.conclusions[0].upper()[:1] + found.conclusions[0][1:])]
    lines += [wrap(sentence, indent=2) for sentence in found.conclusions[1:]]
    lines += ["", wrap(f"{format_number_of(found.starts, 'start', 'starts')} of each, in turns; {found.system}"), ""]
    labels = [printable(label) for label in found.labels]
    width = max(map(len, labels))
    lines.append(f"  {'':<{width}}  starts  seconds  cgroups  left dying  SUnreclaim    Percpu")
    for batch in found.batches:
        label = labels[batch.second]
        left = "?" if batch.left is None else format_count(batch.left)
        sizes = (_signed(size) if size is not None else "?" for size in (batch.sunreclaim_bytes, batch.percpu_bytes))
        slab, percpu = sizes
        lines.append(
            f"  {label:<{width}}  {format_count(batch.starts):>6}  {batch.seconds:>7.1f}  "
            f"{format_count(batch.made):>7}  {left:>10}  {slab:>10}  {percpu:>8}"
        )
    lines += ["", *(wrap(f"Not seen: {gap.what} ({gap.why})") for gap in found.gaps)] if found.gaps else []
    return "\n".join(lines) + "\n"


def comparison_document(found: Comparison) -> dict[str, object]:
    """Build the document of ``unreclaim lab compare --json``."""
    return {
        "schema": "unreclaim.lab/1",
        "experiment": "compare",
        "units": list(found.labels),
        "starts": found.starts,
        "system": found.system,
        "cgroups_per_start": _difference_document(found.made),
        "left_dying_per_start": _difference_document(found.left),
        "bytes_per_start": _difference_document(found.bytes),
        "conclusions": list(found.conclusions),
        "batches": [
            {
                "unit": found.labels[batch.second],
                "starts": batch.starts,
                "cgroups": batch.made,
                "left_dying": batch.left,
                "hierarchies": batch.hierarchies,
                "seconds": round(batch.seconds, 2),
                "sunreclaim_bytes": batch.sunreclaim_bytes,
                "percpu_bytes": batch.percpu_bytes,
            }
            for batch in found.batches
        ],
        "gaps": gaps_document(found.gaps),
    }


def _difference_document(found: Difference | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "first": round(found.first, 4),
        "second": round(found.second, 4),
        "difference_low": round(found.low, 4),
        "difference_high": round(found.high, 4),
        "shown": found.shown,
    }
