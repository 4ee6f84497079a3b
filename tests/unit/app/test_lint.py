"""Linting: which units are judged, by which facts, and what could not be."""

from pathlib import Path
from typing import Self

import pytest

from tests.fakes.root import FakeRoot
from unreclaim.app.exit_codes import lint_exit_code
from unreclaim.app.lint import lint
from unreclaim.host.systemd.bus import BusError
from unreclaim.model.gap import Gap
from unreclaim.model.lint import LintFinding, LintReport, LintSeverity
from unreclaim.model.unit import Unit

ETC = "/etc/systemd/system"
LOOP = "[Service]\nExecStart=/usr/bin/x\nRestart=always\nRestartSec=1ms\n[Unit]\nStartLimitIntervalSec=0\n"
FILES = {
    f"{ETC}/loop.service": LOOP,
    f"{ETC}/t@.service": LOOP,
    f"{ETC}/t@own.service.d/1.conf": "[Service]\nType=exec\n",
    f"{ETC}/quiet.service": "[Service]\nExecStart=/usr/bin/x\nMemoryAccounting=no\n[Unit]\nRequires=gone.service\n",
    f"{ETC}/empty.service": "",
    f"{ETC}/a.target": "[Unit]\nDescription=a\n",
    "/usr/bin/x": "",
    "/usr/lib/systemd/libsystemd-shared-252.so": "",
    "/proc/self/mountinfo": "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "/sys/fs/cgroup/system.slice/cgroup.subtree_control": "memory\n",
}
LINKS = {
    f"{ETC}/multi-user.target.wants/t@one.service": f"{ETC}/t@.service",
    f"{ETC}/multi-user.target.wants/t@own.service": f"{ETC}/t@.service",
    f"{ETC}/dangling.service": "/opt/nowhere.service",
}


def captured() -> FakeRoot:
    """Give a captured host, of which nobody can be asked."""
    return FakeRoot(FILES, links=LINKS, live=False)


def rules(report: LintReport, unit: str) -> list[tuple[str, str]]:
    """Give what was found in a unit."""
    return [(found.rule, found.severity.value) for found in report.findings if found.unit == unit]


def test_a_unit_is_judged_by_its_host() -> None:
    """Its slice has memory cgroups, and the unit that it requires has no file; the version is the host's."""
    report = lint(captured(), ["quiet"])
    assert rules(report, "quiet.service") == [
        ("absent-dependency", "warning"),
        ("memory-accounting-no-effect", "warning"),
    ]
    assert (report.nr_units, report.nr_masked, report.systemd_version) == (1, 0, 252)
    assert (report.missing, report.gaps) == ((), ())
    assert lint_exit_code(report) == 1


def test_all_units_are_judged_once() -> None:
    """An instance of its template's files alone adds nothing; one with a drop-in does; masked ones are counted."""
    seen: list[tuple[float, float]] = []
    report = lint(captured(), ["loop.service"], everything=True, progress=lambda *done: seen.append(done))
    units = {found.unit for found in report.findings}
    assert units == {"loop.service", "t@.service", "t@own.service", "quiet.service"}
    assert [found.rule for found in report.findings if found.unit == "loop.service"] == [
        "restart-without-backoff",
        "start-limit-off",
    ]
    assert (report.nr_units, report.nr_masked) == (6, 1)
    assert seen == [(number, 7) for number in range(1, 8)]
    dangling = Gap(f"{ETC}/dangling.service", "No such file or directory")
    assert report.gaps == (dangling,)


def test_what_is_named_and_not_there_is_missing(tmp_path: Path) -> None:
    """A name that is none, a unit without a file, a file that cannot be read or is no unit: each says why."""
    (tmp_path / "x.txt").touch()
    names = ["no name", "absent.service", "dangling.service", f"{tmp_path}/gone.service", f"{tmp_path}/x.txt"]
    report = lint(captured(), names)
    assert report.missing == (
        Gap("no name", "'no name.service' is no name of a unit"),
        Gap("absent.service", "there is no unit file of that name", "of a file give the path: ./absent.service"),
        Gap(f"{ETC}/dangling.service", "No such file or directory"),
        Gap(f"{tmp_path}/gone.service", "No such file or directory"),
        Gap(
            f"{tmp_path}/x.txt",
            "'x.txt' is no name of a unit",
            "a file bears the name of its unit, such as x.service",
        ),
    )
    assert (report.nr_units, report.findings) == (0, ())
    assert lint_exit_code(report) == 3


def test_a_file_is_judged_beside_the_unit_of_its_name(tmp_path: Path) -> None:
    """The file that is to be installed and the unit that is are two."""
    (tmp_path / "quiet.service").write_text(LOOP, encoding="utf-8")
    report = lint(captured(), [f"{tmp_path}/quiet.service", "quiet.service"])
    assert report.nr_units == 2
    assert [(found.rule, found.file) for found in report.findings] == [
        ("absent-dependency", f"{ETC}/quiet.service"),
        ("memory-accounting-no-effect", f"{ETC}/quiet.service"),
        ("restart-without-backoff", f"{tmp_path}/quiet.service"),
        ("start-limit-off", f"{tmp_path}/quiet.service"),
    ]


class Bus:
    """A bus that knows one unit."""

    def __enter__(self) -> Self:
        """Connect."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""

    def version(self) -> int:
        """Say that systemd is a newer one."""
        return 257

    def read_unit(self, name: str) -> Unit:
        """Say that it runs with another delay."""
        state = "loaded" if name == "loop.service" else "not-found"
        return Unit(name, load_state=state, restart_seconds=15.0, nr_restarts=23)


def test_the_running_systemd_is_asked_for_units_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows its version and what it loaded; where it gives no answer that is a gap, and the files are judged."""
    root = FakeRoot(FILES, links=LINKS)
    monkeypatch.setattr("unreclaim.app.lint.open_bus", Bus)
    report = lint(root, ["loop.service", "quiet.service"])
    assert report.systemd_version == 257
    assert rules(report, "loop.service")[0] == ("not-reloaded", "warning")
    assert report.findings[1].message.endswith("systemd counts 23 restarts now")

    def hang() -> Bus:
        raise BusError("D-Bus", "no answer in time")

    monkeypatch.setattr("unreclaim.app.lint.open_bus", hang)
    report = lint(root, ["loop.service"])
    assert report.gaps == (Gap("what systemd runs", "D-Bus: no answer in time", "judged by files alone"),)
    assert rules(report, "loop.service") == [("restart-without-backoff", "warning"), ("start-limit-off", "warning")]
    assert lint(root, [], everything=True).systemd_version == 252


@pytest.mark.parametrize(
    ("severities", "missing", "units", "code"),
    [
        ([], False, 1, 0),
        (["info"], False, 1, 0),
        (["info", "warning"], True, 1, 1),
        (["error"], False, 1, 1),
        ([], True, 1, 3),
        (["info"], True, 1, 3),
        ([], False, 0, 3),
    ],
)
def test_exit_codes(severities: list[str], units: int, code: int, *, missing: bool) -> None:
    """Remarks change nothing; what is to be changed counts more than what could not be seen."""
    findings = tuple(LintFinding("r", "u", None, None, LintSeverity(severity), "m", "f") for severity in severities)
    gaps = (Gap("x", "y"),) if missing else ()
    assert lint_exit_code(LintReport(units, 0, findings, gaps)) == code
