"""The output contract of --json: every key with its type, its unit and its meaning.

tests/house/test_docs.py compares it with what the program really writes, in both directions. In a path, ``[]`` stands
for each entry of a list and ``<...>`` for a key that is a name of this host or of the catalogue.
"""

from scripts.json_key import GAPS, Key
from scripts.json_lint import LINT
from scripts.json_plan import APPLY, PLAN, UNDO
from scripts.json_trace import TRACE
from scripts.json_units import UNITS
from unreclaim.formats.meminfo import NAMES
from unreclaim.model.census import PinKind
from unreclaim.model.recovery import Result, Rung

_ALWAYS = ("sunreclaim_bytes", "sreclaimable_bytes", "percpu_bytes", "kernel_stack_bytes")

_MEMORY = (
    Key("memory", "object or null", "", "the lines of /proc/meminfo, and the ledger; null: it could not be read"),
    *(
        Key(
            f"memory.{name}",
            "integer or null" if name in _ALWAYS else "integer",
            "bytes" if name.endswith("_bytes") else "huge pages",
            f"`{kernel_name}`{', null where this kernel does not print it' if name in _ALWAYS else ''}",
        )
        for kernel_name, name in NAMES.items()
    ),
    Key("memory.unaccounted_bytes", "integer", "bytes", "MemTotal minus every line of the ledger, the likelier end"),
    Key("memory.unaccounted_low_bytes", "integer", "bytes", "lower bound: overlapping lines counted in full"),
    Key("memory.unaccounted_high_bytes", "integer", "bytes", "upper bound: overlapping lines counted once"),
    Key("memory.unknown_lines", "list", "", "lines of /proc/meminfo that this version does not know"),
    Key("memory.unknown_lines[].name", "string", "", "the kernel's name of the line"),
    Key("memory.unknown_lines[].value", "integer", "bytes or a count", "its figure"),
    Key("memory.unknown_lines[].is_bytes", "boolean", "", "whether the figure is bytes (the line ended in kB)"),
    Key("memory.ledger", "list", "", "where all of MemTotal is, one entry a use (kernel-notes/ledger.md)"),
    Key("memory.ledger[].id", "string", "", "name of the use; stable"),
    Key("memory.ledger[].title", "string", "", "the same for people"),
    Key("memory.ledger[].size_bytes", "integer or null", "bytes", "its size; null: this kernel does not say"),
    Key("memory.ledger[].reclaimable", "boolean", "", "whether memory pressure can take it back"),
    Key("memory.ledger[].relation", "string", "", "`exact`: counted once; `at most`: overlaps another line"),
)

_CGROUPS = (
    Key("cgroups", "object", "", "counts by controller, and `unified` for the v2 hierarchy itself"),
    Key("cgroups.<controller>", "object", "", "one controller"),
    Key("cgroups.<controller>.live", "integer or null", "cgroups", "cgroups that exist, the root included"),
    Key("cgroups.<controller>.dying", "integer or null", "cgroups", "removed, but not yet freed by the kernel"),
    Key("cgroups.<controller>.dying_low", "integer or null", "cgroups", "lower bound, where cgroups came and went"),
    Key("cgroups.<controller>.dying_high", "integer or null", "cgroups", "upper bound"),
    Key("cgroups.<controller>.source", "string", "", "where the count comes from; `none`: nowhere"),
    Key("cgroups.<controller>.weakness", "string or null", "", "what that source cannot do here"),
)


def _container_keys(path: str) -> tuple[Key, ...]:
    return (
        Key(path, "object or null", "", "signs of being inside a container; null: there are none"),
        Key(f"{path}.kind", "string", "", "`lxc`, `docker`, `kubernetes`, ... or `unknown`"),
        Key(f"{path}.evidence", "list", "", "the signs"),
        Key(f"{path}.evidence[]", "string", "", "one sign, as a sentence"),
        Key(f"{path}.faked", "list", "", "files that lxcfs rewrites here"),
        Key(f"{path}.faked[]", "string", "", "path of one"),
    )


