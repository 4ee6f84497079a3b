"""A sosreport gives the diagnosis that the host itself would, as far as it goes, and says how far that is."""

import os
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.root import FakeRoot
from tests.unit.host.test_archive import pack
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.observe import observe, observe_briefly
from unreclaim.base.errors import RootError
from unreclaim.host.sosreport import SosRoot, is_wanted
from unreclaim.host.source import Source, open_source
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.finding import State
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container

HOST = Path(__file__).parents[2] / "hosts" / "sosreport-5.4-hybrid-cache-pinned"
REPORT = HOST / "sosreport-oldk-2026-11-22-unrclm0"
# The figures of HOST.toml.
DYING = 340
LIVE = 15
BOOT_ID = "04403ac4-405d-4472-a5ec-5fe8439bbd27"

OUTPUTS = "/sos_commands"
UPTIME = f"{OUTPUTS}/host/uptime"
HOSTNAMECTL = f"{OUTPUTS}/host/hostnamectl_status"
UNAME = f"{OUTPUTS}/kernel/uname_-a"
MOUNT = f"{OUTPUTS}/filesys/mount_-l"
PS = f"{OUTPUTS}/process/ps_alxwww"
SLABS = f"{OUTPUTS}/kernel/ls_-lt_.sys.kernel.slab"
MANIFEST = "/sos_reports/manifest.json"
MOUNTINFO = "/proc/1/mountinfo"
CGROUPS = "/sys/fs/cgroup"

FILES = {
    f"/{path.relative_to(REPORT)}": path.read_text(encoding="utf-8")
    for path in sorted(REPORT.rglob("*"))
    if path.is_file() and not path.is_symlink()
}
NOTHING: Mapping[str, str | None] = {}
EXACT = Gap(
    "exact counts of dying cgroups",
    "sos copies the cgroup tree over seconds, while cgroups come and go: counts on v1 may be off by a few",
    "run unreclaim on the host",
)


def fake(changes: Mapping[str, str | None] = NOTHING, *, without: str = "\n") -> FakeRoot:
    """Give the report of tests/hosts in memory, with some files changed or (None) left out, or a whole directory."""
    files = {path: text for path, text in FILES.items() if not path.startswith(without)}
    for path, text in changes.items():
        files.pop(path, None)
        if text is not None:
            files[path] = text
    return FakeRoot(files, live=False, symbols=None)


def look(root: FakeRoot) -> Diagnosis:
    """Diagnose a report in memory."""
    return diagnose(observe(Source("sosreport", (SosRoot(root),)), FakeClock(), window_seconds=0))


def look_at(path: Path | str) -> Diagnosis:
    """Diagnose what a path names."""
    return diagnose(observe(open_source(str(path)), FakeClock(), window_seconds=0))


def counts(diagnosis: Diagnosis) -> dict[str, tuple[int | None, int | None]]:
    """Give live and dying cgroups by controller."""
    return {count.name: (count.live, count.dying) for count in diagnosis.counts}


def whys(diagnosis: Diagnosis) -> dict[str, str]:
    """Give the gaps' reasons by what is missing."""
    return {gap.what: gap.why for gap in diagnosis.gaps}


# ── a whole report ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_gives_the_diagnosis_of_its_host() -> None:
    """The counts are those of HOST.toml, everything else is told from copies and outputs, and the one limit is said."""
    diagnosis = look_at(HOST)
    host = diagnosis.host
    assert (diagnosis.verdict.state, [finding.id for finding in diagnosis.findings]) == (State.GROWING, ["S1"])
    assert counts(diagnosis)["memory"] == (LIVE, DYING)
    assert counts(diagnosis)["unified"] == (15, 0)
    assert (host.hostname, host.kernel, host.architecture, host.boot_id) == ("oldk", "5.4.1", "x86_64", BOOT_ID)
    assert (host.cpus_possible, host.numa_nodes, host.page_size_bytes) == (1, 1, 4096)
    assert (host.container, host.os.id if host.os else None) == (None, "debian")
    assert (diagnosis.cgroup_mode, diagnosis.captured) == ("hybrid", True)
    assert diagnosis.last.uptime_seconds == 60
    assert [(process.pid, process.name, process.rss_bytes) for process in diagnosis.last.processes] == [
        (1, "systemd", 9488 * 1024),
        (69, "systemd-logind", 6412 * 1024),
    ]
    assert diagnosis.gaps == (EXACT,)


