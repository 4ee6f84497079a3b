"""The shell script makes the bundle that the program makes, in every shell and with no tools but busybox's."""

import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import (
    hand_memory_down,
    memory_hierarchy,
    new_memory_cgroup,
    own_name,
    remove_cgroup,
    skip_unless_forced,
    unified_hierarchy,
)
from tests.root.test_dying import count_dying, s1_is_explained, s1_is_said, settled
from tests.root.workload import leave_dying
from unreclaim import __version__
from unreclaim.app import capture as capture_module
from unreclaim.app.capture import EXTRA_FILES
from unreclaim.app.clock import SystemClock
from unreclaim.host.archive import Archive
from unreclaim.host.capture_script import capture_script
from unreclaim.host.procfs import DAEMONS
from unreclaim.host.root import LiveRoot
from unreclaim.host.source import Source, open_source

pytestmark = pytest.mark.live

TOP = "unreclaim-bundle"
FIRST = f"{TOP}/0001"
# What differs between two readings of a host at rest.
CHANGING = re.compile(
    r".*/(memory\.[a-z._]+|proc/(meminfo|vmstat|slabinfo|zoneinfo|buddyinfo|loadavg|uptime|cgroups|pressure/\w+"
    r"|\d+/status|sys/kernel/random/\w+)|mm_stat|bundle\.toml)"
)
Run = Callable[..., subprocess.CompletedProcess[bytes]]


class Shell:
    """A shell with the tools that it finds."""

    def __init__(self, name: str, tools: Path) -> None:
        """`tools` is a directory with every applet of busybox and nothing else."""
        self.name = name
        self.argv = {
            "dash": ["dash"],
            "busybox": ["busybox", "sh"],
            "busybox-only": [str(shutil.which("busybox")), "sh"],
            "bash": ["bash", "--posix"],
        }[name]
        self.path = str(tools) if name == "busybox-only" else os.environ["PATH"]

    def environment(self, scratch: Path, **more: str) -> dict[str, str]:
        """Give the environment: where the script may put what it needs, and nothing of the caller's."""
        return {"PATH": self.path, "TMPDIR": str(scratch), **more}


def busybox_heeds_path() -> bool:
    """Tell whether busybox takes what PATH leads to: Debian's busybox-static takes its own applets first."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "uname").write_text("#!/bin/sh\necho mine\n", encoding="ascii")
        (Path(directory) / "uname").chmod(0o755)
        asked = [shutil.which("busybox") or "/bin/false", "sh", "-c", "uname -s"]
        told = subprocess.run(asked, env={"PATH": directory}, capture_output=True, check=False).stdout
    return told == b"mine\n"


# bash is what old Enterprise Linux has for sh.
SHELLS = ("dash", "busybox", "busybox-only", "bash")
# Where a tool of the script's is replaced by one of ours, a shell takes part that can be given it.
HEEDING = SHELLS if busybox_heeds_path() else ("dash", "bash")
with_our_tools = pytest.mark.parametrize("shell", HEEDING, indirect=True)


@pytest.fixture(scope="session")
def applets() -> Iterator[Path]:
    """Give a directory with every applet of busybox, which an unprivileged user may enter too."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        subprocess.run(["busybox", "--install", "-s", directory], check=True)
        yield Path(directory)