_HOST = (
    Key("host", "object", "", "what does not change while the host runs, and its uptime"),
    Key("host.hostname", "string or null", "", "/proc/sys/kernel/hostname"),
    Key("host.kernel", "string or null", "", "kernel release, as `uname -r`"),
    Key("host.architecture", "string or null", "", "as `uname -m`"),
    Key("host.os", "object or null", "", "the distribution, from os-release"),
    Key("host.os.id", "string", "", "ID"),
    Key("host.os.id_like", "list", "", "ID_LIKE"),
    Key("host.os.id_like[]", "string", "", "one of them"),
    Key("host.os.version_id", "string or null", "", "VERSION_ID"),
    Key("host.os.pretty_name", "string or null", "", "PRETTY_NAME"),
    Key("host.boot_id", "string or null", "", "UUID of this boot"),
    Key("host.uptime_seconds", "number or null", "seconds", "since boot, at the last reading"),
    Key("host.cgroup_mode", "string", "", "`v1`, `v2`, `hybrid` (controllers on v1 beside v2) or `none`"),
    *_container_keys("host.container"),
    Key("host.cpus_possible", "integer or null", "CPUs", "CPUs that per-CPU memory is allocated for"),
    Key("host.cpus_online", "integer or null", "CPUs", "CPUs that run"),
    Key("host.numa_nodes", "integer or null", "nodes", "possible NUMA nodes"),
    Key("host.page_size_bytes", "integer or null", "bytes", "size of a page"),
    Key("host.mem_total_bytes", "integer or null", "bytes", "MemTotal"),
)

_DYING_COST = (
    Key("dying_cost", "object", "", "what dying memory cgroups cost here, by a model (kernel-notes/cost.md)"),
    *(
        Key(f"dying_cost.{part}_{end}bytes_each", f"integer{null}", "bytes", meaning + bound)
        for part, null, meaning in (
            ("slab", "", "slab of one dying memory cgroup"),
            ("percpu", " or null", "per-CPU memory of one, all possible CPUs together"),
        )
        for end, bound in (("", ""), ("low_", ", lower bound"), ("high_", ", upper bound"))
    ),
    *(
        Key(f"dying_cost.total_{end}bytes", "integer or null", "bytes", f"all of them, slab and per-CPU{bound}")
        for end, bound in (("", ""), ("low_", ", lower bound"), ("high_", ", upper bound"))
    ),
    Key("dying_cost.slab_share", "number or null", "ratio", "count x slab each / SUnreclaim; above 1: model too dear"),
    Key("dying_cost.percpu_share", "number or null", "ratio", "count x per-CPU each / Percpu"),
    Key("dying_cost.source", "string", "", "where the figures were measured"),
)

_GROWTH = (
    Key("growth", "object", "", "change within the window, by field id (fields.md); no key: fewer than two readings"),
    Key("growth.<field>", "object", "", "one field"),
    Key("growth.<field>.bytes_per_day", "number", "bytes a day", "the rate; for fields in bytes"),
    Key("growth.<field>.cgroups_per_day", "number", "cgroups a day", "the rate; for fields in cgroups"),
    Key("growth.<field>.low", "number", "as the rate", "lower end of the rate's 95 % interval"),
    Key("growth.<field>.high", "number", "as the rate", "upper end of it"),
    Key("growth.<field>.change", "number", "as `unit`", "what was really seen, first reading to last"),
    Key("growth.<field>.unit", "string", "", "`bytes` or `cgroups`"),
    Key("since_boot", "object", "", "upper bounds of the average growth since boot, by field id"),
    Key("since_boot.<field>", "object", "", "one field"),
    Key("since_boot.<field>.at_most_bytes_per_day", "number", "bytes a day", "what there is now, over the uptime"),
    Key("since_boot.<field>.at_most_cgroups_per_day", "number", "cgroups a day", "what there is now, over the uptime"),
)

_PRESSURE = (
    Key("pressure", "object", "", "/proc/pressure, by resource; empty where this kernel has none"),
    Key("pressure.<resource>", "object", "", "`cpu`, `io`, `memory` or `irq`"),
    *(
        key
        for kind, meaning in (("some", "some task"), ("full", "all tasks at once"))
        for key in (
            Key(f"pressure.<resource>.{kind}", "object or null", "", f"time in which {meaning} waited"),
            *(
                Key(f"pressure.<resource>.{kind}.avg{seconds}_percent", "number", "percent", f"over {seconds} seconds")
                for seconds in (10, 60, 300)
            ),
            Key(f"pressure.<resource>.{kind}.total_seconds", "number", "seconds", "since boot"),
        )
    ),
)

_FINDINGS = (
    Key("findings", "list", "", "known causes that were recognised, the most severe first"),
    Key("findings[].id", "string", "", "id of the signature (signatures/)"),
    Key("findings[].title", "string", "", "the cause in a line"),
    Key("findings[].severity", "string", "", "`info`, `warning` or `critical`"),
    Key("findings[].confidence", "string", "", "`high` (measured here), `medium` (fits) or `low` (possible)"),
    *(
        key
        for name, meaning in (
            ("evidence", "what speaks for it"),
            ("recover", "how to get the memory back, the least invasive step first"),
            ("prevent", "how to stop it"),
            ("references", "where it is described"),
        )
        for key in (
            Key(f"findings[].{name}", "list", "", meaning),
            Key(f"findings[].{name}[]", "string", "", "one line of text"),
        )
    ),
)

