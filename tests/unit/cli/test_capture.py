"""``unreclaim capture``, run whole."""

import errno
import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.fakes.hosts import FakeHost
from unreclaim.cli.main import run
from unreclaim.host.capture_script import capture_script

Output = pytest.CaptureFixture[str]


def files_in(path: Path) -> list[tarfile.TarInfo]:
    """Give the files of a bundle."""
    with tarfile.open(path) as archive:
        return [member for member in archive if member.isfile()]


def test_capture_says_what_it_wrote(capsys: Output, host: FakeHost, tmp_path: Path) -> None:
    """The name, how many samples and files, and their size; what was not readable is said on stderr."""
    host.root.errors["/proc/slabinfo"] = errno.EACCES
    host.root.files["/proc/vmstat"] = ""
    path = tmp_path / "web-07.tar.gz"
    assert run(["capture", "-o", str(path), "--samples", "2", "--every", "1m"]) == 0
    files = files_in(path)
    output, error = capsys.readouterr()
    assert output.startswith(f"{path}: 2 samples, {len(files)} files, ")
    assert output.endswith(f" {sum(member.size for member in files) / 1000:.1f} kB unpacked\n")
    assert error.splitlines() == [
        "not in it: page counters (/proc/vmstat: the file is empty; report this file to the authors of unreclaim)",
        "not in it: slab caches (/proc/slabinfo: not permitted; run as root)",
        "not in it: page size (meminfo and vmstat do not tell it; slab sizes are left out)",
    ]
    assert host.clock.gone == 60.0


def test_progress_is_wiped_before_the_result(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, host: FakeHost, tmp_path: Path
) -> None:
    """On a terminal the last that stderr shows of the waiting is an empty line."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(["capture", "-o", str(tmp_path / "it.tar.gz"), "--samples", "2", "--every", "2s"]) == 0
    assert capsys.readouterr().err == (
        "\r\033[Kcapturing: 0 of 2 s (Ctrl-C ends)\r\033[Kcapturing: 1 of 2 s (Ctrl-C ends)\r\033[K"
    )
    assert host.clock.slept == [1.0, 1.0]


def test_capture_as_json(capsys: Output, host: FakeHost, tmp_path: Path) -> None:
    """The same as JSON, with the gaps in it and nothing on stderr."""
    host.root.errors["/proc/slabinfo"] = errno.EACCES
    path = tmp_path / "web-07.tar.gz"
    assert run(["capture", "--json", "-o", str(path)]) == 0
    output, error = capsys.readouterr()
    files = files_in(path)
    assert error == ""
    assert json.loads(output) == {
        "schema": "unreclaim.capture/1",
        "path": str(path),
        "samples": 1,
        "files": len(files),
        "size_bytes": sum(member.size for member in files),
        "gaps": [{"what": "slab caches", "why": "/proc/slabinfo: not permitted", "remedy": "run as root"}],
    }


def test_capture_is_named_after_the_machine(
    capsys: Output, host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without -o the bundle is written here, under a name that any file system takes."""
    assert host.dying == 11
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("unreclaim.cli.capture.os.uname", lambda: os.uname_result(("Linux", "web/07 b", "1", "1", "x")))
    assert run(["capture"]) == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["unreclaim-web_07_b.tar.gz"]
    assert capsys.readouterr().out.startswith("unreclaim-web_07_b.tar.gz: 1 sample, ")


def test_capture_that_cannot_be_written(capsys: Output, host: FakeHost, tmp_path: Path) -> None:
    """A directory that is not there: one line, a hint, 73."""
    path = tmp_path / "missing" / "web-07.tar.gz"
    assert run(["capture", "-o", str(path)]) == 73
    error = f"unreclaim: {path}: No such file or directory\nhint: choose another place with: -o FILE\n"
    assert capsys.readouterr() == ("", error)
    assert host.root.asked == []


def test_script_is_printed(capsys: Output, host: FakeHost) -> None:
    """--print-script prints the shell script and captures nothing."""
    assert run(["capture", "--print-script"]) == 0
    assert capsys.readouterr() == (capture_script(), "")
    assert host.root.asked == []


def test_arguments_are_kept_where_asked_for(capsys: Output, host: FakeHost, tmp_path: Path) -> None:
    """--with-arguments adds the command lines of PID 1 and known daemons."""
    host.root.files["/proc/1/cmdline"] = "/sbin/init\0"
    plain, asked = tmp_path / "plain.tar.gz", tmp_path / "asked.tar.gz"
    assert run(["capture", "-o", str(plain)]) == run(["capture", "--with-arguments", "-o", str(asked)]) == 0
    names = [{member.name for member in files_in(path)} for path in (plain, asked)]
    assert names[1] - names[0] == {"unreclaim-bundle/0001/proc/1/cmdline"}
    assert capsys.readouterr().err == ""
