"""What the kernel prints is read back whole. Each printer is written after the kernel's own, which it names."""

import shlex
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unreclaim.formats.cgroup_stat import CgroupStat, parse_cgroup_stat
from unreclaim.formats.cpu_list import LIMIT, parse_cpu_list
from unreclaim.formats.kernel_cmdline import Parameter, parse_kernel_cmdline
from unreclaim.formats.meminfo import NAMES, MemInfo, UnknownLine, parse_meminfo
from unreclaim.formats.mountinfo import Mount, parse_mountinfo
from unreclaim.formats.os_release import OsRelease, parse_os_release
from unreclaim.formats.pressure import Pressure, Stall, parse_pressure
from unreclaim.formats.proc_cgroups import ControllerRow, parse_proc_cgroups
from unreclaim.formats.proc_pid_cgroup import Membership, parse_proc_pid_cgroup
from unreclaim.formats.slabinfo import SlabCache, parse_slabinfo
from unreclaim.formats.time_span import parse_time_span
from unreclaim.formats.unit_file import parse_unit_file
from unreclaim.formats.uptime import parse_uptime
from unreclaim.formats.vmstat import VmStat, parse_vmstat

# Time limits are the fuzzer's business; a busy machine must not fail these tests.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

u64 = st.integers(0, 2**64 - 1)
kib = st.integers(0, 2**54 - 1)
count = st.integers(0, 2**31 - 1)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=24)
# Any bytes but NUL, as room host decodes them: bytes that are no UTF-8 are surrogates.
any_name = st.binary(min_size=1).map(lambda raw: raw.replace(b"\0", b"/").decode("utf-8", "surrogateescape"))


# ── meminfo ─────────────────────────────────────────────────────────────────────────────────────────────────────


def print_meminfo(kib_or_count: dict[str, tuple[int, bool]]) -> str:
    r"""Print as show_val_kb() in fs/proc/meminfo.c and hugetlb_report_meminfo() in mm/hugetlb.c.

    ``"MemTotal:       "``, seq_put_decimal_ull_width(m, NULL, num, 8), ``" kB\n"``; ``"HugePages_Total:   %5lu\n"``.
    """
    return "".join(
        f"{name + ':':<16}{value:>8} kB\n" if is_kib else f"{name + ':':<19}{value:>5}\n"
        for name, (value, is_kib) in kib_or_count.items()
    )


known_lines = st.dictionaries(st.sampled_from(sorted(NAMES.keys() - {"MemTotal"})), kib)
unknown_lines = st.dictionaries(words.filter(lambda name: name not in NAMES), st.tuples(kib, st.booleans()))


@unhurried
@given(kib, known_lines, unknown_lines, st.randoms(use_true_random=False))
def test_meminfo(total: int, known: dict[str, int], unknown: dict[str, tuple[int, bool]], order: Random) -> None:
    """The parser of meminfo reads back every line, known or not, in any order."""
    known["MemTotal"] = total
    lines = [(name, (value, NAMES[name].endswith("_bytes"))) for name, value in known.items()] + list(unknown.items())
    order.shuffle(lines)
    values = {name: value * (1024 if is_kib else 1) for name, (value, is_kib) in lines}
    meminfo = parse_meminfo(print_meminfo(dict(lines)))
    assert meminfo == MemInfo(
        total * 1024,
        {NAMES[name]: values[name] for name in known},
        tuple(UnknownLine(name, values[name], is_kib) for name, (_, is_kib) in lines if name in unknown),
    )
    assert list(meminfo.values) == [NAMES[name] for name in values if name in known]


# ── slabinfo ────────────────────────────────────────────────────────────────────────────────────────────────────


def print_slabinfo(caches: list[SlabCache]) -> str:
    """Print as print_slabinfo_header() and cache_show() in mm/slab_common.c.

    ``"%-17s %6lu %6lu %6u %4u %4d"``, ``" : tunables %4u %4u %4u"``, ``" : slabdata %6lu %6lu %6lu"``.
    """
    header = (
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
    )
    return header + "".join(
        f"{c.name:<17} {c.active_objects:>6} {c.objects:>6} {c.object_size_bytes:>6} {c.objects_per_slab:>4}"
        f" {c.pages_per_slab:>4} : tunables {0:>4} {0:>4} {0:>4}"
        f" : slabdata {c.active_slabs:>6} {c.slabs:>6} {0:>6}\n"
        for c in caches
    )