_VERDICT = (
    Key("verdict", "object", "", "the judgement"),
    Key("verdict.state", "string", "", "`healthy`, `draining`, `growing`, `critical` or `cannot tell`"),
    Key("verdict.summary", "string", "", "the verdict in one sentence"),
    Key("verdict.confidence", "string", "", "`high`, `medium` or `low`"),
    *(
        key
        for name, meaning in (
            ("evidence", "why"),
            ("ruled_out", "what it is not"),
            ("next_commands", "what to run next"),
        )
        for key in (
            Key(f"verdict.{name}", "list", "", meaning),
            Key(f"verdict.{name}[]", "string", "", "one line of text"),
        )
    ),
)

DIAGNOSE = (
    Key("schema", "string", "", "`unreclaim.diagnose/1`"),
    *_HOST,
    Key("window_seconds", "number", "seconds", "time between the first and the last reading; 0: one reading"),
    Key("readings", "integer", "readings", "how many there were"),
    Key("captured", "boolean", "", "whether the readings come from a capture"),
    *_MEMORY,
    *_CGROUPS,
    Key("subtrees", "list", "", "upper cgroups with dying descendants; v2 only, which counts them per cgroup"),
    Key("subtrees[].path", "string", "", "path below the mount"),
    Key("subtrees[].cgroup_id", "integer or null", "", "inode of the directory: the cgroup's identity"),
    Key("subtrees[].live", "integer", "cgroups", "it and its live descendants"),
    Key("subtrees[].dying", "integer", "cgroups", "its dying descendants, whichever controller holds them"),
    Key("subtrees[].dying_memory", "integer or null", "cgroups", "of these, memory cgroups; null: before 6.12"),
    Key("residual_charges", "list or null", "", "what dying cgroups hold (kernel-notes/residue.md); null: not read"),
    Key("residual_charges[].path", "string", "", "nearest living ancestor, below the mount"),
    Key("residual_charges[].file_bytes", "integer", "bytes", "page cache and tmpfs that its dying descendants hold"),
    Key("residual_charges[].shmem_bytes", "integer", "bytes", "of it, tmpfs and shared memory"),
    *_DYING_COST,
    Key("fingerprint", "object or null", "", "whether slab caches hold the objects of so many memory cgroups"),
    Key("fingerprint.expected", "integer", "cgroups", "live and dying memory cgroups"),
    Key("fingerprint.objects", "object", "", "by slab cache"),
    Key("fingerprint.objects.<cache>", "number", "ratio", "objects per expected memory cgroup"),
    Key("fingerprint.fits", "boolean or null", "", "null: this kernel has no cache of its own for them"),
    *_GROWTH,
    Key("slab_caches", "list", "", "every slab cache, the largest first; one name may occur twice"),
    Key("slab_caches[].name", "string", "", "as in /proc/slabinfo"),
    Key("slab_caches[].objects", "integer", "objects", "that there is room for"),
    Key("slab_caches[].active_objects", "integer", "objects", "in use, and waiting on per-CPU lists"),
    Key("slab_caches[].object_size_bytes", "integer", "bytes", "of one object"),
    Key("slab_caches[].size_bytes", "integer or null", "bytes", "of the whole cache; null: page size not known"),
    Key("slab_caches[].growth_bytes_per_day", "number or null", "bytes a day", "in the window; null: one reading"),
    Key("slab_caches[].merged_with", "list", "", "caches that SLUB keeps under this name"),
    Key("slab_caches[].merged_with[]", "string", "", "name of one"),
    Key("processes", "list", "", "PID 1 and daemons whose own growth is mistaken for the kernel's"),
    Key("processes[].name", "string", "", "as in /proc/PID/comm"),
    Key("processes[].pid", "integer", "", "process id"),
    Key("processes[].rss_bytes", "integer or null", "bytes", "resident memory"),
    Key("processes[].rss_anon_bytes", "integer or null", "bytes", "of it, anonymous"),
    *_PRESSURE,
    *_FINDINGS,
    *_VERDICT,
    *GAPS,
)

