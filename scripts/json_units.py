"""The output contract of ``unreclaim units --json``."""

from scripts.json_key import GAPS, Key
from unreclaim.model.units import StartKind

UNITS = (
    Key("schema", "string", "", "`unreclaim.units/1`"),
    Key("systemd_version", "integer or null", "", "null: D-Bus does not tell"),
    Key("from_unix_seconds", "number or null", "seconds since 1970", "starts are counted from here on: boot, --since"),
    Key("known_unix_seconds", "number or null", "seconds since 1970", "the journal's oldest entry of that time"),
    Key("until_unix_seconds", "number", "seconds since 1970", "when the counting ended"),
    Key("sources", "list", "", "what was started, most starts first"),
    Key("sources[].name", "string", "", "unit, instances and numbers folded; of a trace alone, its `source`"),
    Key("sources[].kind", "string", "", f"{', '.join(f'`{kind}`' for kind in StartKind)}"),
    Key("sources[].starts", "integer", "starts", "each made one cgroup (kernel-notes/units.md)"),
    Key("sources[].basis", "string", "", "who counted: `journal`, `NRestarts` or `trace`"),
    Key("sources[].at_least", "boolean", "", "there may have been more; `gaps` says why"),
    Key("sources[].names", "integer", "units", "different units of that name"),
    Key("sources[].user", "integer or null", "", "uid whose own systemd it is; null: PID 1"),
    Key("sources[].failed", "integer or null", "starts", "of them, those that did not come up"),
    Key("sources[].starts_per_day", "number or null", "starts a day", "over the time that is known"),
    Key("sources[].last_unix_seconds", "number or null", "seconds since 1970", "the last start"),
    Key("sources[].nr_restarts", "integer or null", "restarts", "NRestarts, which `systemctl stop` may reset"),
    Key("sources[].dying", "integer or null", "cgroups", "its dying memory cgroups now; null: not looked, or user's"),
    Key("sources[].dying_per_start", "number or null", "ratio", "dying / starts"),
    *(
        Key(f"sources[].{part}_{end}bytes", "integer or null", "bytes", f"{meaning} of its dying cgroups{bound}")
        for part, meaning in (("slab", "slab"), ("percpu", "per-CPU memory"))
        for end, bound in (("", ""), ("low_", ", lower bound"), ("high_", ", upper bound"))
    ),
    Key("sources[].traced", "integer or null", "cgroups", "made while a trace ran; null: no trace saw it"),
    Key("sources[].unit", "object or null", "", "what D-Bus says of it, or of one of that name; null: not asked"),
    Key("sources[].unit.name", "string", "", "its name"),
    *(
        Key(f"sources[].unit.{name}", "string or null", "", f"property {kernel}")
        for name, kernel in (
            ("description", "Description"),
            ("load_state", "LoadState"),
            ("active_state", "ActiveState"),
            ("sub_state", "SubState"),
            ("result", "Result"),
            ("fragment_path", "FragmentPath"),
            ("control_group", "ControlGroup"),
            ("slice", "Slice"),
            ("service_type", "Type"),
            ("standard_output", "StandardOutput"),
            ("restart", "Restart"),
        )
    ),
    *(
        Key(f"sources[].unit.{name}", "number or null", unit, meaning)
        for name, unit, meaning in (
            ("restart_seconds", "seconds", "RestartSec="),
            ("restart_max_delay_seconds", "seconds", "RestartMaxDelaySec=; null: infinite, or not known"),
            ("start_limit_interval_seconds", "seconds", "StartLimitIntervalSec=; null: infinite, or not known"),
            ("active_enter_unix_seconds", "seconds since 1970", "when it last became active; null: never"),
        )
    ),
    *(
        Key(f"sources[].unit.{name}", "integer or null", unit, f"{kernel}")
        for name, unit, kernel in (
            ("restart_steps", "steps", "RestartSteps="),
            ("start_limit_burst", "starts", "StartLimitBurst="),
            ("nr_restarts", "restarts", "NRestarts"),
        )
    ),
    Key("sources[].unit.memory_accounting", "boolean or null", "", "MemoryAccounting="),
    Key("sources[].unit.accept", "boolean or null", "", "Accept= of a socket"),
    *(
        key
        for name, meaning in (
            ("drop_in_paths", "drop-ins, in systemd's order"),
            ("triggered_by", "units that start it"),
            ("triggers", "units that it starts"),
        )
        for key in (
            Key(f"sources[].unit.{name}", "list", "", meaning),
            Key(f"sources[].unit.{name}[]", "string", "", "one of them"),
        )
    ),
    Key("piles", "list", "", "live cgroups that nobody removes"),
    Key("piles[].what", "string", "", "what they are"),
    Key("piles[].number", "integer", "cgroups", "how many"),
    Key("piles[].names", "list", "", "the first of them"),
    Key("piles[].names[]", "string", "", "a unit, or a session and its user"),
    Key("piles[].remedy", "string", "", "what can be done"),
    Key("window", "object or null", "", "what starts cost (--for); null: not watched, or memory or journal not read"),
    Key("window.seconds", "number", "seconds", "from the first reading to the last"),
    Key("window.growth_bytes", "integer", "bytes", "of `SUnreclaim` and `Percpu`; the rows and the rest add up to it"),
    Key("window.rows", "list", "", "sources that were started meanwhile"),
    Key("window.rows[].name", "string", "", "as `sources[].name`"),
    Key("window.rows[].starts", "integer", "starts", "within the window"),
    Key("window.rows[].bytes", "integer", "bytes", "that its starts explain"),
    Key("window.rows[].bytes_each", "number or null", "bytes", "of one start; null: too few, or `like` is not null"),
    Key("window.rows[].low_bytes_each", "number or null", "bytes", "lower end of its 95 % interval"),
    Key("window.rows[].high_bytes_each", "number or null", "bytes", "upper end"),
    Key("window.rows[].like", "string or null", "", "the source at whose pace it started; its bytes are in that row"),
    Key("window.unexplained_bytes", "integer", "bytes", "growth that no start explains"),
    Key("cost_source", "string or null", "", "as `dying_cost.source` of diagnose; null: no census"),
    *GAPS,
)