@pytest.fixture(params=SHELLS, scope="session")
def shell(request: pytest.FixtureRequest, applets: Path) -> Shell:
    """Give each shell in turn."""
    return Shell(request.param, applets)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Give the TMPDIR of the script, which must be left empty."""
    directory = tmp_path / "scratch of its own"
    directory.mkdir()
    return directory


@pytest.fixture
def run(shell: Shell, scratch: Path) -> Iterator[Run]:
    """Give a function that runs the script from stdin, as ssh does, and see to it that nothing is left behind."""

    def run_script(
        *arguments: str | Path, before: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*before, *shell.argv, "-s", "--", *arguments],
            input=capture_script().encode(),
            env=shell.environment(scratch, **environment),
            capture_output=True,
            check=False,
        )

    yield run_script
    assert list(scratch.iterdir()) == []


def unreclaim(*arguments: str | Path, codes: tuple[int, ...] = (0, 1, 2, 3)) -> bytes:
    """Run the real program and give its stdout; the exit codes 0 to 3 are verdicts."""
    done = subprocess.run([sys.executable, "-m", "unreclaim", *arguments], capture_output=True, check=False)
    assert done.returncode in codes, done.stderr
    return done.stdout


def diagnose(bundle: Path) -> dict[str, Any]:
    """Give what the program says about a bundle."""
    document: dict[str, Any] = json.loads(unreclaim("diagnose", "--json", "--root", bundle))
    return document


def captured(path: Path) -> Archive:
    """Let the program capture this host."""
    unreclaim("capture", "-o", path, codes=(0,))
    return Archive(str(path))


def is_gone(name: str) -> bool:
    """Tell whether a file or directory of a bundle is no longer on this host."""
    return not os.path.lexists(name.removeprefix(FIRST))


def figures(file: Path) -> dict[str, int]:
    """Read a file of names and numbers."""
    return {
        name: int(value) for name, value in (line.split() for line in file.read_text(encoding="ascii").splitlines())
    }


def memory_row(text: bytes) -> int:
    """Give the number of memory cgroups from the text of /proc/cgroups."""
    row = re.search(rb"^memory\t\d+\t(\d+)", text, re.MULTILINE)
    assert row is not None
    return int(row[1])


def held_by_dying(cgroup: Path) -> int:
    """Give the page cache in bytes that removed children of a cgroup hold, if it and its others have none."""
    stat = figures(cgroup / "memory.stat")
    return stat["total_cache"] if "total_cache" in stat else stat["file"]


def test_bundle_holds_what_the_program_captures(run: Run, tmp_path: Path) -> None:
    """The script's bundle holds every file and directory that the program's does, with the same text."""
    before = captured(tmp_path / "before.tar.gz")
    done = run("-o", tmp_path / "it.tar.gz")
    after = captured(tmp_path / "after.tar.gz")
    ours = Archive(str(tmp_path / "it.tar.gz"))
    assert done.returncode == 0
    assert done.stdout == b""
    # No shell reads the kernel's type information (docs/bundle.md).
    for bundle in (before, after):
        bundle.files.pop(f"{FIRST}/sys/kernel/btf/vmlinux", None)
        bundle.children.pop(f"{FIRST}/sys/kernel/btf", None)

    # Of the control characters the script keeps all but one; see the next test.
    missing = before.files.keys() & after.files.keys() - ours.files.keys()
    assert {name for name in missing if "\x01" not in name} == set()
    missing = before.children.keys() & after.children.keys() - ours.children.keys()
    assert {name for name in missing if "\x01" not in name} == set()

    standing = [
        name for name, text in before.files.items() if after.files.get(name) == text and not CHANGING.fullmatch(name)
    ]
    assert {f"{FIRST}/proc/self/mountinfo", f"{FIRST}/proc/cmdline", f"{FIRST}/proc/self/ns/pid"} <= set(standing)
    assert {name: ours.files[name] for name in standing} == {name: before.files[name] for name in standing}
    tables = re.compile(r".*/(memory\.stat|proc/(meminfo|vmstat))")
    for name in before.files.keys() & after.files.keys():
        if tables.fullmatch(name):
            assert words(ours.files[name]) == words(before.files[name])


def words(text: bytes) -> list[bytes]:
    """Give the first word of every line."""
    return [line.split()[0] for line in text.splitlines()]


@pytest.mark.root
def test_every_memory_cgroup_is_in_it(run: Run, memory_cgroup: Path, tmp_path: Path) -> None:
    """Directories of the memory hierarchy are those that the program sees, however they are called."""
    names = [
        "plain",
        "two words",
        "quo'te\"s",
        "back\\slash",
        "$(x) `y` *",
        "-o",
        "ü ☂",
        "a:b",
        "x->y",
        "tab\t",
        "%s",
    ]
    for name in names:
        (memory_cgroup / name).mkdir()
        hand_memory_down(memory_cgroup / name)
        (memory_cgroup / name / "inner one").mkdir()
    (memory_cgroup / "control\x01").mkdir()
    with pytest.raises(OSError, match="Invalid argument"):
        # So a line of find's output is a path.
        (memory_cgroup / "new\nline").mkdir()
    before = captured(tmp_path / "before.tar.gz")
    assert run("-o", tmp_path / "it.tar.gz").returncode == 0
    after = captured(tmp_path / "after.tar.gz")
    ours = Archive(str(tmp_path / "it.tar.gz"))

    top = f"{FIRST}{memory_cgroup}"
    hierarchy = f"{FIRST}{memory_hierarchy()}"
    sets = [{name for name in archive.children if name.startswith(hierarchy)} for archive in (before, ours, after)]
    assert f"{top}/control?" in sets[1]
    sets = [{name.replace("\x01", "?") for name in names} for names in sets]
    assert sets[0] & sets[2] - sets[1] == set()
    assert {f"{top}/{name}{inner}" for name in names for inner in ("", "/inner one")} | {f"{top}/control?", top} == {
        name for name in sets[1] if name.startswith(top)
    }
    charged = {name for name in ours.files if name.startswith(top) and name.endswith("/memory.stat")}
    assert charged == {f"{name}/memory.stat" for name in sets[1] if name.startswith(top) and "?" not in name}


@pytest.fixture
def unified_cgroup() -> Iterator[Path]:
    """Give a cgroup of the test's own on the unified hierarchy, with others below it."""
    hierarchy = unified_hierarchy()
    if hierarchy is None:
        skip_unless_forced("no cgroup v2 is mounted")
    assert hierarchy is not None
    cgroup = hierarchy / own_name("test")
    (cgroup / "b" / "c").mkdir(parents=True)
    try:
        yield cgroup
    finally:
        remove_cgroup(cgroup)