STATUS = (
    Key("schema", "string", "", "`unreclaim.status/1`"),
    Key("state", "string", "", "as `verdict.state` of diagnose"),
    Key("exit_code", "integer", "", "0 healthy or draining, 1 growing, 2 critical, 3 cannot tell"),
    Key("summary", "string", "", "the verdict in one sentence"),
    Key("host", "object", "", "which host this is"),
    *(key for key in _HOST if key.path in ("host.hostname", "host.kernel", "host.uptime_seconds")),
    *_MEMORY,
    *_CGROUPS,
    *GAPS,
)

CAPTURE = (
    Key("schema", "string", "", "`unreclaim.capture/1`"),
    Key("path", "string", "", "where the bundle was written"),
    Key("samples", "integer", "samples", "how many it holds"),
    Key("files", "integer", "files", "how many it holds, all samples together"),
    Key("size_bytes", "integer", "bytes", "unpacked"),
    *GAPS,
)


def _pin_keys(path: str) -> tuple[Key, ...]:
    """Give the keys of a pin, which stands in groups and in cgroups."""
    return (
        Key(f"{path}.kind", "string", "", f"one of {', '.join(f'`{kind}`' for kind in PinKind)}"),
        Key(f"{path}.bytes", "integer", "bytes", "charged"),
        Key(f"{path}.folios", "integer", "references", "how many references to the cgroup they are"),
        Key(f"{path}.path", "string or null", "", "where the file is mounted here; null: no name, or none that fits"),
        Key(f"{path}.device", "string or null", "", "major:minor"),
        Key(f"{path}.inode", "integer or null", "", "of the file"),
        Key(f"{path}.dirty_bytes", "integer", "bytes", "of it, not yet written to disk"),
        Key(f"{path}.mlocked_bytes", "integer", "bytes", "of it, locked in memory by mlock(2)"),
        Key(f"{path}.mapped_bytes", "integer or null", "bytes", "of it, mapped by some process; null: not looked at"),
        Key(f"{path}.unlinked", "boolean", "", "the file has no name any more"),
        *_holder_keys(f"{path}.held_by", "who holds a file without a name open"),
        *_holder_keys(f"{path}.mapped_by", "who maps the file, or whose memory it is"),
    )


def _holder_keys(path: str, meaning: str) -> tuple[Key, ...]:
    return (
        Key(path, "list", "", meaning),
        Key(f"{path}[].pid", "integer", "", "process id"),
        Key(f"{path}[].name", "string", "", "/proc/PID/comm"),
        Key(f"{path}[].descriptor", "integer or null", "", "the open file's number; null: held by a mapping"),
    )


CENSUS = (
    Key("schema", "string", "", "`unreclaim.census/1`"),
    Key(
        "backend",
        "string",
        "",
        "`bpf`, `drgn`: every cgroup; `page scan`, `residual charge`: bytes below living ancestors; `none`: neither, "
        "where pages hold none",
    ),
    Key(
        "lru_reparenting",
        "boolean or null",
        "",
        "this kernel gives a removed cgroup's page cache to its parent; null: not looked for",
    ),
    Key("counts", "object", "", "memory cgroups"),
    Key("counts.live", "integer or null", "cgroups", "that exist as directories"),
    Key("counts.dying", "integer or null", "cgroups", "listed; where they are not, the kernel's count"),
    Key("counts.kernel_dying", "integer or null", "cgroups", "the kernel's own count, a second source"),
    Key("counts.kernel_source", "string or null", "", "where that count comes from"),
    Key("groups", "list", "", "dying cgroups by living ancestor and unit, the largest first"),
    Key("groups[].ancestor", "string", "", "the nearest living cgroup above"),
    Key("groups[].unit", "string or null", "", "systemd unit, instances and numbers folded"),
    Key("groups[].nr_dying", "integer or null", "cgroups", "null: not known without BPF"),
    Key("groups[].nr_unexplained", "integer", "cgroups", "of them, held by a reference that is no page"),
    Key("groups[].bytes", "integer", "bytes", "charged to them"),
    Key(
        "groups[].relation",
        "string",
        "",
        "of the bytes: `exact`, `about` or `at most` (some may be the ancestor's own)",
    ),
    Key("groups[].nr_pins", "integer", "pins", "how many there are; the first 50 are listed"),
    Key("groups[].pins", "list", "", "what holds them, what most of them share first"),
    *_pin_keys("groups[].pins[]"),
    Key("groups[].pins[].nr_cgroups", "integer or null", "cgroups", "that this pin holds; null: not known without BPF"),
    Key("dying", "list", "", "each dying cgroup, only with --each"),
    Key("dying[].id", "integer", "", "cgroup id: the inode number of its directory while it lived"),
    Key("dying[].name", "string", "", "its directory's name"),
    Key("dying[].path", "string", "", "the path that it had, as far as the kernel still knows"),
    Key("dying[].ancestor", "string", "", "the nearest living cgroup above"),
    Key("dying[].unit", "string or null", "", "systemd unit, instances and numbers folded"),
    Key("dying[].slice", "string or null", "", "systemd slice"),
    Key("dying[].container", "string or null", "", "id of a container, or its name (LXC)"),
    Key("dying[].invocation_id", "string or null", "", "systemd's id of the unit's last start, for the journal; v2"),
    Key(
        "dying[].stirred_seconds",
        "number or null",
        "seconds",
        "since its pressure was last averaged: v1: since it was made; v2: since something ran in it; null: no PSI",
    ),
    Key("dying[].serial", "integer", "", "order of creation since boot"),
    Key("dying[].memory_bytes", "integer", "bytes", "its page counter; kernel memory in it may be stale"),
    Key("dying[].kernel_bytes", "integer or null", "bytes", "of it, kernel memory, which is no pin; null: v2"),
    Key("dying[].file_bytes", "integer", "bytes", "of the pins: page cache and metadata"),
    Key("dying[].shmem_bytes", "integer", "bytes", "of the pins: tmpfs, memfd and shared memory"),
    Key("dying[].anon_bytes", "integer", "bytes", "of the pins: anonymous memory"),
    Key("dying[].swap_bytes", "integer", "bytes", "in swap"),
    Key("dying[].references", "integer or null", "references", "all references to it"),
    Key(
        "dying[].unexplained_references",
        "integer or null",
        "references",
        "neither pages, children, swap nor writeback structures",
    ),
    Key("dying[].pins", "list", "", "what holds it"),
    *_pin_keys("dying[].pins[]"),
    Key("dying[].complete", "boolean", "", "whether all of its pins are listed"),
    *GAPS,
)


