"""The units that a guest starts over and over: counted by names that no other has, and started so often only."""

import re
from pathlib import Path

import pytest

from unreclaim.lab import guest_units
from unreclaim.lab.guest_host import difference
from unreclaim.lab.guest_units import Run, Trace, each_file
from unreclaim.lab.guest_variants import GROUPS, USERS, USUAL, Variant, variants

ALL = variants(101)
NAMES = [variant.name for variant in ALL]


def test_what_is_measured() -> None:
    """Each Type= three times, each setting of the sandbox alone, the waits, the places, and what makes cgroups else."""
    assert len(set(NAMES)) == len(NAMES)
    groups = [variant.group for variant in ALL]
    assert set(groups) == {*GROUPS} - {"accounting"}
    assert set(GROUPS) - set(USUAL) == {"many"}
    assert {group: groups.count(group) for group in groups} == {
        "types": 12,
        "settings": 27,
        "restart": 3,
        "places": 7,
        "makers": 7,
        "many": 12,
    }
    assert {variant.name: variant.starts for variant in ALL if variant.group == "restart"} == {
        "lab-sec0": 23,
        "lab-sec1": 23,
        "lab-sec10": 11,
    }
    assert [variant.starts for variant in ALL[:3]] == [101, 23, 101]
    assert {variant.starts for variant in ALL if variant.group == "many"} == {101}


def cgroup(variant: Variant) -> str:
    """Give the path of the cgroup that a start makes."""
    services = [name.replace("@.", "@7-1-0.") for name in variant.units() if name.endswith(".service")]
    named = [word.removeprefix("--unit=") % 7 for word in variant.start if "%d" in word]
    if services or named:
        return f"/lab.slice/{(services + named)[0]}"
    return f"/user.slice/user-{USERS[variant.name[4:]]}.slice/session-1.scope"


@pytest.mark.parametrize("variant", ALL, ids=NAMES)
def test_a_word_finds_its_own_cgroups_alone(variant: Variant) -> None:
    """Two run beside each other: lab-sec1 must not count the starts of lab-sec10."""
    assert [other.name for other in ALL if variant.word in cgroup(other)] == [variant.name]


def test_systemd_counts_the_starts() -> None:
    """The start after the last is refused; a timer's unit ends by itself, a oneshot one is restarted as it fails."""
    by_name = {variant.name: variant.units() for variant in ALL}
    text = by_name["lab-exec-log"]["lab-exec-log.service"]
    assert text.splitlines() == [
        "[Unit]",
        "StartLimitIntervalSec=1d",
        "StartLimitBurst=101",
        "[Service]",
        "Slice=lab.slice",
        "Restart=always",
        "RestartSec=1ms",
        "Type=exec",
        "ExecStart=/run/lab/busybox head -c 4096 /dev/zero",
        "StandardOutput=append:/var/log/lab/exec.log",
    ]
    assert "Restart=on-failure\n" in by_name["lab-oneshot-log"]["lab-oneshot-log.service"]
    assert set(by_name["lab-timer"]) == {"lab-timer.service", "lab-timer.timer"}
    assert "Restart=no\n" in by_name["lab-timer"]["lab-timer.service"]
    assert set(by_name["lab-socket"]) == {"lab-socket.socket", "lab-socket@.service"}
    assert by_name["lab-scope"] == {}
    waiting = by_name["lab-sec10"]["lab-sec10.service"]
    assert re.findall(r"^RestartSec=.*", waiting, re.MULTILINE) == ["RestartSec=10s"]


def head(in_buffer: int, written: int) -> str:
    """Give the first lines of a trace."""
    return f"# tracer: nop\n#\n# entries-in-buffer/entries-written: {in_buffer}/{written}   #P:2\n#\n"


def trace_at(instance: str) -> Trace:
    """Give a trace that was begun already."""
    trace = Trace.__new__(Trace)
    trace.instance = instance
    return trace