def test_a_report_says_in_brief_what_it_says_at_length() -> None:
    """The brief look comes to the same verdict."""
    brief = diagnose(observe_briefly(open_source(str(HOST))))
    assert (brief.verdict.state, counts(brief)["memory"]) == (State.GROWING, (LIVE, DYING))


@pytest.mark.parametrize("path", [str(REPORT), f"{REPORT}/", f"{HOST}/"])
def test_a_report_is_found_where_it_lies(path: str) -> None:
    """The report's own directory, and one that holds nothing else of the kind, name it; a slash does no harm."""
    source = open_source(path)
    assert (source.kind, len(source.roots)) == ("sosreport", 1)
    assert source.roots[0].read_text("/proc/uptime") == "60.00 60.00\n"


def test_of_several_reports_one_must_be_chosen(tmp_path: Path) -> None:
    """A directory with two reports is refused, with the way on."""
    for name in ("b", "a"):
        (tmp_path / name / "sos_commands").mkdir(parents=True)
    with pytest.raises(RootError, match="holds 2 sosreports") as caught:
        open_source(str(tmp_path))
    assert caught.value.hint == "choose one, such as a"


def test_a_packed_report_is_read_without_its_logs(tmp_path: Path) -> None:
    """The archive as sos makes it gives the same diagnosis; what is never read is not kept in memory."""
    log = tmp_path / "messages"
    log.write_bytes(b"x" * 1000)
    path = tmp_path / f"{REPORT.name}.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        tar.add(log, f"{REPORT.name}/var/log/messages")
        tar.add(log, f"{REPORT.name}/sos_commands/logs/journalctl_--no-pager")
        tar.add(REPORT, REPORT.name)
    unpacked, packed = look_at(HOST), look_at(path)
    assert (packed.verdict, packed.gaps, packed.host) == (unpacked.verdict, unpacked.gaps, unpacked.host)
    root = open_source(str(path)).roots[0]
    assert root.read_text("/proc/sys/kernel/hostname") == "oldk\n"
    for dropped in ("/var/log/messages", "/sos_commands/logs/journalctl_--no-pager"):
        with pytest.raises(FileNotFoundError):
            root.read_text(dropped)


def test_only_of_a_sosreport_members_are_left_out() -> None:
    """What is wanted of a sosreport's archive is all that is read; of other archives it is everything."""
    top = "sosreport-oldk-2026-11-22-unrclm0"
    wanted = ["proc/meminfo", "proc/pressure/cpu", "proc/1/mountinfo", "proc/77/status", "version.txt"]
    wanted += ["sys/fs/cgroup/memory/memory.stat", "etc/os-release", "sos_logs/ui.log", MANIFEST[1:], UPTIME[1:]]
    unwanted = ["proc/77/smaps", "var/log/messages", "etc/shadow", "sos_logs/sos.log", "sos_commands/logs/x", ""]
    assert [path for path in wanted if not is_wanted(f"{top}/{path}")] == []
    assert [path for path in unwanted if is_wanted(f"{top}/{path}")] == []
    assert all(is_wanted(f"unreclaim-bundle/0001/{path}") for path in (*wanted, *unwanted))


def test_an_archive_without_a_report_is_none(tmp_path: Path) -> None:
    """An archive of a captured tree is still read as one."""
    assert open_source(pack(tmp_path / "x.tar", {"host/proc/meminfo": b"MemTotal: 1 kB\n"})).kind == "tree"


