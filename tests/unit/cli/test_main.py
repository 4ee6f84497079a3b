"""The program's entry: every way to end, each with its exit code and its line."""

import errno
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.fakes.hosts import HOSTS, FakeHost
from unreclaim import __version__
from unreclaim.base.errors import ParseError
from unreclaim.cli.main import COMMANDS, main, run

HEALTHY = HOSTS / "5.4-hybrid-healthy" / "bundle.tar.xz"
LEAKING = HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz"
Output = pytest.CaptureFixture[str]
PROGRAM = (sys.executable, "-m", "unreclaim")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["frobnicate"], "No such command 'frobnicate'.", "unreclaim --help"),
        (["--frobnicate"], "No such option '--frobnicate'.", "unreclaim --help"),
        (["status", "--frobnicate"], "No such option '--frobnicate'.", "unreclaim status --help"),
        (["status", "extra"], "Got unexpected extra argument (extra)", "unreclaim status --help"),
        (
            ["diagnose", "--for", "soon"],
            "Invalid value for '--for': 'soon' is no duration; write 30s, 10m, 1h or a number of seconds",
            "unreclaim diagnose --help",
        ),
        (
            ["diagnose", "--for", "10m", "--root", "x.tar.gz"],
            "--for is for a running host; what --root names was watched when it was captured",
            "unreclaim diagnose --help",
        ),
        (
            ["capture", "--root", "x.tar.gz", "--samples", "2"],
            "--samples is for a running host; what --root names was watched when it was captured",
            "unreclaim capture --help",
        ),
        (
            ["capture", "--root", "x.tar.gz", "--every", "30s"],
            "--every is for a running host; what --root names was watched when it was captured",
            "unreclaim capture --help",
        ),
        (
            ["capture", "--samples", "0"],
            "Invalid value for '--samples': 0 is not in the range 1<=x<=1000.",
            "unreclaim capture --help",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(capsys: Output, arguments: list[str], error: str, hint: str) -> None:
    """What is not understood is said in one line with the way to help, and exits as sysexits.h has it: 64."""
    assert run(arguments) == 64
    assert capsys.readouterr() == ("", f"unreclaim: {error}\nhint: {hint}\n")


def test_what_cannot_be_found_is_said_with_what_can_be_given(capsys: Output, tmp_path: Path) -> None:
    """A --root that is not there exits with 66 and says what a root may be."""
    assert run(["diagnose", "--root", str(tmp_path / "gone")]) == 66
    output, error = capsys.readouterr()
    assert output == ""
    assert error == (
        f"unreclaim: {tmp_path}/gone: No such file or directory\n"
        "hint: give a bundle made by 'unreclaim capture', a directory that holds proc/meminfo, "
        "or an unpacked sosreport\n"
    )


def spoilt(raw: bytes) -> dict[str, bytes]:
    """Give archives that are none, by what is wrong with them."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    return {"cut": raw[: len(raw) // 2], "empty": b"", "text": b"MemTotal: 1 kB\n", "no host": tar.getvalue()}


@pytest.mark.parametrize("what", ["cut", "empty", "text", "no host"])
@pytest.mark.parametrize("command", ["capture", "diagnose", "status"])
def test_damaged_archive_is_one_line_and_a_hint(capsys: Output, tmp_path: Path, command: str, what: str) -> None:
    """Whatever an archive lacks: one line that names it, one hint, 66, and never a traceback."""
    path = tmp_path / "bundle.tar.xz"
    path.write_bytes(spoilt(HEALTHY.read_bytes())[what])
    extra = ["-o", str(tmp_path / "copy.tar.gz")] if command == "capture" else []
    assert run([command, "--root", str(path), *extra]) == 66
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith(f"unreclaim: {path}: ")
    assert [line.partition(":")[0] for line in error.splitlines()] == ["unreclaim", "hint"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle.tar.xz"]


@pytest.mark.parametrize(("system", "why"), [("Darwin", "not Linux"), ("Linux", "/proc is not mounted")])
def test_other_systems_are_told_what_can_be_done(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, system: str, why: str
) -> None:
    """Elsewhere than on Linux, or without /proc: one line, 66, and the way by a bundle."""
    uname = os.uname_result((system, "mac", "1", "1", "arm64"))
    with monkeypatch.context() as patch:
        patch.setattr("unreclaim.host.source.os.path.exists", lambda _path: False)
        patch.setattr("unreclaim.host.source.os.uname", lambda: uname)
        code = run(["status"])
    assert code == 66
    assert capsys.readouterr() == (
        "",
        f"unreclaim: this host: {why}\nhint: unreclaim reads Linux hosts; elsewhere use --root with a bundle\n",
    )


def test_ctrl_c_is_said_and_exits_with_130(capsys: Output, host: FakeHost) -> None:
    """An interrupted look prints nothing but that it was interrupted: no verdict, no traceback."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    host.clock.after(3, interrupt)
    assert run(["diagnose"]) == 130
    output, error = capsys.readouterr()
    assert (output, error.strip()) == ("", "unreclaim: interrupted")


def test_an_error_without_a_hint_has_none(capsys: Output, monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    """The exit code is the error's own; what it says stays on one line and has no control characters of lines."""

    def refuse(_source: object) -> None:
        raise ParseError("/x\ny", 3, "no \udcff")

    assert host.dying == 11
    monkeypatch.setattr("unreclaim.cli.status.observe_briefly", refuse)
    assert run(["status"]) == 65
    assert capsys.readouterr() == ("", "unreclaim: /x y:3: no \\udcff\n")


def test_an_error_of_ours_never_looks_like_a_verdict(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, host: FakeHost
) -> None:
    """A fault in the program shows where, asks for a report, and exits with 70: Python's own 1 would be a warning."""

    def fail(_observation: object) -> None:
        raise ZeroDivisionError("division by zero")

    assert host.dying == 11
    monkeypatch.setattr("unreclaim.cli.status.diagnose", fail)
    assert run(["status"]) == 70
    output, error = capsys.readouterr()
    assert output == ""
    assert "ZeroDivisionError: division by zero\n" in error
    assert error.splitlines()[-2:] == [
        "unreclaim: internal error: see above",
        "hint: report it with these lines; a bundle of unreclaim capture helps",
    ]


def test_a_file_that_is_in_the_way_is_named(capsys: Output, monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    """An error of the system that concerns a file names it, and is not taken for one of standard output."""

    def fail(_observation: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), "/sys/fs/cgroup/unreclaim-lab-1-1")

    assert host.dying == 11
    monkeypatch.setattr("unreclaim.cli.status.diagnose", fail)
    assert run(["status"]) == 73
    error = "unreclaim: /sys/fs/cgroup/unreclaim-lab-1-1: Device or resource busy\n"
    assert capsys.readouterr() == ("", error)
    # Standard output still leads where it did.
    sys.stdout.write("x")
    assert capsys.readouterr().out != ""


def test_version_is_told(capsys: Output) -> None:
    """--version names the program and its version."""
    assert run(["--version"]) == 0
    assert capsys.readouterr() == (f"unreclaim, version {__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(capsys: Output, option: str) -> None:
    """--help shows each command with its line, and the exit codes."""
    assert run([option]) == 0
    output = capsys.readouterr().out
    for name, line in COMMANDS.items():
        assert f"  {name} " in output
        assert line in " ".join(output.split())
    assert "Exit codes: 0 healthy, 1 warning, 2 critical, 3 cannot tell" in output


def test_program_ends_with_the_exit_code(capsys: Output) -> None:
    """Main ends the process with what run gives, of the arguments it is given or the command line's."""
    with pytest.raises(SystemExit) as ended:
        main(["status", "--root", str(LEAKING)])
    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith("GROWING - ")


def test_program_reads_its_command_line(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments of its own main takes those of the process."""
    monkeypatch.setattr(sys, "argv", ["unreclaim", "status", "--root", str(HEALTHY)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("HEALTHY - ")


def test_bare_program_diagnoses(capsys: Output, host: FakeHost) -> None:
    """Without a command the host is looked at for ten seconds, as diagnose does."""
    host.clock.after(5, lambda: host.leave_behind(23))
    assert run([]) == 1
    bare = capsys.readouterr().out
    assert host.clock.gone == 10.0
    assert "\nGROWING: 23 more memory cgroups stayed behind in the kernel within 10 seconds" in bare


@pytest.mark.parametrize("module", ["unreclaim", "unreclaim.cli.main"])
def test_program_runs_as_a_module(module: str) -> None:
    """``python -m unreclaim`` is the program; importing its entry runs nothing."""
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"unreclaim, version {__version__}\n" if module == "unreclaim" else "")


# ── outputs that cannot be written ──────────────────────────────────────────────────────────────────────────────

HELP = ("--help",)
CASES = [
    (("status", "--root", str(HEALTHY)), 0),
    (("status", "--root", str(LEAKING)), 1),
    (("diagnose", "--root", str(LEAKING), "--json"), 1),
    (HELP, 0),
]


@pytest.mark.parametrize(("arguments", "code"), CASES, ids=["healthy", "leaking", "json", "help"])
def test_a_reader_who_leaves_changes_no_verdict(arguments: tuple[str, ...], code: int) -> None:
    """Head, less and a monitor that reads no further end the output, not the verdict: the exit code is the same."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run([*PROGRAM, *arguments], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("arguments", [CASES[1][0], HELP], ids=["leaking", "help"])
def test_a_full_disk_is_no_verdict(arguments: tuple[str, ...]) -> None:
    """Output that cannot be written is an error of its own, one line, and not the 1 of a warning."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 73
    assert done.stderr == "unreclaim: standard output: No space left on device\n"


@pytest.mark.parametrize(("arguments", "code"), CASES, ids=["healthy", "leaking", "json", "help"])
def test_a_closed_output_changes_no_verdict(arguments: tuple[str, ...], code: int) -> None:
    """Started without stdout and stderr (a daemon's child) the exit code still says it all."""
    shell = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&- 2>&-', *PROGRAM, *arguments], check=False)
    assert shell.returncode == code