def test_what_is_made_and_not_freed_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hierarchy: on v1 each start makes one in every hierarchy, and the one with the most of them tells."""
    line = "   systemd-1   [000] d..1.  7.2: cgroup_{}: root={} id={} level=2 path=/lab.slice/lab-x.service\n"
    made = "".join(line.format("mkdir", root, number) for root in (1, 4) for number in (11, 12, 13))
    freed = line.format("release", 4, 11) + "".join(line.format("release", 1, number) for number in (11, 12, 13, 9))
    monkeypatch.setattr(guest_units, "read", {"/t/trace": head(11, 11) + made + freed}.get)
    assert trace_at("/t").counts() == (3, 2, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (head(282, 846), "has 282 of 846 events"),
        ("# tracer: nop\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_lost_events_are_no_count(monkeypatch: pytest.MonkeyPatch, text: str | None, why: str) -> None:
    """Where the kernel overwrote events, or nothing can be read, nothing is counted; the unit has failed."""
    monkeypatch.setattr(guest_units, "read", {"/t/trace": text}.get)
    with pytest.raises(guest_units.UnitError, match=why):
        trace_at("/t").counts()


def test_what_lives_on_is_ended_before_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's manager that runs is no cgroup that was left: it is stopped after the last start."""
    said: list[str] = []
    monkeypatch.setattr(guest_units, "command", lambda *words: said.append(words[-1]))
    run = Run.__new__(Run)
    run.variant = next(variant for variant in ALL if variant.name == "lab-user")
    run.start()
    assert said == ["systemctl restart user@65533.service"] * 5 + ["systemctl stop user-65533.slice"]


def test_a_failure_is_told_and_ends_its_own_unit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd says goes into the document."""
    run = Run.__new__(Run)
    run.variant = ALL[0]
    ended = []
    monkeypatch.setattr(run, "start", lambda: None)

    def fail() -> None:
        raise guest_units.UnitError("started 3 times of 101, then no more")

    monkeypatch.setattr(run, "wait", fail)
    monkeypatch.setattr(run, "end", lambda: ended.append(True))
    found = guest_units.one(run)
    assert (found["failed"], found["starts"], ended) == ("started 3 times of 101, then no more", 101, [True])


def test_files_of_a_place(tmp_path: Path) -> None:
    """A file is itself, a directory the files in it, and what is not there is nothing."""
    (tmp_path / "a").touch()
    (tmp_path / "sub").mkdir()
    assert each_file(str(tmp_path)) == [str(tmp_path / "a")]
    assert each_file(str(tmp_path / "a")) == [str(tmp_path / "a")]
    assert each_file(str(tmp_path / "none")) == []
    assert (difference(3, 5), difference(None, 5), difference(3, None)) == (2, None, None)


def test_what_failed_and_what_left_some_is_started_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow ones go on beside those that leave nothing; no ladder is climbed meanwhile, but afterwards where it must."""
    told: list[tuple[str, bool]] = []
    chosen = [
        variant for variant in ALL if variant.name in {"lab-set00", "lab-set01", "lab-set02", "lab-sec10", "lab-shm"}
    ]

    class Fake:
        """A run that is only noted."""

        def __init__(self, variant: Variant) -> None:
            self.variant = variant

        def start(self) -> None:
            told.append((f"start {self.variant.name}", False))

    def one(run: Fake, *, started: bool = False, ladder: bool = True) -> dict[str, object]:
        name = run.variant.name
        told.append((name, ladder))
        if not ladder:
            outcomes: dict[str, dict[str, object]] = {
                "lab-set00": {"rungs": []},
                "lab-set01": {"failed": "x"},
                "lab-set02": {"rungs": None},
            }
            return outcomes[name]
        return {"rungs": [], "name": name, "started": started}

    monkeypatch.setattr(guest_units, "Run", Fake)
    monkeypatch.setattr(guest_units, "one", one)
    monkeypatch.setattr(guest_units, "command", lambda *words: told.append((words[-1], False)))
    found = guest_units.measure(chosen)
    assert told == [
        ("start lab-sec10", False),
        ("lab-set00", False),
        ("lab-set01", False),
        ("lab-set02", False),
        ("lab-sec10", True),
        ("reset-failed", False),
        ("lab-set01", True),
        ("reset-failed", False),
        ("lab-set02", True),
        ("lab-shm", True),
    ]
    assert [each.get("name") for each in found] == [None, "lab-set01", "lab-set02", "lab-sec10", "lab-shm"]