def _figures_keys(path: str) -> tuple[Key, ...]:
    return (
        Key(f"{path}.dying", "integer or null", "cgroups", "dying, of those aimed at; null: they have no names here"),
        Key(f"{path}.dying_on_host", "integer or null", "cgroups", "dying on the whole host"),
        Key(f"{path}.sunreclaim_bytes", "integer or null", "bytes", "`SUnreclaim` of /proc/meminfo"),
        Key(f"{path}.percpu_bytes", "integer or null", "bytes", "`Percpu` of /proc/meminfo"),
    )


_RUNGS = ", ".join(f"`{rung}`" for rung in Rung)

RECLAIM = (
    Key("schema", "string", "", "`unreclaim.reclaim/1`"),
    Key("backend", "string", "", "as `backend` of census; only `bpf` and `drgn` give names of cgroups and files"),
    Key("target", "string or null", "", "only cgroups at and below this path; null: all"),
    Key("up_to", "string or null", "", f"the last rung that was to be climbed: {_RUNGS}; null: nothing, only planned"),
    Key("interrupted", "boolean", "", "a signal ended it; what is said is what was seen last"),
    Key("dying_on_host", "integer or null", "cgroups", "all that were dying on this host at the end"),
    *_container_keys("container"),
    Key("rungs", "list", "", "what was done, rung by rung; caches are dropped in two goes"),
    Key("rungs[].rung", "string", "", "the rung"),
    Key("rungs[].before", "object", "", "what was measured before it"),
    *_figures_keys("rungs[].before"),
    Key("rungs[].after", "object or null", "", "what was measured after it; null: interrupted, or not to be measured"),
    *_figures_keys("rungs[].after"),
    Key("rungs[].nr_steps", "integer", "steps", "that have a result; the first 50 are listed"),
    Key("rungs[].nr_done", "integer", "steps", "of them, those that the kernel took"),
    Key("rungs[].steps", "list", "", "what became of each step"),
    Key("rungs[].steps[].what", "string", "", "the step, as a sentence"),
    Key("rungs[].steps[].done", "boolean", "", "whether the kernel took it"),
    Key("rungs[].steps[].note", "string or null", "", "why not, or what was less than asked for"),
    Key("groups", "list", "", "dying cgroups by living ancestor and unit, the largest first"),
    Key("groups[].ancestor", "string", "", "the nearest living cgroup above"),
    Key("groups[].unit", "string or null", "", "systemd unit, instances and numbers folded"),
    Key("groups[].result", "string", "", f"{', '.join(f'`{result}`' for result in Result)}"),
    Key("groups[].nr_freed", "integer or null", "cgroups", "that are gone since the beginning; null: no names here"),
    Key("groups[].nr_left", "integer or null", "cgroups", "that are dying still; null: no names here"),
    Key("groups[].bytes", "integer", "bytes", "charged to those left"),
    Key("groups[].needs", "list", "", "what would free those left"),
    Key("groups[].needs[].rung", "string or null", "", "the lowest rung that may; null: none that is known"),
    Key("groups[].needs[].nr_cgroups", "integer", "cgroups", "how many of them"),
    *_holder_keys("groups[].processes", "who is known to keep those that need a restart"),
    Key("groups[].because", "string or null", "", "why a reboot, or why it is not recovered"),
    Key("groups[].nr_steps", "integer", "steps", "that are left; the first 50 are listed"),
    Key("groups[].steps", "list", "", "what can be done yet, in the order of the rungs"),
    Key("groups[].steps[].rung", "string", "", "the rung it stands on"),
    Key("groups[].steps[].what", "string", "", "the step, as a sentence"),
    Key("groups[].steps[].cost", "string", "", "what it costs; empty: nothing"),
    Key("groups[].steps[].obstacle", "string or null", "", "what may keep it from helping"),
    Key("groups[].steps[].nr_cgroups", "integer or null", "cgroups", "of the group that it bears on; null: not known"),
    Key("groups[].steps[].path", "string or null", "", "of the file or object"),
    Key("groups[].steps[].device", "string or null", "", "of the file or object, major:minor"),
    Key("groups[].steps[].inode", "integer or null", "", "of the file or object"),
    Key("groups[].steps[].bytes", "integer or null", "bytes", "of it, charged to dying cgroups"),
    Key("groups[].steps[].cgroup", "string or null", "", "the living cgroup that memory is reclaimed from"),
    Key("groups[].steps[].file", "string or null", "", "the kernel's file that is written"),
    Key("groups[].steps[].texts", "list", "", "what is written to it, one after the other"),
    Key("groups[].steps[].texts[]", "string", "", "one of them"),
    *_holder_keys("groups[].steps[].processes", "who has to let go"),
    Key("groups[].steps[].command", "string or null", "", "what an operator would type; it is never run"),
    *GAPS,
)