# ── other layouts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_layout_of_sos_3_is_read() -> None:
    """A report of 3.4 has other places, neither manifest nor status of processes, and only a list of mounts."""
    general = {
        f"{OUTPUTS}/general/uptime": FILES[UPTIME],
        f"{OUTPUTS}/general/hostname": "oldk\n",
        f"{OUTPUTS}/process/ps_auxwww": FILES[f"{OUTPUTS}/process/ps_auxwwwm"],
        "/version.txt": "sosreport: 3.4\ncgroups: unversioned\nmemory: unversioned",
    }
    gone = [MANIFEST, MOUNTINFO, "/proc/1/status", PS, f"{OUTPUTS}/process/ps_auxwwwm", "/proc/sys/kernel/hostname"]
    left_out: dict[str, str | None] = dict.fromkeys(
        [*gone, *(path for path in FILES if path.startswith(f"{OUTPUTS}/host"))]
    )
    diagnosis = look(fake({**left_out, **general}))
    assert (diagnosis.verdict.state, counts(diagnosis)) == (State.GROWING, counts(look_at(HOST)))
    assert (diagnosis.host.hostname, diagnosis.last.uptime_seconds) == ("oldk", 60)
    assert [(process.pid, process.name, process.rss_bytes) for process in diagnosis.last.processes] == [
        (1, "init", 9488 * 1024),
        (69, "systemd-logind", 6412 * 1024),
    ]
    assert diagnosis.gaps == (EXACT,)


V2 = {
    MOUNTINFO: "25 18 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
    "/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t54\t1\npids\t0\t54\t1\n",
    f"{CGROUPS}/cgroup.controllers": "memory pids\n",
    f"{CGROUPS}/cgroup.stat": "nr_descendants 30\nnr_dying_descendants 23\n",
    f"{CGROUPS}/memory.stat": "anon 4096\nfile 8192\n",
    f"{CGROUPS}/system.slice/memory.stat": "anon 4096\nfile 8192\n",
    f"{CGROUPS}/system.slice/cgroup.events": "populated 1\nfrozen 0\n",
}


def test_count_of_v2_is_the_kernels_own() -> None:
    """On v2 nothing is subtracted, so the copy's slowness does not matter."""
    diagnosis = look(fake(V2, without=CGROUPS))
    assert (diagnosis.cgroup_mode, counts(diagnosis)["memory"]) == ("v2", (31, 23))
    # All 23 are right below the root, beside its processes.
    why = "cgroup v2 does not tell the pages of dying cgroups from those of processes beside them"
    assert diagnosis.gaps == (Gap("what dying cgroups hold", why, "run unreclaim census on the host itself"),)


def test_obfuscated_names_do_no_harm() -> None:
    """A report that "sos clean" went over keeps its figures under other names."""
    renamed = {
        "/proc/sys/kernel/hostname": "host0\n",
        **{
            path.replace("/system.slice/", "/obfuscatedword3.slice/"): text
            for path, text in FILES.items()
            if "/system.slice/" in path
        },
    }
    left_out: dict[str, str | None] = dict.fromkeys(path for path in FILES if "/system.slice/" in path)
    diagnosis = look(fake({**left_out, **renamed}))
    assert counts(diagnosis)["memory"] == (LIVE, DYING)
    assert (diagnosis.host.hostname, diagnosis.verdict.state) == ("host0", State.GROWING)


# ── what cannot be told ─────────────────────────────────────────────────────────────────────────────────────────


def in_container(kind: str, *, lxcfs: bool) -> dict[str, str | None]:
    """Give the changes that make the host a container: /proc/cgroups is the whole host's, the tree is not."""
    faked = "801 712 0:51 /proc/meminfo /proc/meminfo rw master:5 - fuse.lxcfs lxcfs rw,allow_other\n"
    return {
        HOSTNAMECTL: f"   Static hostname: c1\n           Chassis: container\n    Virtualization: {kind}\n",
        MOUNTINFO: FILES[MOUNTINFO] + (faked if lxcfs else ""),
        **dict.fromkeys(path for path in FILES if path.endswith("/cgroup.sane_behavior")),
    }