cache_names = st.lists(words | st.sampled_from([":", "(23:x.slice)", ":0000512"]), min_size=1, max_size=3).map(" ".join)
caches = st.builds(SlabCache, cache_names, u64, u64, count, count, count, u64, u64)


@unhurried
@given(st.lists(caches))
def test_slabinfo(printed: list[SlabCache]) -> None:
    """The parser of slabinfo reads back every cache, those of one name and with spaces in it too."""
    assert parse_slabinfo(print_slabinfo(printed)) == tuple(printed)


# ── vmstat, cgroup.stat ─────────────────────────────────────────────────────────────────────────────────────────


@unhurried
@given(st.dictionaries(words, u64, min_size=1))
def test_vmstat(counters: dict[str, int]) -> None:
    """The parser of vmstat reads back what vmstat_show() in mm/vmstat.c prints: name, space, number, newline."""
    text = "".join(f"{name} {value}\n" for name, value in counters.items())
    assert parse_vmstat(text) == VmStat(counters)


def print_cgroup_stat(stat: CgroupStat) -> str:
    r"""Print as cgroup_stat_show() in kernel/cgroup/cgroup.c: ``"nr_subsys_%s %d\n"`` and its like."""
    return (
        f"nr_descendants {stat.nr_descendants}\n"
        + "".join(f"nr_subsys_{name} {number}\n" for name, number in stat.nr_subsys.items())
        + f"nr_dying_descendants {stat.nr_dying_descendants}\n"
        + "".join(f"nr_dying_subsys_{name} {number}\n" for name, number in stat.nr_dying_subsys.items())
    )


by_controller = st.dictionaries(words, count)


@unhurried
@given(st.builds(CgroupStat, count, count, by_controller, by_controller))
def test_cgroup_stat(stat: CgroupStat) -> None:
    """The parser of cgroup.stat reads back all counts, by controller or not."""
    assert parse_cgroup_stat(print_cgroup_stat(stat)) == stat


# ── /proc/cgroups, /proc/PID/cgroup ─────────────────────────────────────────────────────────────────────────────


def print_proc_cgroups(rows: list[ControllerRow]) -> str:
    r"""Print as proc_cgroupstats_show() in kernel/cgroup/cgroup-v1.c: ``"%s\t%d\t%d\t%d\n"``."""
    return "#subsys_name\thierarchy\tnum_cgroups\tenabled\n" + "".join(
        f"{row.name}\t{row.hierarchy}\t{row.num_cgroups}\t{int(row.enabled)}\n" for row in rows
    )


rows = st.builds(ControllerRow, words, count, count, st.booleans())


@unhurried
@given(st.lists(rows, unique_by=lambda row: row.name))
def test_proc_cgroups(printed: list[ControllerRow]) -> None:
    """The parser of /proc/cgroups reads back every row."""
    assert parse_proc_cgroups(print_proc_cgroups(printed)) == tuple(printed)


def print_proc_pid_cgroup(memberships: list[Membership]) -> str:
    """Print as proc_cgroup_show() in kernel/cgroup/cgroup.c: ``"%d:"``, controllers, ``:``, path, ``" (deleted)"``."""
    return "".join(
        f"{m.hierarchy}:{','.join(m.controllers)}:{m.path}{' (deleted)' if m.deleted else ''}\n" for m in memberships
    )


# cgroup_mkdir() refuses a newline in a name; a live cgroup that ends in " (deleted)" cannot be told from a dying one.
cgroup_paths = any_name.map(lambda name: "/" + name.replace("\n", "/")).filter(lambda path: "(deleted)" not in path)
memberships = st.builds(Membership, count, st.lists(words).map(tuple), cgroup_paths, st.booleans())


@unhurried
@given(st.lists(memberships))
def test_proc_pid_cgroup(printed: list[Membership]) -> None:
    """The parser of /proc/PID/cgroup reads back every path, whatever bytes it is made of."""
    assert parse_proc_pid_cgroup(print_proc_pid_cgroup(printed)) == tuple(printed)