_REPRODUCE = (
    Key("kind", "string", "", "reproduce: the reproducer, as on the command line"),
    Key("title", "string", "", "reproduce: the same for people"),
    Key("cgroup", "string", "", "reproduce: the parent of all cgroups that were made, below the mount"),
    Key("cgroup_version", "integer", "", "reproduce: of the hierarchy with the memory controller, 1 or 2"),
    Key(
        "lru_reparenting",
        "boolean or null",
        "",
        "reproduce: the kernel gives a removed cgroup's pages to its parent; null: not known",
    ),
    Key("kernel_memory_reparenting", "boolean or null", "", "reproduce: and its kernel objects"),
    Key("asked", "integer", "cgroups", "reproduce: how many were asked for"),
    Key("made", "integer", "cgroups", "reproduce: how many were made"),
    Key("cut_short", "string or null", "", "reproduce: why fewer were made"),
    Key("seconds", "number", "seconds", "reproduce: how long it took to make them"),
    Key("expected", "object", "", "reproduce: what must come out on this kernel"),
    Key("expected.dying_low_each", "number", "ratio", "dying cgroups for each that was made, lower bound"),
    Key("expected.dying_high_each", "number", "ratio", "upper bound"),
    Key("expected.why", "string", "", "the reason"),
    Key("dying", "integer or null", "cgroups", "reproduce: how many are dying; null: they could not be counted"),
    Key("live", "integer", "cgroups", "reproduce: how many are live"),
    Key("source", "string", "", "reproduce: who counted"),
    Key("shared", "boolean", "", "reproduce: others' cgroups may be in the count"),
    Key("agrees", "boolean or null", "", "reproduce: it came out as expected; null: cannot be told"),
    *(
        key
        for part, line in (("slab", "SUnreclaim"), ("percpu", "Percpu"))
        for key in (
            Key(part, "object", "", f"reproduce: {line} of each that is left"),
            Key(f"{part}.bytes_each", "integer or null", "bytes", "new memory that the kernel took for each"),
            Key(f"{part}.low_bytes_each", "integer or null", "bytes", "lower bound"),
            Key(f"{part}.high_bytes_each", "integer or null", "bytes", "upper bound"),
            Key(f"{part}.told", "boolean", "", "there were enough, and the bounds are narrow: it is what one costs"),
            Key(
                f"{part}.model_bytes_each",
                "integer" if part == "slab" else "integer or null",
                "bytes",
                "what one costs by the model of `dying_cost`",
            ),
        )
    ),
    Key("readings", "list", "", "reproduce: readings on the way"),
    Key("readings[].seconds", "number", "seconds", "since the first cgroup"),
    Key("readings[].made", "integer", "cgroups", "made by then"),
    Key("readings[].dying", "integer or null", "cgroups", "more than before; on v1 of the whole host"),
    Key("readings[].sunreclaim_bytes", "integer or null", "bytes", "SUnreclaim"),
    Key("readings[].percpu_bytes", "integer or null", "bytes", "Percpu"),
)

