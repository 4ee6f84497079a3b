"""The output contract of ``unreclaim trace --json``."""

from scripts.json_key import GAPS, Key
from unreclaim.model.churn import SourceKind

_COUNTS = (
    ("created", "made"),
    ("removed", "removed"),
    ("released", "let go of by the kernel, also such as were removed before the watch"),
    ("unreleased", "removed during the watch, and not released up to now: dying"),
)

TRACE = (
    Key("schema", "string", "", "`unreclaim.trace/1`"),
    Key("part", "string", "", "`interval`: what happened since the line before; `summary`, the last line: all of it"),
    Key("seconds", "number", "seconds", "how long the part is"),
    Key("lost_events", "integer", "events", "that the kernel's buffers had no room for; all counts lack them"),
    Key("sources", "list", "", "who made cgroups, the most first (kernel-notes/trace.md)"),
    Key("sources[].source", "string", "", "unit (`foo@*.service`), container, pod (`namespace/name` or UID) or path"),
    Key("sources[].kind", "string", "", ", ".join(f"`{kind}`" for kind in SourceKind)),
    *(
        Key(f"sources[].{name}", "integer", "cgroups", f"{meaning}; in one hierarchy: one start is one cgroup")
        for name, meaning in _COUNTS
    ),
    Key("sources[].rate_per_second", "number", "cgroups a second", "created"),
    Key("hierarchies", "list", "", "all that happened, in each hierarchy; those without events are left out"),
    Key("hierarchies[].hierarchy", "integer", "", "its number, as in /proc/self/cgroup; 0: v2"),
    Key("hierarchies[].controllers", "list", "", "its controllers, or `name=...`; empty: unknown, or none"),
    Key("hierarchies[].controllers[]", "string", "", "one of them"),
    *(Key(f"hierarchies[].{name}", "integer", "cgroups", meaning) for name, meaning in _COUNTS),
    Key(
        "hierarchies[].longest_unreleased_seconds",
        "number or null",
        "seconds",
        "since the oldest of the unreleased was removed; null: there are none",
    ),
    Key("memcgs", "object or null", "", "calls of the kernel's own functions; null: they cannot be probed here"),
    Key("memcgs.allocated", "integer", "memory cgroups", "mem_cgroup_css_alloc()"),
    Key("memcgs.offline", "integer", "memory cgroups", "mem_cgroup_css_offline()"),
    Key("memcgs.freed", "integer", "memory cgroups", "mem_cgroup_css_free()"),
    *GAPS,
)