# ── mountinfo ───────────────────────────────────────────────────────────────────────────────────────────────────


def mangle(name: str) -> str:
    r"""Write ``" \t\n\\#"`` as octal, as fs/proc_namespace.c does when it mangles a name."""
    return "".join(f"\\{ord(character):03o}" if character in " \t\n\\#" else character for character in name)


def print_mountinfo(mounts: list[tuple[Mount, list[str]]]) -> str:
    r"""Print as show_mountinfo() in fs/proc_namespace.c.

    ``"%i %i %u:%u "``, root, mount point, options, ``" shared:%i"`` and its like, ``" - "``, type, source, options.
    """
    return "".join(
        " ".join(
            (
                f"{m.mount_id} {m.parent_id} {m.device} {mangle(m.root)} {mangle(m.mount_point)}",
                ",".join(m.options),
                *tags,
                f"- {mangle(m.filesystem)} {mangle(m.source)}",
                ",".join(m.super_options),
            )
        )
        + "\n"
        for m, tags in mounts
    )


devices = st.tuples(count, count).map(lambda numbers: f"{numbers[0]}:{numbers[1]}")
options = st.frozensets(words, min_size=1)
mounts = st.builds(Mount, count, count, devices, any_name, any_name, options, any_name, st.just("") | any_name, options)
tags = st.lists(st.sampled_from(["shared:1", "master:23", "propagate_from:2", "unbindable"]), unique=True)


@unhurried
@given(st.lists(st.tuples(mounts, tags)))
def test_mountinfo(printed: list[tuple[Mount, list[str]]]) -> None:
    """The parser of mountinfo reads back every mount, whatever bytes its names are made of."""
    assert parse_mountinfo(print_mountinfo(printed)) == tuple(mount for mount, _ in printed)


# ── lists of CPUs, uptime, pressure ─────────────────────────────────────────────────────────────────────────────


