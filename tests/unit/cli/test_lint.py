"""``unreclaim lint``, run whole on trees and files."""

import json
from pathlib import Path

import pytest

from unreclaim.cli.main import run

Output = pytest.CaptureFixture[str]
LOOP = "[Service]\nExecStart=/usr/bin/x\nRestart=always\nRestartSec=1ms\n[Unit]\nStartLimitIntervalSec=0\n"


@pytest.fixture
def tree(tmp_path: Path) -> str:
    """Make the tree of a host with one unit that loops and one that does not."""
    units = tmp_path / "host" / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "loop.service").write_text(LOOP, encoding="utf-8")
    (units / "quiet.service").write_text("[Service]\nExecStart=/usr/bin/x\n", encoding="utf-8")
    return str(tmp_path / "host")


def test_a_tree_is_linted(capsys: Output, tree: str) -> None:
    """All units of a captured host, as text and as JSON, with the exit code of a warning."""
    assert run(["lint", "--all", "--root", tree]) == 1
    text, said = capsys.readouterr()
    assert text.startswith("2 warnings in 2 units, judged for systemd of unknown version.\n\nloop.service\n")
    assert said == ""
    assert run(["lint", "--all", "--root", tree, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [finding["line"] for finding in document["findings"]] == [4, 6]
    assert run(["lint", "quiet", "--root", tree]) == 0
    assert run(["lint", "gone", "--root", tree]) == 3


def test_a_rule_is_explained(capsys: Output) -> None:
    """The page of a rule is printed; one that there is not is wrong usage, and so is nothing at all."""
    assert run(["lint", "--explain", "type-exec"]) == 0
    title = "Type=exec is not a fault, and Type=simple is not a cure."
    assert capsys.readouterr().out.startswith(f"{title}\n\nWhat it finds\n")
    assert run(["lint", "--explain", "x"]) == 64
    capsys.readouterr()
    assert run(["lint"]) == 64
    assert capsys.readouterr().err == "unreclaim: name a unit or a file, or give --all\nhint: unreclaim lint --help\n"


def test_what_cannot_be_opened_is_said(capsys: Output, tree: str, tmp_path: Path) -> None:
    """A root that is not there, is a file, or holds nothing of a host."""
    assert run(["lint", "--all", "--root", f"{tree}/gone"]) == 66
    (tmp_path / "file").touch()
    assert run(["lint", "--all", "--root", str(tmp_path / "file")]) == 66
    (tmp_path / "nothing").mkdir()
    assert run(["lint", "--all", "--root", str(tmp_path / "nothing")]) == 66
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("hint")]
    assert lines == [
        f"unreclaim: {tree}/gone: No such file or directory",
        f"unreclaim: {tmp_path}/file: unit files are read from a directory",
        f"unreclaim: {tmp_path}/nothing: holds neither proc/meminfo nor a bundle",
    ]


def test_a_bundle_that_holds_no_units_cannot_tell(capsys: Output, tmp_path: Path) -> None:
    """A captured host without unit files is opened, and says that none was found."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 1024 kB\n", encoding="utf-8")
    assert run(["lint", "--all", "--root", str(tmp_path)]) == 3
    assert capsys.readouterr().out == "CANNOT TELL: no unit was found to be judged.\n"


@pytest.mark.live
def test_this_host_is_linted(capsys: Output) -> None:
    """The running host's units are judged without harm, whatever there is."""
    assert run(["lint", "--all", "--json"]) in (0, 1, 3)
    assert json.loads(capsys.readouterr().out)["schema"] == "unreclaim.lint/1"