@pytest.mark.parametrize("lxcfs", [True, False])
def test_count_of_a_container_is_not_told(*, lxcfs: bool) -> None:
    """In a container's report the host's num_cgroups minus the container's directories is no count of anything."""
    diagnosis = look(fake(in_container("lxc", lxcfs=lxcfs)))
    assert diagnosis.verdict.state is State.CANNOT_TELL
    assert counts(diagnosis)["memory"] == (LIVE, None)
    faked = ("/proc/meminfo",) if lxcfs else ()
    evidence = ("the container manager is lxc", *("lxcfs is mounted over /proc/meminfo" for _ in faked))
    assert diagnosis.host.container == Container("lxc", evidence, faked)
    assert "only a part of the hierarchy is visible here" in whys(diagnosis)["dying cgroups (memory)"]
    assert EXACT not in diagnosis.gaps


def test_virtual_machine_is_no_container() -> None:
    """Virtualization in hostnamectl is a container's only where systemd says so."""
    assert "Virtualization: kvm" in FILES[HOSTNAMECTL]
    assert look(fake()).host.container is None


def manifest(plugins: str, preset: str = "none") -> str:
    """Give a manifest."""
    return f'{{"components": {{"report": {{"preset": "{preset}", "plugins": {{{plugins}}}}}}}}}'


NOT_RUN = "the sosreport holds no cgroup tree: sos was run without its plugin cgroups"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({MANIFEST: manifest('"memory": {}', "ocp")}, f"{NOT_RUN} (preset ocp)"),
        ({MANIFEST: manifest('"memory": {}')}, NOT_RUN),
        ({MANIFEST: manifest('"cgroups": {}')}, "the sosreport holds no cgroup tree"),
        ({MANIFEST: None, "/version.txt": "sosreport: 3.9\nmemory: unversioned"}, NOT_RUN),
        ({MANIFEST: None, "/version.txt": "sosreport: 4.2"}, "the sosreport holds no cgroup tree"),
        ({MANIFEST: None, "/version.txt": None}, "the sosreport holds no cgroup tree"),
        (
            {"/sys/fs/cgroup.tar": "packed"},
            "the cgroup tree is in sys/fs/cgroup.tar (sos report --pack-dir); unpack that in its place",
        ),
    ],
)
def test_a_report_without_cgroups_says_why(changes: dict[str, str | None], why: str) -> None:
    """Where the cgroup tree is missing (OpenShift's preset leaves it out), a gap says so and nothing is counted."""
    v2 = {MOUNTINFO: V2[MOUNTINFO], "/proc/cgroups": None}
    diagnosis = look(fake({**v2, **changes}, without=f"{CGROUPS}/"))
    assert diagnosis.verdict.state is State.CANNOT_TELL
    assert [count.dying for count in diagnosis.counts] == [None]
    assert whys(diagnosis)["cgroups"] == why


@pytest.mark.parametrize(
    "changes",
    [
        {MANIFEST: manifest('"cgroups": {"timeout_hit": true}')},
        {MANIFEST: None, "/sos_logs/ui.log": "2020-02-11 19:28:17,311 ERROR: \n Plugin cgroups timed out\n"},
    ],
    ids=["4", "3"],
)
def test_a_tree_that_was_cut_short_is_not_counted(changes: dict[str, str | None]) -> None:
    """Where sos ran out of time, each directory that is missing would pass for a dying cgroup."""
    diagnosis = look(fake(changes))
    assert diagnosis.verdict.state is State.CANNOT_TELL
    assert counts(diagnosis)["memory"] == (None, None)
    why = "only a part was copied: sos's plugin cgroups ran out of time"
    assert (whys(diagnosis)["cgroups"], whys(diagnosis)["cgroups of memory"]) == (why, f"{CGROUPS}/memory: {why}")


def test_a_file_that_is_empty_was_not_readable() -> None:
    """An empty copy is an error that became a file: a gap, and never zero."""
    empty = ["/proc/slabinfo", f"{CGROUPS}/memory/memory.stat", f"{CGROUPS}/unified/cgroup.stat", "/proc/cgroups"]
    diagnosis = look(fake(dict.fromkeys(empty, "")))
    assert diagnosis.last.slabs is None
    assert [count.dying for count in diagnosis.counts] == [None]
    assert whys(diagnosis)["slab caches"] == "/proc/slabinfo: copied, but empty: sos could not read it"
    assert whys(diagnosis)["controllers"] == "/proc/cgroups: copied, but empty: sos could not read it"