def print_cpu_list(numbers: frozenset[int]) -> str:
    """Print as bitmap_list_string() in lib/vsprintf.c, ``%*pbl``: runs of set bits, with a dash or alone."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in runs) + "\n"


@unhurried
@given(st.frozensets(st.integers(0, 64) | st.integers(0, LIMIT)))
def test_cpu_list(numbers: frozenset[int]) -> None:
    """The parser of lists reads back every set of numbers, the empty one too."""
    assert parse_cpu_list(print_cpu_list(numbers)) == numbers


@unhurried
@given(st.integers(0, 2**63), u64)
def test_uptime(centiseconds: int, idle: int) -> None:
    """The parser of uptime reads back what uptime_proc_show() in fs/proc/uptime.c prints: ``"%lu.%02lu %lu.%02lu"``."""
    text = f"{centiseconds // 100}.{centiseconds % 100:02} {idle // 100}.{idle % 100:02}\n"
    assert parse_uptime(text) == centiseconds / 100


def print_pressure(lines: dict[str, tuple[int, int, int, int]]) -> str:
    r"""Print as psi_show() in kernel/sched/psi.c.

    ``"%s avg10=%lu.%02lu avg60=%lu.%02lu avg300=%lu.%02lu total=%llu\n"``.
    """
    return "".join(
        f"{kind} avg10={ten // 100}.{ten % 100:02} avg60={sixty // 100}.{sixty % 100:02}"
        f" avg300={most // 100}.{most % 100:02} total={total}\n"
        for kind, (ten, sixty, most, total) in lines.items()
    )


hundredths = st.integers(0, 10_000)
stalls = st.tuples(hundredths, hundredths, hundredths, u64)


def stall(line: tuple[int, int, int, int] | None) -> Stall | None:
    """Give what a printed line means."""
    return None if line is None else Stall(line[0] / 100, line[1] / 100, line[2] / 100, line[3] / 1_000_000)


@unhurried
@given(st.dictionaries(st.sampled_from(["some", "full"]), stalls, min_size=1))
def test_pressure(lines: dict[str, tuple[int, int, int, int]]) -> None:
    """The parser of pressure reads back either line or both."""
    expected = Pressure(stall(lines.get("some")), stall(lines.get("full")))
    assert parse_pressure(print_pressure(lines)) == expected


# ── unit files ──────────────────────────────────────────────────────────────────────────────────────────────────

unit_words = st.text("ab=[]#; \\'\"\u00e9\u2028\x0c", max_size=12).map(str.strip)
unit_values = unit_words.filter(lambda value: not value.endswith("\\"))
unit_names = words.map(lambda word: word + "-x")


def print_unit_file(sections: list[tuple[str, list[tuple[str, list[str]]]]]) -> str:
    """Print a value of several parts on several lines, each but the last continued, with a comment in between."""
    return "".join(
        f"[{section}]\n"
        + "".join(f"{name}=" + " \\\n# in between \\\n".join(parts) + "\n" for name, parts in assignments)
        for section, assignments in sections
    )


# A part that begins as a comment does is one, where it is not the first.
unit_parts = st.lists(unit_values.filter(lambda part: part[:1] not in ("#", ";")), min_size=1, max_size=3)
unit_sections = st.lists(st.tuples(unit_names, st.lists(st.tuples(unit_names, unit_parts))))


@unhurried
@given(unit_sections)
def test_unit_file(sections: list[tuple[str, list[tuple[str, list[str]]]]]) -> None:
    """The parser of unit files reads back every assignment, in order, however many lines it takes."""
    parsed = parse_unit_file(print_unit_file(sections))
    expected = [
        (section, name, "  ".join(parts).strip(" \t\n\r"))
        for section, assignments in sections
        for name, parts in assignments
    ]
    assert [(each.section, each.name, each.value) for each in parsed.assignments] == expected
    assert parsed.problems == ()


@unhurried
@given(st.integers(0, 2**53))
def test_time_span(microseconds: int) -> None:
    """The parser of time spans reads back what is written as FORMAT_TIMESPAN() in src/basic/time-util.c writes it."""
    names = (("w", 604_800_000_000), ("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000))
    rest, parts = microseconds, []
    for name, length in (*names, ("ms", 1000), ("us", 1)):
        parts += [f"{rest // length}{name}"] if rest >= length else []
        rest %= length
    assert parse_time_span(" ".join(parts) or "0") == microseconds / 1_000_000


# ── what has a second source ────────────────────────────────────────────────────────────────────────────────────


def next_arg(args: str) -> tuple[str, str | None, str]:  # noqa: C901  as complex as the kernel's
    """Split off one parameter, step by step as lib/cmdline.c does: its name, its value, and the rest."""
    text = [*args, "\0"]
    start, value = 0, None
    equals, in_quote, quoted = 0, False, False
    if text[0] == '"':
        start, in_quote, quoted = 1, True, True
    i = start
    while text[i] != "\0":
        if text[i] in " \t\n\v\f\r" and not in_quote:
            break
        if equals == 0 and text[i] == "=" and i > start:
            equals = i
        if text[i] == '"':
            in_quote = not in_quote
        i += 1
    end = text[i]
    if equals:
        text[equals] = "\0"
        value = equals + 1
        if text[value] == '"':
            value += 1
            if text[i - 1] == '"':
                text[i - 1] = "\0"
    if quoted and i > start and text[i - 1] == '"':
        text[i - 1] = "\0"
    text[i] = "\0"
    rest = "" if end == "\0" else args[i + 1 :]

    def string(at: int) -> str:
        return "".join(text[at : text.index("\0", at)])

    return string(start), None if value is None else string(value), rest.lstrip(" \t\n\v\f\r")


@unhurried
@given(st.text('ab=" \t', max_size=24))
def test_kernel_cmdline(cmdline: str) -> None:
    """The parser of /proc/cmdline splits every text as the kernel's own function does."""
    expected = []
    rest = cmdline.lstrip(" \t")
    while rest:
        name, value, rest = next_arg(rest)
        expected.append(Parameter(name, value))
    assert parse_kernel_cmdline(cmdline + "\n") == tuple(expected)


@unhurried
@given(any_name.filter(lambda name: "\n" not in name))
def test_os_release(name: str) -> None:
    """The parser of os-release reads back what shlex quotes for a shell."""
    assert parse_os_release(f"PRETTY_NAME={shlex.quote(name)}\n") == OsRelease("linux", pretty_name=name)
