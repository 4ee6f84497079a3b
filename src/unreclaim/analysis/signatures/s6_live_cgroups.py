"""S6: live cgroups pile up, because something makes them and never removes them.

What it detects
---------------
Directories grow and nothing is dying: scopes of mounts that were never cleaned up (``run-r*.scope`` of kubelet's
transient mounts), sessions stuck in closing, a runtime whose rmdir failed. Each live cgroup costs more than a dying one
and can be removed by hand.

Evidence and thresholds
-----------------------
At least 500 children with names of one shape in one directory, or at least 20 more live cgroups within the window while
the number never fell; and fewer than half as many are dying. 500 is far above a busy node's (some 250 pods of a few
cgroups each, spread over their own directories).

What looks like it
------------------
A node with many pods: names of many shapes, in many directories. Dying cgroups: S1.

Confirm
-------
``ls -d DIRECTORY/*/ | wc -l`` twice, minutes apart; ``systemctl list-units --type=scope | wc -l``.

Recover
-------
Stop the abandoned units (``systemctl stop 'run-r*.scope'``; units of other names may be containers at work, so look at
each), end stuck sessions (``loginctl terminate-session``), or
remove empty cgroups (rmdir refuses one that is in use). No reboot is needed.

Prevent
-------
Find what makes them by the shape of their names; newer systemd removes scopes of failed mounts (232, 237).

References
----------
- https://github.com/kubernetes/kubernetes/issues/70324
- https://github.com/kubernetes/kubernetes/issues/64137
- https://github.com/systemd/systemd/issues/8015
"""

import re
import shlex
from collections import Counter
from itertools import chain, takewhile, zip_longest

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.growth import monotone, read_points
from unreclaim.base.units import format_bytes, format_count
from unreclaim.model.cgroups import Crowd
from unreclaim.model.fields import FIELDS
from unreclaim.model.finding import Confidence, Finding, Severity

_CROWD = 500
_MORE = 20
_SHOWN = 3
_ONE_SHAPE = 0.8
_VARIABLE = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


def detect(evidence: Evidence) -> Finding | None:
    """Find live cgroups that pile up while nothing is dying."""
    count = evidence.memory or evidence.unified
    if count is None or count.live is None or (count.dying or 0) * 2 > count.live:
        return None
    crowds = [(crowd, shape) for crowd in _crowds(evidence) if (shape := common_shape(crowd)) is not None]
    rate = evidence.growth.rates.get("cgroups.memory.live")
    growing = rate is not None and rate.rising and rate.change >= _MORE and _never_fell(evidence)
    if not crowds and not growing:
        return None
    dying = "it is not known how many" if count.dying is None else format_count(count.dying)
    lines = [f"{format_count(count.live)} cgroups are live and {dying} are dying"]
    lines += [
        f"{format_count(crowd.children)} of them in {crowd.path}, named like {shape}"
        for crowd, shape in crowds[:_SHOWN]
    ]
    if len(crowds) > _SHOWN:
        lines.append(f"and {len(crowds) - _SHOWN} or more other directories like these")
    if growing and rate is not None:
        lines.append(f"{format_count(rate.change)} more within {evidence.growth.window_seconds:.0f} seconds")
    if evidence.memory is not None:
        size = format_bytes(count.live * evidence.cost.bytes_each)
        lines.append(
            f"they take about {size} of kernel memory, or more: a live one costs what a dying one does, at least"
        )
    shapes = list(dict.fromkeys(shape for _, shape in crowds))
    what = (
        "something makes them and does not remove them" if growing else "so many alike look as if nothing removes them"
    )
    return Finding(
        "S6",
        f"live cgroups pile up: {what}",
        Severity.WARNING,
        Confidence.HIGH if crowds and growing else Confidence.MEDIUM,
        tuple(lines),
        _recover(shapes),
        ("find what makes them by the shape of their names, and make it remove them",),
        (
            "https://github.com/kubernetes/kubernetes/issues/70324",
            "https://github.com/systemd/systemd/issues/8015",
        ),
    )


def _never_fell(evidence: Evidence) -> bool:
    (live,) = (field for field in FIELDS if field.id == "cgroups.memory.live")
    return monotone(read_points(live, evidence.observation.samples))


def _crowds(evidence: Evidence) -> list[Crowd]:
    hierarchy = evidence.observation.last.memory_hierarchy() or evidence.observation.last.unified_hierarchy()
    return [crowd for crowd in hierarchy.crowds if crowd.children >= _CROWD] if hierarchy else []


def common_shape(crowd: Crowd) -> str | None:
    """Give the shape that most of the names in a crowd share (``run-r*.scope``), None where they differ."""
    shapes = Counter(_VARIABLE.sub("*", name) for name in crowd.names)
    shape, number = shapes.most_common(1)[0] if shapes else ("", 0)
    if "*" not in shape or number < _ONE_SHAPE * len(crowd.names):
        return None
    alike = [name for name in crowd.names if _VARIABLE.sub("*", name) == shape]
    # As narrow as can be, for units are stopped by it: the d of "pod1f3a" is no digit of every pod's number.
    stars = [_star(parts) for parts in zip(*map(_VARIABLE.findall, alike), strict=True)]
    return "".join(chain.from_iterable(zip_longest(_VARIABLE.split(alike[0]), stars, fillvalue="")))


def _star(parts: tuple[str, ...]) -> str:
    """Give what is the same in all and a star for the rest; leading digits may be the same by chance."""
    if len(set(parts)) == 1:
        return parts[0]
    same = takewhile(lambda pair: pair[0] == pair[1] and pair[0].isalpha(), zip(min(parts), max(parts), strict=False))
    return "".join(letter for letter, _ in same) + "*"


def _recover(shapes: list[str]) -> tuple[str, ...]:
    steps = []
    for shape in shapes:
        if shape.endswith(".scope") and shape.startswith("session"):
            steps.append("loginctl list-sessions, then loginctl terminate-session ID for those that are closing")
        elif shape.endswith((".scope", ".service")):
            # Quoted: a star is systemctl's to expand, and the rest of a name may be anything.
            units = shlex.quote(shape)
            # Only mounts that were left over are named so; docker-*.scope may be 500 containers at work.
            if shape.startswith("run-"):
                steps.append(f"systemctl stop {units}    (look first: systemctl list-units {units})")
            else:
                steps.append(f"systemctl list-units {units}    (then stop those that nobody needs, one by one)")
    steps.append("rmdir on empty ones: the kernel refuses a cgroup that still has processes or children")
    return tuple(steps)