def test_a_process_that_ended_meanwhile_is_no_gap() -> None:
    """An empty status is that of a process that ended while sos copied it."""
    assert look(fake({"/proc/77/status": "", f"{CGROUPS}/unified/cgroup.controllers": ""})).gaps == (EXACT,)


def test_kernel_symbols_are_not_known() -> None:
    """A report without /proc/kallsyms does not say what the kernel can do."""
    assert SosRoot(fake()).has_symbol("lru_reparent_memcg") is None
    assert SosRoot(fake({"/proc/kallsyms": "0 T lru_reparent_memcg\n"})).has_symbol("lru_reparent_memcg") is True


# ── facts that are told from something else ─────────────────────────────────────────────────────────────────────


LISTED = (
    "1 0 0:1 / /sys/fs/cgroup/memory rw,memory - cgroup cgroup rw,memory\n"
    "2 0 0:1 / /mnt/a\\040b\\134c ro,memory - cgroup cgroup ro,memory\n"
    "3 0 0:2 / /sys/fs/cgroup/pids rw,pids - cgroup cgroup rw,pids\n"
    "4 0 0:3 / /sys/fs/cgroup/unified rw,nsdelegate - cgroup2 none rw,nsdelegate\n"
    "5 0 0:3 / /mnt/c rw - cgroup2 cgroup2 rw\n"
)


@pytest.mark.parametrize(
    ("path", "changes", "text"),
    [
        # A broken uptime, then none: the time of boot and that of the report tell it, to the second.
        ("/proc/uptime", {UPTIME: "uptime: error\n"}, "100.00 100.00\n"),
        ("/proc/uptime", {UPTIME: None, f"{OUTPUTS}/date/date_--utc": ""}, "100.00 100.00\n"),
        ("/proc/uptime", {"/proc/uptime": "5.00 1.00\n"}, "5.00 1.00\n"),
        ("/proc/sys/kernel/hostname", {"/proc/sys/kernel/hostname": None}, "oldk"),
        ("/proc/sys/kernel/hostname", {"/proc/sys/kernel/hostname": "", f"{OUTPUTS}/host/hostname": "a b"}, "oldk"),
        ("/proc/sys/kernel/osrelease", {"/proc/sys/kernel/osrelease": None}, "5.4.1"),
        ("/proc/sys/kernel/arch", {}, "x86_64"),
        ("/proc/sys/kernel/random/boot_id", {"/proc/sys/kernel/random/boot_id": None}, BOOT_ID),
        ("/sys/devices/system/node/possible", {}, "0"),
        ("/sys/devices/system/node/possible", {"/proc/zoneinfo": "Node 0, zone A\nNode 3, zone A\n"}, "0,3"),
        ("/sys/devices/system/node/possible", {"/proc/zoneinfo": None}, "0-0"),
        ("/proc/self/mountinfo", {MOUNTINFO: None, "/proc/self/mountinfo": FILES[MOUNTINFO]}, FILES[MOUNTINFO]),
        ("/proc/self/mountinfo", {"/proc/self/mountinfo": V2[MOUNTINFO]}, FILES[MOUNTINFO]),
        ("/proc/self/mountinfo", {MOUNTINFO: None, MOUNT: "proc on /proc type proc (rw)\n"}, ""),
        (
            "/proc/self/mountinfo",
            {
                MOUNTINFO: "damaged",
                MOUNT: "cgroup on /sys/fs/cgroup/memory type cgroup (rw,memory)\n"
                "cgroup on /mnt/a b\\c type cgroup (ro,memory)\n"
                "cgroup on /sys/fs/cgroup/pids type cgroup (rw,pids)\n"
                "none on /sys/fs/cgroup/unified type cgroup2 (rw,nsdelegate)\n"
                "cgroup2 on /mnt/c type cgroup2 (rw)\n",
            },
            LISTED,
        ),
        ("/proc/69/status", {}, "Name:\tsystemd-logind\nPid:\t69\nVmRSS:\t6412 kB\n"),
        ("/proc/1/status", {"/proc/1/status": ""}, "Name:\tinit\nPid:\t1\nVmRSS:\t9488 kB\n"),
    ],
)
def test_what_was_not_copied_is_told_from_something_else(path: str, changes: dict[str, str | None], text: str) -> None:
    """Each file that a sosreport may lack is written from the next best source, in the file's own form."""
    assert SosRoot(fake(changes)).read_text(path) == text