@pytest.mark.root
def test_unified_cgroups_are_in_it(run: Run, unified_cgroup: Path, tmp_path: Path) -> None:
    """Cgroups of v2 are in it like those of v1, with cgroup.stat of the upper two levels."""
    theirs = captured(tmp_path / "program.tar.gz")
    assert run("-o", tmp_path / "it.tar.gz").returncode == 0
    ours = Archive(str(tmp_path / "it.tar.gz"))
    top = f"{FIRST}{unified_cgroup}"
    for archive in (theirs, ours):
        assert {name for name in archive.children if name.startswith(top)} == {top, f"{top}/b", f"{top}/b/c"}
    assert {name for name in theirs.files if name.startswith(top)} <= ours.files.keys()
    assert {f"{top}/cgroup.stat", f"{top}/b/cgroup.stat"} <= ours.files.keys()


@pytest.mark.root
def test_error_of_a_read_is_kept(run: Run, tmp_path: Path) -> None:
    """A file that opens and cannot be read is named with the error, as the program names it; an empty one is kept."""
    # Nothing is mapped at address 0, so that the memory of a process cannot be read from its beginning.
    mount = 'sleep 60 & mount --bind "/proc/$!/mem" /proc/buddyinfo && mount --bind /dev/null /proc/swaps && "$@"'
    mount += "; code=$?; kill $!; exit $code"
    before = (str(shutil.which("unshare")), "--mount", "/bin/sh", "-c", f"PATH=$PATH:/usr/bin:/bin; {mount}", "sh")
    done = run("-o", tmp_path / "it.tar.gz", before=before)
    assert done.returncode == 0
    theirs = tmp_path / "program.tar.gz"
    subprocess.run([*before, sys.executable, "-m", "unreclaim", "capture", "-o", theirs], check=True)
    for bundle in (tmp_path / "it.tar.gz", theirs):
        files = Archive(str(bundle)).files
        assert b"EIO /proc/buddyinfo" in files[f"{FIRST}/unreadable"].splitlines()
        assert files[f"{FIRST}/proc/swaps"] == b""
    assert b"not in it: /proc/buddyinfo (EIO)\n" in done.stderr


@pytest.fixture
def cgroup_with_23_dying(disk: Path) -> Iterator[Path]:
    """Give a memory cgroup with 23 dying children, each held by a page of a file.

    Each test makes its own: pages that are clean and a minute old may be reclaimed on a machine that does so unasked
    (DAMON's pageout scheme here), and with them their cgroups.
    """
    with new_memory_cgroup() as cgroup:
        # Where the kernel does not print a cgroup's own page cache, only one with live children is looked at.
        (cgroup / "live").mkdir()
        leave_dying(cgroup, disk)
        deadline = time.monotonic() + 10
        # The kernel adds its statistics up every two seconds.
        while held_by_dying(cgroup) != 23 * 4096 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert held_by_dying(cgroup) == 23 * 4096
        yield cgroup


@pytest.mark.root
@pytest.mark.pages_pin
def test_dying_cgroups_come_out_the_same(run: Run, cgroup_with_23_dying: Path, tmp_path: Path) -> None:
    """Both bundles give the dying count and the bytes held by 23 of our own that others count too, and one verdict.

    Others make and free cgroups here: it is looked again until both were captured of the same number of cgroups.
    """

    def make(name: str) -> Path:
        bundle = tmp_path / f"{name}.tar.gz"
        if name == "program":
            captured(bundle)
        else:
            assert run("-o", bundle).returncode == 0
        return bundle

    seen = []
    for _ in range(20):
        settled()
        before = count_dying()
        program, script = (diagnose(make(name)) for name in ("program", "script"))
        after = count_dying()
        counts = [document["cgroups"]["memory"] for document in (program, script)]
        held = [
            {row["path"]: row["file_bytes"] for row in document["residual_charges"] or []}.get(
                f"/{cgroup_with_23_dying.name}"
            )
            for document in (program, script)
        ]
        seen.append((before, counts, after, held))
        between = all(
            count["dying_low"] <= max(before, after) and count["dying_high"] >= min(before, after) for count in counts
        )
        if between and counts[0] == counts[1] and {*held, held_by_dying(cgroup_with_23_dying)} == {23 * 4096}:
            break
    else:
        pytest.fail(f"a count without our code, those of both bundles, again without, and what is held: {seen}")
    assert program["verdict"]["state"] == script["verdict"]["state"] != "cannot tell"
    for document in (program, script):
        assert s1_is_said(document) == s1_is_explained(document)
        # 23 pages, a quarter for each, explain so many.
        assert s1_is_explained(document) or document["cgroups"]["memory"]["dying"] > 4 * 23