_COMPARE = (
    Key("units", "list", "", "compare: what the two are called"),
    Key("units[]", "string", "", "a unit's name, or its settings"),
    Key("starts", "integer", "starts", "compare: of each"),
    Key("system", "string", "", "compare: version of systemd, and where it runs"),
    *(
        key
        for name, kind, meaning in (
            ("cgroups_per_start", "object", "cgroups that a start makes in one hierarchy"),
            ("left_dying_per_start", "object or null", "of them not freed after two seconds; null: no memory cgroups"),
            ("bytes_per_start", "object or null", "SUnreclaim and Percpu; null: not known, or one round alone"),
        )
        for key in (
            Key(name, kind, "", f"compare: {meaning}"),
            Key(f"{name}.first", "number", "per start", "of the first unit"),
            Key(f"{name}.second", "number", "per start", "of the second"),
            Key(f"{name}.difference_low", "number", "per start", "first minus second, lower end of the 95 % interval"),
            Key(f"{name}.difference_high", "number", "per start", "upper end"),
            Key(f"{name}.shown", "boolean", "", "the interval leaves no doubt that there is a difference"),
        )
    ),
    Key("conclusions", "list", "", "compare: what follows"),
    Key("conclusions[]", "string", "", "one sentence; the first is on cgroups"),
    Key("batches", "list", "", "compare: starts in a row, in the order in which they were run"),
    Key("batches[].unit", "string", "", "which of the two"),
    Key("batches[].starts", "integer", "starts", "how many"),
    Key("batches[].cgroups", "integer", "cgroups", "made, in the hierarchy where most were"),
    Key("batches[].left_dying", "integer or null", "cgroups", "of them not freed; null: no memory cgroups"),
    Key("batches[].hierarchies", "integer", "hierarchies", "in which cgroups were made"),
    Key("batches[].seconds", "number", "seconds", "how long the starts took"),
    Key("batches[].sunreclaim_bytes", "integer or null", "bytes", "by how much SUnreclaim changed"),
    Key("batches[].percpu_bytes", "integer or null", "bytes", "by how much Percpu changed"),
)

_MACHINE = (
    Key("suite", "string or null", "", "kernel, units: the Debian that it is of; null: an image of the user's own"),
    Key("date", "string", "", "kernel, units: the day of the run (ISO 8601)"),
    Key("accelerator", "string", "", "kernel, units: `kvm` or `tcg` (emulated)"),
    Key("memory_mib", "integer", "MiB", "kernel, units: memory of the virtual machine"),
    Key("cpus", "integer", "CPUs", "kernel, units: CPUs of the virtual machine"),
    Key("kernel", "object", "", "kernel, units: what the kernel said and did"),
    Key("kernel.release", "string", "", "as uname -r"),
    Key("kernel.version", "string", "", "as uname -v"),
    Key("kernel.cgroup", "string", "", "`v1`, `v2` or, with units, `hybrid`"),
)

_KERNEL = (
    Key("kernel.memory", "boolean", "", "whether that has the memory controller"),
    Key("kernel.features", "object", "", "what the kernel offers, by name"),
    Key("kernel.features.<feature>", "boolean or null", "", "whether it is there; of mglru whether it is on"),
    Key("kernel.trials", "list", "", "the kinds of leak, in the order of trying"),
    Key("kernel.trials[].kind", "string", "", "what the process in each cgroup did"),
    Key("kernel.trials[].made", "integer", "cgroups", "made and removed"),
    Key("kernel.trials[].dying", "integer", "cgroups", "that stayed"),
    Key("kernel.trials[].sunreclaim_delta_bytes", "integer or null", "bytes", "growth of `SUnreclaim` meanwhile"),
    Key("kernel.trials[].percpu_delta_bytes", "integer or null", "bytes", "growth of `Percpu` meanwhile"),
    Key("kernel.trials[].rungs", "list", "", "ways to free it, each tried on a set of its own; empty: nothing stayed"),
    Key("kernel.trials[].rungs[].name", "string", "", "the way"),
    Key("kernel.trials[].rungs[].dying", "integer", "cgroups", "dying before it"),
    Key("kernel.trials[].rungs[].freed", "integer", "cgroups", "that it freed"),
)