@pytest.mark.parametrize(
    ("path", "changes", "why"),
    [
        (
            "/proc/uptime",
            {UPTIME: "junk", "/proc/stat": "cpu 1\n"},
            "sos_commands/host/uptime:1: expected the line of uptime, found 'junk'",
        ),
        ("/proc/uptime", {UPTIME: None, "/proc/stat": "btime 9999999999\n"}, "No such file or directory"),
        (
            "/proc/uptime",
            {UPTIME: None, f"{OUTPUTS}/date/date": None, f"{OUTPUTS}/date/date_--utc": None},
            "No such file",
        ),
        (
            "/proc/self/mountinfo",
            {MOUNTINFO: "25 18 0:22 / /a\\000b rw - cgroup2 cgroup2 rw\n"},
            "proc/1/mountinfo: a mount point holds a NUL byte, which no path can",
        ),
        ("/run/systemd/container", {}, "No such file or directory"),
        ("/run/systemd/container", {HOSTNAMECTL: "Failed to connect to bus\n"}, "expected 'Static hostname: ...'"),
        ("/proc/70/status", {}, "No such file or directory"),
        ("/proc/meminfo", {"/proc/meminfo": ""}, "copied, but empty: sos could not read it"),
    ],
)
def test_what_nothing_tells_is_an_error_that_says_why(path: str, changes: dict[str, str | None], why: str) -> None:
    """The error of a file is that of the first source that was there and made no sense."""
    changes = {MOUNT: None, **changes}
    with pytest.raises(OSError, match=re.escape(why)):
        SosRoot(fake(changes)).read_text(path)


def test_merged_caches_are_told_from_a_listing() -> None:
    """The links of /sys/kernel/slab are read from a listing, whose caches are its names."""
    listing = (
        "total 0\ndrwxr-xr-x 3 root root 0 Feb 11 19:23 :0000192\n"
        "lrwxrwxrwx 1 root root 0 Feb 11 19:23 dentry -> :0000192\n"
        "lrwxrwxrwx 1 root root 0 Feb 11 19:23 cred_jar -> :0000192\n"
        "lrwxrwxrwx 1 root root 0 Feb 11 19:23 task_group -> :0000640\n"
    )
    merged = ("cred_jar", "dentry")
    assert look(fake({SLABS: listing})).host.slab_aliases == {"cred_jar": merged, "dentry": merged}
    with pytest.raises(OSError, match="No such"):
        SosRoot(fake({SLABS: listing})).read_link("/sys/kernel/slab/inode_cache")


@pytest.mark.parametrize(
    ("path", "what", "why"),
    [
        (PS, "memory of daemons", "sos_commands/process/ps_alxwww: no header with PID, RSS and COMMAND"),
        (
            SLABS,
            "merged slab caches",
            "sos_commands/kernel/ls_-lt_.sys.kernel.slab:1: expected a line of ls, found '?'",
        ),
        (MANIFEST, "how the sosreport was made", "sos_reports/manifest.json: no JSON"),
        (UPTIME, "time since boot", "/proc/uptime: sos_commands/host/uptime:1: expected the line of uptime, found '?'"),
        (
            HOSTNAMECTL,
            "container manager",
            f"/run/systemd/container: {HOSTNAMECTL[1:]}: expected 'Static hostname: ...'",
        ),
    ],
)
def test_an_output_that_is_damaged_is_a_gap(path: str, what: str, why: str) -> None:
    """An output that cannot be understood is named, with its line, where no other source tells the same."""
    others: dict[str, str | None] = {f"{OUTPUTS}/process/ps_auxwwwm": None, "/proc/stat": None}
    assert whys(look(fake({**others, path: "?"})))[what].startswith(why)


