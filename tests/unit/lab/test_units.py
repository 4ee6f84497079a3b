"""The units of a comparison: what is added to them, and what is refused."""

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from unreclaim.lab.errors import LabError
from unreclaim.lab.systemd import Systemd
from unreclaim.lab.units import Variant, plain_unit, read_unit, restart_until_limit, with_settings

WHOLE = """[Unit]
Description=unreclaim lab

[Service]
ExecStart=/bin/true

[Service]
Type=exec
PrivateTmp=yes

[Unit]
StartLimitAction=none
FailureAction=none
SuccessAction=none
OnFailure=
OnSuccess=

[Service]
Slice=unreclaimlab.slice
RuntimeDirectoryPreserve=yes

[Unit]
StartLimitIntervalSec=1d
StartLimitBurst=23

[Service]
Restart=always
RestartSec=1ms
"""


def test_a_unit_loops_until_systemd_itself_has_counted_its_starts() -> None:
    """Settings come after the unit's own, ours last; the limit is the number of starts."""
    variant = with_settings(plain_unit("/bin/true"), ("Type=exec", "PrivateTmp=yes"))
    assert variant.label == "Type=exec PrivateTmp=yes"
    assert variant.unit_text(23) == WHOLE
    assert variant.unit_text(23, "100ms") == f"{WHOLE}RuntimeMaxSec=100ms\n"


@pytest.mark.parametrize(
    ("types", "oneshot"),
    [("", False), ("Type=oneshot\n", True), (" Type = oneshot \nType=exec\n", False), ("#Type=oneshot\n", False)],
)
def test_a_oneshot_is_started_one_by_one(types: str, *, oneshot: bool) -> None:
    """Systemd refuses Restart=always for it, and RuntimeMaxSec= means nothing there; the last Type= counts."""
    variant = Variant("x", f"[Service]\nExecStart=/bin/true\n{types}")
    text = variant.unit_text(23, "1s")
    assert variant.oneshot is oneshot
    assert ("Restart=no\n" in text, "StartLimitIntervalSec=0\n" in text) == (oneshot, oneshot)
    assert ("Restart=always\n" in text, "RuntimeMaxSec=1s\n" in text) == (not oneshot, not oneshot)


@pytest.mark.parametrize("setting", ["Type", "=exec", "Type=exec\nExecStart=/bin/sh", ""])
def test_what_is_no_setting_is_refused(setting: str) -> None:
    """One name, one value, on one line."""
    with pytest.raises(LabError, match="is no setting; write NAME=VALUE"):
        with_settings("", ("Type=exec", setting))


def test_a_unit_is_read_from_a_file_that_is_named_as_one(tmp_path: Path) -> None:
    """A slash makes it a file; one that is not there is said to be missing."""
    (tmp_path / "a.service").write_text("[Service]\n", encoding="utf-8")
    assert read_unit(Systemd(), str(tmp_path / "a.service")) == Variant("a.service", "[Service]\n")
    with pytest.raises(LabError, match=r"gone\.service: No such file or directory"):
        read_unit(Systemd(), str(tmp_path / "gone.service"))


class Scripted(Systemd):
    """A systemd that answers what a test wants to know of it, state by state."""

    def __init__(self, *states: str) -> None:
        """Take the states as they follow each other; the last stays."""
        super().__init__()
        self.states = list(states)
        self.asked: list[tuple[str, ...]] = []

    def attempt(self, *arguments: str) -> str:
        """Note what was asked for."""
        self.asked.append(arguments)
        return ""

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Give the next state."""
        words = (self.states.pop(0) if len(self.states) > 1 else self.states[0]).split()
        assert unit == "x.service"
        return dict(zip(names, words, strict=True))


def test_a_loop_ends_with_the_start_limit() -> None:
    """The number of starts is the limit's, whatever was seen on the way."""
    seen: list[int] = []

    def note(restarts: int) -> bool:
        seen.append(restarts)
        return True

    system = Scripted("activating success 0", "active success 7", "failed start-limit-hit 23")
    clock = FakeClock()
    assert restart_until_limit(system, "x.service", 23, clock, note) == 23
    assert (seen, clock.slept) == ([0, 7], [0.1, 0.1])
    assert system.asked == [("start", "--no-block", "x.service")]


def test_a_loop_that_is_to_stop_is_stopped() -> None:
    """What was counted by then is given."""
    system = Scripted("active success 7")
    assert restart_until_limit(system, "x.service", 23, FakeClock(), lambda number: number < 7) == 7
    assert system.asked[-1] == ("stop", "x.service")


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("failed resources 3", r"restarted 3 times of 23, then no more \(failed, resources\)"),
        ("failed start-limit-hit 9", r"restarted 9 times of 23, then no more \(failed, start-limit-hit\)"),
        ("active success 0", r"restarted 0 times of 23, then no more \(active, success\)"),
    ],
)
def test_a_loop_that_gets_nowhere_is_given_up(state: str, why: str) -> None:
    """A unit that cannot start, or whose program does not end, is named with its state and a way out."""
    clock = FakeClock()
    with pytest.raises(LabError, match=why) as caught:
        restart_until_limit(Scripted(state), "x.service", 23, clock)
    assert "--run-for" in (caught.value.hint or "")
    assert clock.gone < 31