_UNITS = (
    Key("kernel.systemd", "string", "", "units: the first line of systemctl --version"),
    Key("kernel.cmdline", "string", "", "units: parameters of the kernel"),
    Key("kernel.units", "list", "", "units: what systemd started, in the order of trying"),
    Key("kernel.units[].name", "string", "", "in the names of its cgroups"),
    Key("kernel.units[].group", "string", "", "as `--only` has them"),
    Key("kernel.units[].title", "string", "", "what is tried, as a phrase"),
    Key("kernel.units[].settings", "list", "", "lines of its [Service]"),
    Key("kernel.units[].settings[]", "string", "", "one of them"),
    Key("kernel.units[].starts", "integer", "starts", "that were asked for"),
    Key("kernel.units[].made", "integer or null", "cgroups", "made, in the hierarchy with most; null: not measured"),
    Key("kernel.units[].left", "integer or null", "cgroups", "of them, left dying"),
    Key("kernel.units[].hierarchies", "integer or null", "", "hierarchies in which it had cgroups"),
    Key("kernel.units[].memory", "boolean or null", "", "whether its cgroups are memory cgroups"),
    Key("kernel.units[].seconds", "number or null", "seconds", "that all starts took"),
    Key("kernel.units[].sunreclaim_delta_bytes", "integer or null", "bytes", "growth of `SUnreclaim` meanwhile"),
    Key("kernel.units[].percpu_delta_bytes", "integer or null", "bytes", "growth of `Percpu` meanwhile"),
    Key("kernel.units[].pins", "list or null", "", "what the census names; null: it was not asked"),
    Key("kernel.units[].pins[].kind", "string", "", "as `kind` of census"),
    Key("kernel.units[].pins[].path", "string or null", "", "the file, where it has one"),
    Key("kernel.units[].pins[].cgroups", "integer", "cgroups", "that it holds"),
    Key("kernel.units[].rungs", "list", "", "climbed one after the other on the same cgroups; empty: few were left"),
    Key("kernel.units[].rungs[].name", "string", "", "the way"),
    Key("kernel.units[].rungs[].left", "integer", "cgroups", "left after it"),
    Key("kernel.units[].failed", "string or null", "", "why it was not measured"),
)

LAB = (
    Key("schema", "string", "", "`unreclaim.lab/1`"),
    Key(
        "experiment",
        "string",
        "",
        "`reproduce`, `compare`, `kernel`, `units` or `clean`, whose keys follow",
    ),
    *_REPRODUCE,
    *_COMPARE,
    *_MACHINE,
    *_KERNEL,
    *_UNITS,
    Key("removed", "list", "", "clean: what was left of runs whose process is gone"),
    Key("removed[]", "string", "", "path of a cgroup, a directory or a unit"),
    *GAPS,
)

CONTRACT = {
    "diagnose": DIAGNOSE,
    "status": STATUS,
    "capture": CAPTURE,
    "census": CENSUS,
    "lint": LINT,
    "reclaim": RECLAIM,
    "units": UNITS,
    "lab": LAB,
    "trace": TRACE,
    "plan": (*PLAN, *GAPS),
    "apply": (*APPLY, *GAPS),
    "undo": UNDO,
}
"""Every command that writes JSON."""

INTRODUCTION = """# JSON

What each command writes with `--json`. It is an interface: keys may be added, none is renamed, removed or given another
meaning under the same `schema`.

- `null` is a fact that is not known; `0` is a zero that the kernel said. `gaps` tells why something is missing.
- Sizes are bytes, times are seconds, and the key says so. Rates are per day.
- Lines of /proc/meminfo that a kernel does not print have no key, but for the four that matter most.
- `[]` stands for each entry of a list; `<controller>`, `<field>`, `<resource>` and `<cache>` for keys that are names.
- Text in other bytes than UTF-8 (a cgroup's name may hold any) appears with backslash escapes; an integer that does
  not fit 64 bits appears as a floating-point number.
- The exit code is the same with and without `--json`.
"""


def json_page() -> str:
    """Give the page of the contract: a table a command."""
    tables = [
        "\n".join(
            [
                f"## unreclaim {command} --json\n",
                "| Key | Type | Unit | Meaning |",
                "|---|---|---|---|",
                *(f"| `{key.path}` | {key.type} | {key.unit} | {key.meaning} |" for key in keys),
                "",
            ]
        )
        for command, keys in CONTRACT.items()
    ]
    return "\n".join([INTRODUCTION, *tables])