# ── hostile reports ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the report to change."""
    return Path(shutil.copytree(REPORT, tmp_path / "unpacked" / REPORT.name, symlinks=True))


def climbing(link: Path, secret: Path) -> str:
    """Give a relative target that climbs out of the report."""
    return os.path.relpath(secret, link.parent)


def absolute(_link: Path, secret: Path) -> str:
    """Give an absolute target."""
    return str(secret)


@pytest.mark.parametrize("target", [climbing, absolute])
@pytest.mark.parametrize("path", ["proc/slabinfo", "proc/1/mountinfo", "sos_commands/host/uptime", MANIFEST[1:]])
def test_links_lead_nowhere_else(copy: Path, path: str, target: Callable[[Path, Path], str]) -> None:
    """A link in a report, whichever way it is made, gives nothing that lies outside of it."""
    secret = copy.parent / "shadow"
    secret.write_text("root:$6$secret\n", encoding="utf-8")
    link = copy / path
    link.unlink()
    link.symlink_to(target(link, secret))
    assert link.read_text(encoding="utf-8") == "root:$6$secret\n"
    with pytest.raises(FileNotFoundError):
        open_source(str(copy)).roots[0]._files.read_text(f"/{path}")  # type: ignore[attr-defined]
    diagnosis = look_at(copy)
    assert not any("secret" in gap.why for gap in diagnosis.gaps)
    assert diagnosis.ledger is not None


@pytest.mark.parametrize("target", [climbing, absolute])
def test_directories_elsewhere_are_not_counted(copy: Path, target: Callable[[Path, Path], str]) -> None:
    """A cgroup tree that is a link to directories outside of the report is not there."""
    outside = copy.parent / "outside"
    (outside / "a" / "b").mkdir(parents=True)
    tree = copy / "sys" / "fs" / "cgroup" / "memory"
    shutil.rmtree(tree)
    tree.symlink_to(target(tree, outside))
    assert counts(look_at(copy))["memory"] == (None, None)


def test_a_report_that_is_a_link_is_not_looked_for(tmp_path: Path) -> None:
    """Of the directories below the one that was named, a link is none: it might lead anywhere."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "report").symlink_to(REPORT)
    with pytest.raises(RootError, match="holds neither"):
        open_source(str(tmp_path / "given"))


USED = sorted(
    {
        *(path for path in FILES if path.startswith(("/proc/", OUTPUTS, "/sos_reports/", "/version"))),
        *(f"{CGROUPS}/memory{name}" for name in ("/memory.stat", "/memory.usage_in_bytes", "/cgroup.sane_behavior")),
        *(f"{CGROUPS}/unified{name}" for name in ("/cgroup.stat", "/cgroup.controllers", "/cgroup.events")),
        *(f"{OUTPUTS}/general/{name}" for name in ("uptime", "date", "hostname")),
        *(SLABS, "/usr/lib/os-release", "/sos_logs/ui.log", "/proc/self/mountinfo", "/proc/uptime", "/proc/77/status"),
        "/sys/devices/system/cpu/possible",
    }
)
DECODED = st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_text_in_any_file_gives_a_diagnosis(data: st.DataObject) -> None:
    """Whatever the files of a report hold, there is a diagnosis; what makes no sense is a gap in it."""
    changes: dict[str, str | None] = {}
    for path in data.draw(st.lists(st.sampled_from(USED), min_size=1, max_size=4, unique=True)):
        text = FILES.get(path, "")
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        junk = data.draw(DECODED)
        changes[path] = data.draw(st.sampled_from([None, junk, text[:start] + junk + text[end:]]))
    assert isinstance(look(fake(changes)), Diagnosis)