@pytest.mark.root
def test_unprivileged_user_gets_a_bundle_with_its_gaps(run: Run, tmp_path: Path) -> None:
    """Who is not root gets a bundle that says what is missing, and a diagnosis of it names the gap."""
    nobody = (str(shutil.which("setpriv")), "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    with tempfile.TemporaryDirectory() as own:
        os.chown(own, 65534, 65534)
        done = run(before=nobody, TMPDIR=own)
        assert list(Path(own).iterdir()) == []
    assert done.returncode == 0
    bundle = tmp_path / "it.tar.gz"
    bundle.write_bytes(done.stdout)
    archive = Archive(str(bundle))
    assert b"EACCES /proc/slabinfo" in archive.files[f"{FIRST}/unreadable"].splitlines()
    assert f"{FIRST}/proc/slabinfo" not in archive.files
    assert b"not in it: /proc/slabinfo (EACCES; capture again as root)\n" in done.stderr
    gaps = {gap["what"]: (gap["why"], gap["remedy"]) for gap in diagnose(bundle)["gaps"]}
    assert gaps["slab caches"] == ("/proc/slabinfo: not permitted", "capture again as root")


def test_known_daemons_are_in_it(run: Run, tmp_path: Path) -> None:
    """A process called as a daemon that the program knows is in it by its status, one called otherwise is not."""
    processes = []
    try:
        for name in ("containerd", "containerd-shim", "systemd-logind"):
            shutil.copy2(str(shutil.which("sleep")), tmp_path / name)
            processes.append(subprocess.Popen([tmp_path / name, "60"]))
        done = run()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    files = Archive(str(_written(tmp_path / "it.tar.gz", done.stdout))).files
    assert [f"{FIRST}/proc/{process.pid}/status" in files for process in processes] == [True, False, True]
    held = [name for name in files if re.fullmatch(rf"{FIRST}/proc/\d+/.*", name) and "/proc/1/" not in name]
    assert {name.rpartition("/")[2] for name in held} == {"status"}


def test_two_samples_show_growth(run: Run, tmp_path: Path) -> None:
    """Two samples are as far apart as was asked, and are diagnosed as a window."""
    bundle = tmp_path / "it.tar.gz"
    done = run("-o", bundle, "-n", "2", "-s", "2")
    assert done.returncode == 0
    document = diagnose(bundle)
    assert document["readings"] == 2
    assert 1 <= document["window_seconds"] <= 10
    archive = Archive(str(bundle))
    first, second = (
        {name.removeprefix(f"{TOP}/{number}") for name in archive.files if name.startswith(f"{TOP}/{number}/")}
        for number in ("0001", "0002")
    )
    # Other processes and their cgroups come and go between the samples; all else is read twice.
    others = re.compile(r"/sys/fs/cgroup/(?:[^/]+/){2,}[^/]+|/proc/[0-9]+/.*")
    assert {name for name in first ^ second if not others.fullmatch(name)} == set()


@pytest.mark.root
@pytest.mark.memory_v1
@with_our_tools
def test_count_and_walk_are_of_one_moment(shell: Shell, scratch: Path, memory_cgroup: Path, tmp_path: Path) -> None:
    """Each sample counts anew, and a cgroup that is made during the walk makes the script count and walk again.

    On v2 the kernel says the number itself, and nothing is counted by walking.
    """
    tools = tmp_path / "tools"
    tools.mkdir()
    find = tools / "find"
    # The first time it is asked for memory cgroups, this find makes 101 more when it has listed them: more than others
    # make or free in a moment, as a test's 23 are.
    find.write_text(
        f"""#!/bin/sh
[ "$1" != '{memory_hierarchy()}' ] || grep ^memory /proc/cgroups >>"$COUNTS"
{shutil.which("find", path=shell.path)} "$@"
case $1 in
'{memory_hierarchy()}')
    number=0
    while [ -e "$LATE" ] && [ $number -lt 101 ]; do
        mkdir "{memory_cgroup}/late-$number"
        number=$((number + 1))
    done
    rm -f "$LATE"
    ;;
esac
""",
        encoding="ascii",
    )
    find.chmod(0o755)
    late, counts = tmp_path / "late", tmp_path / "counts"
    late.touch()
    argv = [str(shutil.which(shell.argv[0])), *shell.argv[1:]]
    with subprocess.Popen(
        [*argv, "-c", capture_script(), "sh", "-n", "2", "-s", "2", "-o", tmp_path / "it.tar.gz"],
        env=shell.environment(scratch, LATE=str(late), COUNTS=str(counts), PATH=f"{tools}:{shell.path}"),
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"sample 1 of 2\n"
        first = counts.read_bytes().splitlines()
        for number in range(101):
            (memory_cgroup / f"second-{number}").mkdir()
        process.stderr.read()
        assert process.wait() == 0

    archive = Archive(str(tmp_path / "it.tar.gz"))
    assert len(first) >= 2
    for number, made, last in ((1, 101, first[-1]), (2, 202, counts.read_bytes().splitlines()[-1])):
        sample = f"{TOP}/{number:04}"
        assert len(archive.children[f"{sample}{memory_cgroup}"]) == made
        # The script counted as this find did immediately before its last walk, but for what others did in between.
        assert abs(memory_row(archive.files[f"{sample}/proc/cgroups"]) - memory_row(last)) < 80


def test_bundle_is_an_ordinary_tar(run: Run, tmp_path: Path) -> None:
    """GNU tar, busybox and Python list the same files; the manifest is the last, and a bundle cut short is refused."""
    bundle = tmp_path / "it.tar.gz"
    done = run()
    bundle.write_bytes(done.stdout)
    with tarfile.open(bundle) as archive:
        names = [member.name for member in archive]
        assert {(member.uid, member.gid, oct(member.mode)) for member in archive if member.isreg()} == {(0, 0, "0o644")}
    assert names[-1] == f"{TOP}/bundle.toml"
    assert len(names) == len(set(names))
    for tar in (["tar"], ["busybox", "tar"]):
        listed = subprocess.run([*tar, "-tzf", bundle], capture_output=True, check=True).stdout.decode()
        assert [line.removesuffix("/") for line in listed.splitlines()] == names
    manifest = Archive(str(bundle)).files[f"{TOP}/bundle.toml"].decode()
    assert f'creator = "unreclaim {__version__} (capture.sh)"\n' in manifest
    assert f"page_size_bytes = {os.sysconf('SC_PAGE_SIZE')}\n" in manifest
    assert f'architecture = "{os.uname().machine}"\n' in manifest
    bundle.write_bytes(done.stdout[:-20])
    unreclaim("diagnose", "--root", bundle, codes=(66,))


def test_page_size_is_told_without_getconf(applets: Path, tmp_path: Path) -> None:
    """Where there is no getconf, as in busybox, the page size is still that of the kernel."""
    assert not (applets / "getconf").exists()
    shell = Shell("busybox-only", applets)
    done = subprocess.run(
        [*shell.argv, "-s"],
        input=capture_script().encode(),
        env=shell.environment(tmp_path),
        capture_output=True,
        check=True,
    )
    source = Archive(str(_written(tmp_path / "it.tar.gz", done.stdout)))
    assert b"\npage_size_bytes = %d\n" % os.sysconf("SC_PAGE_SIZE") in source.files[f"{TOP}/bundle.toml"]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.root
@pytest.mark.slow
def test_cgroups_that_vanish_are_no_error(run: Run, memory_cgroup: Path, tmp_path: Path) -> None:
    """Beside a process that makes and removes cgroups all the time the script says nothing and writes a bundle."""
    churn = (
        "import os, sys\nfor n in range(10**9):\n for i in range(50): os.mkdir(f'{sys.argv[1]}/{n}-{i}')\n"
        " for i in range(50): os.rmdir(f'{sys.argv[1]}/{n}-{i}')"
    )
    churner = subprocess.Popen([sys.executable, "-c", churn, str(memory_cgroup)])
    try:
        for number in range(5):
            bundle = tmp_path / f"{number}.tar.gz"
            done = run("-o", bundle)
            assert (done.returncode, done.stdout) == (0, b"")
            assert re.fullmatch(rb"\S+: 1 sample, \d+ files\n(not in it: /proc/\S+ \(\w+\)\n)*", done.stderr)
            assert f"{FIRST}{memory_cgroup}/memory.stat" in Archive(str(bundle)).files
            diagnose(bundle)
    finally:
        churner.kill()
        churner.wait()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_between_samples_leaves_nothing(
    shell: Shell, scratch: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """A signal ends the script at once; its directory was its own alone and is gone, and so is the output."""
    place = tmp_path / "output"
    place.mkdir()
    (place / "it.tar.gz").write_text("what was there before", encoding="ascii")
    with subprocess.Popen(
        [*shell.argv, "-s", "--", "-o", place / "it.tar.gz", "-n", "2", "-s", "60"],
        env=shell.environment(scratch),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        umask=0,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(capture_script().encode())
        process.stdin.close()
        assert process.stderr.readline() == b"sample 1 of 2\n"
        modes = {path.stat().st_mode & 0o7777 for path in (*scratch.rglob("*"), *place.iterdir())}
        assert modes <= {0o700, 0o600, 0o644}
        assert [oct(path.stat().st_mode & 0o7777) for path in scratch.iterdir()] == ["0o700"]
        # It reports the sample and then goes to sleep.
        time.sleep(0.5)
        start = time.monotonic()
        process.send_signal(number)
        # The pipe ends when the last process that the script started has ended.
        assert process.stderr.read() == b""
        assert process.wait() == 128 + number
    assert time.monotonic() - start < 30
    assert list(scratch.iterdir()) == []
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("it.tar.gz", "what was there before")]


@pytest.mark.slow
def test_interrupted_at_any_moment_leaves_nothing(shell: Shell, scratch: Path, tmp_path: Path) -> None:
    """Whenever a signal comes, there is the whole bundle or none, and nothing else."""
    place = tmp_path / "output"
    place.mkdir()
    codes = []
    command = [*shell.argv, "-c", capture_script(), "sh", "-o", str(place / "it.tar.gz")]
    began = time.monotonic()
    subprocess.run(command, env=shell.environment(scratch), stderr=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - began
    (place / "it.tar.gz").unlink()
    for step in range(23):
        with subprocess.Popen(command, env=shell.environment(scratch), stderr=subprocess.DEVNULL) as process:
            # On an emulated machine a shell takes half a second to begin.
            time.sleep(seconds * step / 23)
            process.terminate()
            codes.append(process.wait(timeout=60))
        assert list(scratch.iterdir()) == []
        assert codes[-1] in (0, 128 + signal.SIGTERM, -signal.SIGTERM)
        if list(place.iterdir()):
            assert [path.name for path in place.iterdir()] == ["it.tar.gz"]
            assert f"{TOP}/bundle.toml" in Archive(str(place / "it.tar.gz")).files
            (place / "it.tar.gz").unlink()
        else:
            assert codes[-1] != 0
    assert 128 + signal.SIGTERM in codes


def test_reader_that_leaves_ends_it(shell: Shell, scratch: Path) -> None:
    """If nobody reads stdout any more, as when ssh is gone, the script ends with an error and cleans up."""
    with subprocess.Popen(
        [*shell.argv, "-c", capture_script()],
        env=shell.environment(scratch),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"unreclaim: stdout: cannot be written\n"
        assert process.wait() == 73
    assert list(scratch.iterdir()) == []


def test_output_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    """No such directory, a directory, a pipe: one clear line, exit code 73, and nothing is made."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for place, why in (
        (tmp_path / "no such directory" / "it.tar.gz", "cannot write there"),
        (tmp_path / "directory", "exists and is no file"),
        (tmp_path / "pipe", "exists and is no file"),
    ):
        done = run("-o", place)
        message = f"unreclaim: {place}: {why}\nhint: choose another place with: -o FILE\n"
        assert (done.returncode, done.stdout, done.stderr.decode()) == (73, b"", message)
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    assert list((tmp_path / "directory").iterdir()) == []


def test_full_disk_is_an_error(shell: Shell, scratch: Path, tmp_path: Path) -> None:
    """A write that fails, to stdout or in the temporary directory, ends in 73 and leaves what was there before."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*shell.argv, "-c", capture_script()],
            env=shell.environment(scratch),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 73
    assert done.stderr.splitlines()[-1] == b"unreclaim: stdout: cannot be written"
    output = tmp_path / "it.tar.gz"
    whole = [*shell.argv, "-c", capture_script(), "sh", "-o", str(output)]
    subprocess.run(whole, env=shell.environment(scratch), capture_output=True, check=True)
    # Of a host with few cgroups it is smaller than 16 KiB.
    most_of_it = output.stat().st_size * 3 // 4 // 1024
    limited = [str(shutil.which("bash")), "-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\""]
    codes = []
    for kilobytes in (0, 1, 2, 4, most_of_it, 4096):
        output.write_text("what was there before", encoding="ascii")
        # Above the limit a write fails as on a full disk: in the middle.
        done = subprocess.run(
            [*limited, str(kilobytes), *whole], env=shell.environment(scratch), capture_output=True, check=False
        )
        codes.append(done.returncode)
        assert list(scratch.iterdir()) == []
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["it.tar.gz"]
        assert (output.read_bytes() == b"what was there before") == (done.returncode != 0)
    assert codes == [73, 73, 73, 73, 73, 0]


@with_our_tools
def test_tool_that_fails_half_way_is_noticed(shell: Shell, scratch: Path, tmp_path: Path) -> None:
    """A command that ends early in the middle of a pipe makes no bundle."""
    tools = tmp_path / "tools"
    tools.mkdir()
    head, tr = (shutil.which(name, path=shell.path) for name in ("head", "tr"))
    (tools / "tr").write_text(
        f'#!/bin/sh\n[ "$1" != \'\\001\' ] || exec {head} -c 5000\nexec {tr} "$@"\n', encoding="ascii"
    )
    (tools / "tr").chmod(0o755)
    output = tmp_path / "it.tar.gz"
    done = subprocess.run(
        [str(shutil.which(shell.argv[0])), *shell.argv[1:], "-c", capture_script(), "sh", "-o", output],
        env=shell.environment(scratch, PATH=f"{tools}:{shell.path}"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 73
    assert done.stderr.startswith(f"unreclaim: {scratch}: ".encode())
    assert not output.exists()
    assert list(scratch.iterdir()) == []


@pytest.mark.root
def test_too_small_a_temporary_directory_is_refused(run: Run, scratch: Path) -> None:
    """Where there is not enough room the script says how much it needs and does not begin."""
    mount = 'mount -t tmpfs -o size=4m none "$TMPDIR" && exec "$@"'
    done = run("-n", "2", before=(str(shutil.which("unshare")), "--mount", "/bin/sh", "-c", mount, "sh"))
    assert (done.returncode, done.stdout) == (73, b"")
    assert re.fullmatch(
        rf"unreclaim: {re.escape(str(scratch))}: 16384 kB are needed, \d+ kB are free\nhint: [^\n]+ TMPDIR=[^\n]+\n",
        done.stderr.decode(),
    )


@pytest.mark.root
def test_running_out_of_inodes_is_an_error(run: Run, scratch: Path) -> None:
    """Wherever it is that a file can no longer be made, there is one clear line and exit code 73."""
    codes = []
    for inodes in range(3, 40, 2):
        mount = f'mount -t tmpfs -o nr_inodes={inodes} none "$TMPDIR" && exec "$@"'
        done = run(before=(str(shutil.which("unshare")), "--mount", "/bin/sh", "-c", mount, "sh"))
        codes.append(done.returncode)
        if done.returncode != 0:
            assert (done.returncode, done.stdout) == (73, b"")
            assert done.stderr.startswith(f"unreclaim: {scratch}: ".encode())
            assert done.stderr.count(b"\n") == 2
    assert (codes[0], codes[-1]) == (73, 0)


def test_temporary_directory_that_is_not_there_is_an_error(run: Run, scratch: Path) -> None:
    """Without a place to work there is one clear line and exit code 73."""
    done = run(TMPDIR=f"{scratch}/none")
    assert (done.returncode, done.stdout) == (73, b"")
    assert done.stderr.startswith(f"unreclaim: {scratch}/none: cannot make a directory there\nhint: ".encode())


def test_a_link_is_never_followed(run: Run, tmp_path: Path) -> None:
    """An output that is a link is replaced, and what it led to is left alone."""
    (tmp_path / "other").write_text("other", encoding="ascii")
    link = tmp_path / "two words.tar.gz"
    link.symlink_to("other")
    assert run("-o", link).returncode == 0
    assert (tmp_path / "other").read_text(encoding="ascii") == "other"
    assert not link.is_symlink()
    assert oct(link.stat().st_mode) == "0o100600"


@pytest.mark.parametrize(
    "arguments",
    [("-x",), ("-n",), ("-n", "0"), ("-n", "1001"), ("-n", "two"), ("-s", "-1"), ("-s", "1.5"), ("file",)],
    ids=" ".join,
)
def test_wrong_usage_is_told(run: Run, arguments: tuple[str, ...]) -> None:
    """What is no option ends in one line, a hint and exit code 64."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, b"")
    assert re.fullmatch(rb"unreclaim: [^\n]+\nhint: sh capture.sh -h\n", done.stderr)


def test_help_shows_an_example(run: Run) -> None:
    """The help names every option and shows how the script is used."""
    for option in ("-h", "--help"):
        done = run(option)
        assert (done.returncode, done.stderr) == (0, b"")
        for word in (b"-o FILE", b"-n SAMPLES", b"-s SECONDS", b"Example:"):
            assert word in done.stdout


@with_our_tools
def test_host_that_cannot_be_read_is_told(shell: Shell, applets: Path, scratch: Path, tmp_path: Path) -> None:
    """Not Linux, or without a tool: one clear line and exit code 69."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for applet in applets.iterdir():
        if applet.name not in ("awk", "uname"):
            (tools / applet.name).symlink_to(applet.readlink())
    uname = tools / "uname"
    argv = [str(shutil.which(shell.argv[0])), *shell.argv[1:]]
    for system, message in (("FreeBSD", "this host: not Linux"), ("Linux", "awk: not found")):
        uname.write_text(f"#!/bin/sh\necho {system}\n", encoding="ascii")
        uname.chmod(0o755)
        done = subprocess.run(
            [*argv, "-c", capture_script()],
            env={"PATH": str(tools), "TMPDIR": str(scratch)},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (69, b"")
        assert done.stderr.decode().startswith(f"unreclaim: {message}\nhint: ")


@pytest.mark.root
@pytest.mark.slow
@with_our_tools
def test_2000_cgroups_start_no_process_each(shell: Shell, scratch: Path, memory_cgroup: Path, tmp_path: Path) -> None:
    """With 2,000 cgroups the script starts hardly more processes than with none."""
    counted = counting_tools(tmp_path, shell.path)
    log = tmp_path / "log"

    def started() -> int:
        log.write_text("", encoding="ascii")
        environment = shell.environment(scratch, LOG=str(log)) | {"PATH": str(counted)}
        subprocess.run(to_bundle(shell, tmp_path), env=environment, capture_output=True, check=True)
        return log.read_text(encoding="ascii").count("\n")

    few = started()
    make_cgroups(memory_cgroup, range(2000))
    many = started()
    # A walk beside other processes' cgroups is repeated, which takes some fifty more processes at the most.
    assert few > 0
    assert abs(many - few) < 200


@pytest.mark.root
@pytest.mark.slow
def test_2000_cgroups_are_no_more_work_each(shell: Shell, scratch: Path, memory_cgroup: Path, tmp_path: Path) -> None:
    """The script's work grows no faster than the number of cgroups, and it reads the charges of as many as it may."""
    script = to_bundle(shell, tmp_path)
    make_cgroups(memory_cgroup, range(500))
    work = [least_work(script, shell.environment(scratch))]
    make_cgroups(memory_cgroup, range(500, 2000))
    work.append(least_work(script, shell.environment(scratch)))
    archive = Archive(script[-1])
    assert sum(name.startswith(f"{FIRST}{memory_cgroup}/") for name in archive.children) == 2000
    # One more than the program reads, and the upper cgroups.
    assert 1001 <= sum(name.endswith("/memory.stat") for name in archive.files) <= 1001 + 256
    # Four times as many cgroups are 16 times the work for what compares each with each.
    assert work[1] < 8 * work[0], f"seconds for 500 and for 2,000 cgroups: {work}"


def to_bundle(shell: Shell, place: Path) -> list[str]:
    """Give the command that writes a bundle; its last word says where."""
    argv = [str(shutil.which(shell.argv[0])), *shell.argv[1:]]
    return [*argv, "-c", capture_script(), "sh", "-o", str(place / "it.tar.gz")]


def make_cgroups(parent: Path, numbers: range) -> None:
    """Make cgroups with long names."""
    for number in numbers:
        (parent / f"{number:064}").mkdir()


def least_work(command: list[str], environment: dict[str, str]) -> float:
    """Give the least processor time in seconds of a command and all that it starts, of three runs.

    Not the time on the wall, which is other processes' too.
    """

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = []
    for _ in range(3):
        before = spent()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        seconds.append(spent() - before)
    return min(seconds)


def counting_tools(place: Path, path: str) -> Path:
    """Give a directory of the script's tools that each add a line to the file $LOG when they are started."""
    tools = place / "tools"
    tools.mkdir()
    listed = re.search(r"for tool in ([a-z ]+); do", capture_script())
    assert listed is not None
    for name in (*listed[1].split(), "uname"):
        real = shutil.which(name, path=path)
        (tools / name).write_text(f'#!/bin/sh\necho {name} >>"$LOG"\nexec {real} "$@"\n', encoding="ascii")
        (tools / name).chmod(0o755)
    return tools


class AskedRoot(LiveRoot):
    """This host, seen from inside a container, noting every path that the program asks for."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.asked: set[str] = set()

    def read_text(self, path: str) -> str:
        """Note and read a file; the first place of os-release is empty, so that the second is tried."""
        self.asked.add(path)
        if path == "/etc/os-release":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return super().read_text(path)

    def read_link(self, path: str) -> str:
        """Note and read a link; no namespace is the first."""
        self.asked.add(path)
        return f"{path.rpartition('/')[2]}:[1]" if path.startswith("/proc/self/ns/") else super().read_link(path)

    def list_names(self, path: str) -> list[str]:
        """Note and list a directory."""
        self.asked.add(path)
        return super().list_names(path)


def test_script_asks_for_all_that_the_program_asks_for(tmp_path: Path) -> None:
    """Every path that the program may read, and every daemon that it knows, is in the script's text."""
    root = AskedRoot()
    live = open_source(None)
    source = Source("live", (root,), live.page_size_bytes, live.architecture)
    capture_module.capture(source, SystemClock(), str(tmp_path / "it.tar.gz"))
    assert {"/.dockerenv", "/proc/1/cgroup", "/usr/lib/os-release", "/proc/slabinfo"} <= root.asked
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    cgroups = tuple(f"{place}/" for place in places if "/cgroup" in place)
    found = re.compile(r"/proc/pressure/\w+|/proc/\d+/status|/sys/kernel/slab/.+|/sys/block/zram\d+/mm_stat")
    words = set(re.findall(r"/?[\w.-]+(?:/[\w.-]+)*", capture_script()))
    named = {path for path in root.asked if not path.startswith(cgroups) and not found.fullmatch(path)}
    assert named - words == set()
    files = {path.rpartition("/")[2] for path in root.asked if path.startswith(cgroups)}
    assert {name for name in files if not re.search(rf"\b{re.escape(name)}\b", capture_script())} == set()
    assert set(EXTRA_FILES) | set(DAEMONS) <= words


def test_script_names_its_version() -> None:
    """The program prints the script with its version in it."""
    assert unreclaim("capture", "--print-script").decode() == capture_script()
    assert f'creator = "unreclaim {__version__} (capture.sh)"' in capture_script()
    assert "@VERSION@" not in capture_script()
