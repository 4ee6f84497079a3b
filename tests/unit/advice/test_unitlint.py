"""The rules of lint, each with units that it finds and units that it lets pass."""

import math

import pytest
from msgspec.structs import replace

from tests.article import ARTICLE
from tests.unit.advice.units import lint, view
from unreclaim.advice.unit_view import UnitView
from unreclaim.advice.unitlint import lint_unit
from unreclaim.advice.unitlint.short_timer import calendar_seconds
from unreclaim.formats.unit_file import parse_unit_file
from unreclaim.model.lint import HostFacts, LintFinding, LintSeverity, UnitFacts
from unreclaim.model.unit import Unit
from unreclaim.model.unit_files import UnitFiles

WARN, INFO = "warning", "info"
LOOP = "[Service]\nRestart=always\nRestartSec=1ms\n[Unit]\nStartLimitIntervalSec=0\n"
LOOPS = [("restart-without-backoff", 3, WARN), ("start-limit-off", 5, WARN)]
OLD, NEW = HostFacts(systemd_version=247), HostFacts(systemd_version=257)


def test_the_articles_unit() -> None:
    """Its loop is two faults; its sandbox and its type are none, and are said to be none.

    restart-without-backoff: 1 ms between restarts, and nothing that ends them. start-limit-off: because of line 4.
    sandbox-no-pin: PrivateTmp=, DynamicUser= and PrivateDevices= were measured one by one. type-exec: one cgroup a
    start with either type. Nothing is said of its network-online.target, which is there and only ordered after; nor
    of ExecStart=, which names no path.
    """
    at = ("myapp.service", "0")
    assert lint_unit(view(ARTICLE, name="myapp.service", host=HostFacts(systemd_version=245))) == (
        LintFinding(
            "restart-without-backoff",
            *at,
            17,
            LintSeverity.WARNING,
            "a failing service is restarted after RestartSec=1ms, as fast as systemd can start it, and nothing ends"
            " that",
            "RestartSec=15s (back-off by RestartSteps= needs systemd 254); if it ends because a file or device is"
            " missing: ConditionPathExists= or BindsTo=",
        ),
        LintFinding(
            "start-limit-off",
            *at,
            4,
            LintSeverity.WARNING,
            "no start limit: a service that fails is restarted after 1ms for ever, as fast as systemd can start it",
            "remove the line, so that systemd gives up, or let it wait longer: RestartSec=15s (back-off by"
            " RestartSteps= needs systemd 254)",
        ),
        LintFinding(
            "sandbox-no-pin",
            *at,
            16,
            LintSeverity.INFO,
            "the sandbox (PrivateTmp=, DynamicUser=, PrivateDevices=) makes no cgroup of its own: what piles up here"
            " comes from the restarts",
            "keep it, and slow the restarts",
        ),
        LintFinding(
            "type-exec",
            *at,
            6,
            LintSeverity.INFO,
            "Type=exec is neither a fault nor a cure: exec and simple both make one cgroup a start",
            "leave the type as it is; slow the restarts",
        ),
    )


def test_the_articles_unit_on_systemd_of_ubuntu_18_04() -> None:
    """With 237 Type=exec and ProtectClock= and ProtectKernelLogs= are not known yet, and so ignored."""
    found = lint(ARTICLE, host=HostFacts(systemd_version=237))
    assert [line for rule, line, _ in found if rule == "ignored-option"] == [6, 12, 14]


def test_the_articles_cure_is_judged_too() -> None:
    """Type=simple with RestartSec=15s: the delay helps and the type does not; that no limit ends it is a remark."""
    cure = "[Service]\nType=simple\nRestartSec=15s\n"
    assert lint(ARTICLE, cure) == [("sandbox-no-pin", 16, INFO), ("start-limit-off", 4, INFO), ("type-exec", 2, INFO)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LOOP, LOOPS),
        ("[Service]\nExecStart=/bin/a\n", []),
        ("[Service]\nRestart=no\nRestartSec=1ms\n", []),
        # The default limit ends it: a remark where the delay is written down, nothing where it is the default.
        ("[Service]\nRestart=always\nRestartSec=1ms\n", [("restart-without-backoff", 3, INFO)]),
        ("[Service]\nRestart=on-failure\n", []),
        # The default of 100 ms, and no limit; the old name of the limit is known in both sections.
        (
            "[Unit]\nStartLimitInterval=0\n[Service]\nRestart=always\n",
            [("restart-without-backoff", 4, WARN), ("start-limit-off", 2, WARN)],
        ),
        (
            "[Service]\nRestart=always\nStartLimitInterval=0\n",
            [("restart-without-backoff", 2, WARN), ("start-limit-off", 3, WARN)],
        ),
        ("[Unit]\nStartLimitBurst=0\n[Service]\nRestart=always\nRestartSec=30\n", [("start-limit-off", 2, INFO)]),
        ("[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=9\n", [("start-limit-off", 2, WARN)]),
        # 5 starts in 10 s: out of reach above 2 s.
        ("[Service]\nRestart=always\nRestartSec=2\n", []),
        ("[Service]\nRestart=always\nRestartSec=2.1\n", [("start-limit-out-of-reach", 3, WARN)]),
        ("[Service]\nRestart=always\nRestartSec=60\n", [("start-limit-out-of-reach", 3, INFO)]),
        (
            "[Unit]\nStartLimitIntervalSec=1min\nStartLimitBurst=5\n[Service]\nRestart=always\nRestartSec=15\n",
            [("start-limit-out-of-reach", 2, WARN)],
        ),
        (
            "[Unit]\nStartLimitBurst=500\n[Service]\nRestart=always\n",
            [("restart-without-backoff", 4, WARN), ("start-limit-out-of-reach", 2, WARN)],
        ),
        ("[Unit]\nStartLimitIntervalSec=infinity\n[Service]\nRestart=always\nRestartSec=1h\n", []),
        # It grows.
        (LOOP + "[Service]\nRestartSteps=5\nRestartMaxDelaySec=1min\n", []),
        # What is invalid is ignored: the line before counts.
        (
            "[Service]\nRestart=always\nRestartSec=20s\nRestartSec=5x\nRestartSec=\n",
            [
                ("invalid-value", 4, WARN),
                ("invalid-value", 5, WARN),
                ("start-limit-out-of-reach", 3, INFO),
            ],
        ),
    ],
)
def test_restarts(text: str, found: list[tuple[str, int, str]]) -> None:
    """What ends a loop, what slows it and what does neither are told apart."""
    assert lint(text) == found


def test_back_off_counts_only_where_it_is_known() -> None:
    """Before systemd 254 the same unit loops without end, and both lines of the back-off are ignored."""
    text = LOOP + "[Service]\nRestartSteps=5\nRestartMaxDelaySec=1min\n"
    assert lint(text, host=NEW) == []
    assert lint(text, host=OLD) == [("ignored-option", 7, WARN), ("ignored-option", 8, WARN), *LOOPS]


def test_defaults_of_the_manager_count() -> None:
    """DefaultRestartSec= and the default limit of system.conf stand for what a unit does not say."""
    conf = parse_unit_file(
        "[Manager]\nDefaultRestartSec=30s\nDefaultRestartSec=x\nDefaultStartLimitIntervalSec=0\n", file="system.conf"
    )
    host = HostFacts(manager_files=(conf,))
    assert lint("[Service]\nRestart=always\n", host=host) == [("start-limit-off", None, INFO)]


def test_the_loop_that_runs_is_counted() -> None:
    """Where systemd counts restarts of the unit, the finding says how many; and how the delay could grow here."""
    facts = UnitFacts(loaded=Unit("x.service", nr_restarts=211))
    first = lint_unit(view(LOOP, host=NEW, facts=facts))[0]
    assert first.message.endswith("and nothing ends that; systemd counts 211 restarts now")
    assert first.fix.startswith("RestartSec=1s with RestartSteps=6 and RestartMaxDelaySec=1min; if")
    slow = lint_unit(view("[Service]\nRestart=always\nRestartSec=500ms\n"))[0]
    assert slow.message == (
        "a failing service is restarted after RestartSec=500ms, for ever if it lives for more than 1.5s each time"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[Service]\nRestartSteps=5\n", [("backoff-incomplete", 2, WARN)]),
        ("[Service]\nRestartSteps=5\nRestartMaxDelaySec=infinity\n", [("backoff-incomplete", 2, WARN)]),
        ("[Service]\nRestartMaxDelaySec=1min\n", [("backoff-incomplete", 2, WARN)]),
        ("[Service]\nRestartSteps=0\nRestartMaxDelaySec=1min\n", [("backoff-incomplete", 3, WARN)]),
        ("[Service]\nRestartSteps=5\nRestartMaxDelaySec=1min\n", []),
        ("[Service]\nRestartSec=2min\nRestartSteps=5\nRestartMaxDelaySec=1min\n", [("backoff-incomplete", 4, WARN)]),
    ],
)
def test_half_a_back_off_is_none(text: str, found: list[tuple[str, int, str]]) -> None:
    """Either without the other is ignored, and a longest delay that is not longer has nothing to grow to."""
    assert lint(text) == found


def test_options_that_this_systemd_ignores() -> None:
    """Too new, in another section, or in a section that such a unit does not have; an X- section is a user's own."""
    text = "[Service]\nType=exec\nStandardOutput=append:/x\nStartLimitIntervalSec=0\n[X-Mine]\na=b\n[Timer]\na=b\nc=d\n"
    assert lint(text, host=HostFacts(systemd_version=239)) == [
        ("ignored-option", 2, WARN),
        ("ignored-option", 3, WARN),
        ("ignored-option", 4, WARN),
        ("ignored-option", 8, WARN),
    ]
    assert (
        lint(text, host=HostFacts(systemd_version=240))
        == lint(text)
        == [
            ("ignored-option", 4, WARN),
            ("ignored-option", 8, WARN),
        ]
    )
    messages = [finding.message for finding in lint_unit(view(text, host=HostFacts(systemd_version=239)))]
    assert messages == [
        "Type=exec is ignored: it needs systemd 240, this is 239",
        "StandardOutput=append: is ignored: it needs systemd 240, this is 239",
        "StartLimitIntervalSec= is ignored in [Service]",
        "systemd ignores all of section [Timer] in a unit of this type",
    ]


@pytest.mark.parametrize(
    ("has_memory", "found"),
    [
        (True, [("memory-accounting-no-effect", 2, WARN)]),
        (None, [("memory-accounting-no-effect", 2, INFO)]),
        (False, []),
    ],
)
def test_accounting_that_is_switched_off_in_vain(has_memory: bool | None, found: list[tuple[str, int, str]]) -> None:  # noqa: FBT001
    """It has no effect where the slice has the controller; where it has not, nothing is said."""
    facts = UnitFacts(slice_has_memory=has_memory)
    assert lint("[Service]\nMemoryAccounting=no\n", facts=facts) == found
    assert lint("[Service]\nMemoryAccounting=yes\n", facts=facts) == []


def test_sockets_and_timers_that_start_often() -> None:
    """A socket for each connection is a remark, a timer below a minute a warning."""
    assert lint("[Socket]\nAccept=yes\n", name="x.socket") == [("socket-per-connection", 2, INFO)]
    assert lint("[Socket]\nAccept=no\n", name="x.socket") == []
    timer = "[Timer]\nOnUnitActiveSec=10s\nOnUnitInactiveSec=1h\nOnCalendar=daily\nOnCalendar=*:*:0/30\nOnBootSec=1s\n"
    assert lint(timer, name="x.timer") == [("short-timer", 2, WARN), ("short-timer", 5, WARN)]
    messages = [finding.message for finding in lint_unit(view(timer, name="x.timer"))]
    late = "each makes a cgroup (put off by up to 1min, for want of AccuracySec=)"
    assert messages == [
        f"runs every 10s, up to 8,640 times a day, {late}",
        f"runs every 30s, up to 2,880 times a day, {late}",
    ]
    exact = lint_unit(view("[Timer]\nAccuracySec=1ms\nOnUnitActiveSec=10s\n", name="x.timer"))
    assert [finding.message for finding in exact] == ["runs every 10s, up to 8,640 times a day, each makes a cgroup"]


@pytest.mark.parametrize(
    ("value", "period"),
    [
        ("*:*:*", 1),
        ("*-*-* *:*:*", 1),
        ("*:*:0/10", 10),
        ("*-*-* *:*:00/30", 30),
        ("*:*:*/5", 5),
        ("*:*:00,20,40", 20),
        ("*:0/1:0/15", 15),
        ("*:*:0/0", None),
        ("*:*:00", None),
        ("*:00:*", None),
        ("*:*", None),
        ("minutely", None),
        ("daily", None),
        ("Mon 12:00", None),
        ("", None),
    ],
)
def test_calendar_times_within_a_minute(value: str, period: float | None) -> None:
    """Seconds that are named by a step, a list or a star are understood; anything else is not judged."""
    assert calendar_seconds(value) == period


def test_logs_that_outlive_the_unit() -> None:
    """A file that is appended to holds cgroups where a loop does not end; it is named once, and not on a kernel 7.2."""
    log = "[Service]\nStandardOutput=append:/var/log/x\nStandardError=append:/var/log/x\n"
    log += "ExecStart=sh -c 'a >>/var/log/y'\n"
    assert lint(log) == []
    found = [("log-outlives-unit", 2, WARN), ("log-outlives-unit", 4, WARN), *LOOPS]
    assert sorted(lint(log, LOOP)) == sorted(found)
    assert lint(log, LOOP, host=HostFacts(reparents_page_cache=True)) == LOOPS
    bounded = "[Service]\nRestart=always\nStandardError=file:/x\nExecStart=sh -c 'a >>/dev/null; b >> /x'\n"
    assert lint(bounded) == [("log-outlives-unit", 3, INFO)]
    for harmless in ("truncate:/x", "journal"):
        assert lint(LOOP, f"[Service]\nStandardOutput={harmless}\n") == LOOPS
    message = lint_unit(view(log, LOOP, host=HostFacts(nokmem=True)))[0].message
    assert message == (
        "each start that adds a page to /var/log/x leaves its memory cgroup behind, held by that page;"
        " cgroup.memory=nokmem does not help with that"
    )


def test_directories_that_are_kept() -> None:
    """A runtime directory that outlives a start is a remark in a loop without end."""
    kept = "[Service]\nRuntimeDirectory=a b:c\nRuntimeDirectoryPreserve=restart\n"
    assert lint(LOOP, kept) == [*LOOPS, ("files-left-behind", 3, INFO)]
    assert lint_unit(view(LOOP, kept))[-1].message.startswith("/run/a is kept between starts")
    for other in ("[Service]\nRuntimeDirectory=a\n", "[Service]\nRuntimeDirectoryPreserve=yes\n"):
        assert lint(LOOP, other) == LOOPS
    assert lint(LOOP, kept.replace("restart", "no")) == LOOPS
    assert lint(kept) == []
    assert lint(LOOP, kept, host=HostFacts(reparents_page_cache=True)) == LOOPS


def test_type_is_told_to_be_no_fault_where_it_is_blamed() -> None:
    """In a loop, and where a drop-in changes it; not where a unit just has it."""
    assert lint("[Service]\nType=exec\n") == []
    assert lint("[Service]\nType=exec\n", LOOP) == [*LOOPS, ("type-exec", 2, INFO)]
    assert lint("[Service]\nType=simple\n", LOOP) == LOOPS
    assert lint("[Service]\nType=exec\n", "[Service]\nType=simple\n") == [("type-exec", 2, INFO)]
    assert lint("[Service]\nType=exec\nType=simple\n") == []
    assert lint("[Service]\nType=notify\n", "[Service]\nType=exec\n") == []


def test_what_is_needed_and_not_there() -> None:
    """Files, units and devices that do not exist: a warning in a loop, and for a unit that cannot be started at all."""
    text = (
        "[Unit]\nRequires=gone.service here.service\nAfter=sys-subsystem-net-devices-eth9.device\n"
        "[Service]\nEnvironmentFile=/etc/gone.env\nExecStart=/bin/a --config=/etc/here.conf\n"
    )
    facts = UnitFacts(
        paths={"/etc/gone.env": False, "/etc/here.conf": True, "/bin/a": True, "/sys/class/net/eth9": False},
        units={"gone.service": False, "here.service": True},
    )
    assert lint(text, facts=facts) == [
        ("absent-dependency", 2, WARN),
        ("absent-dependency", 5, INFO),
        ("absent-dependency", 3, INFO),
    ]
    assert [line for rule, line, severity in lint(text, LOOP, facts=facts) if rule == "absent-dependency"] == [5, 2, 3]
    assert [(finding.message, finding.fix) for finding in lint_unit(view(text, LOOP, facts=facts))[:3]] == [
        (
            "EnvironmentFile= names /etc/gone.env, which does not exist, so each start may fail, again and again",
            "ConditionPathExists=/etc/gone.env in [Unit], and a .path unit that starts it when the file comes",
        ),
        (
            "Requires= names gone.service, which has no unit file: the unit cannot be started",
            "install it, or use Wants=",
        ),
        (
            (
                "After=sys-subsystem-net-devices-eth9.device orders and waits for nothing, and /sys/class/net/eth9 does"
                " not exist, so each start may fail, again and again"
            ),
            "add BindsTo=sys-subsystem-net-devices-eth9.device, which waits for it",
        ),
    ]
    assert lint(text) == []


def test_lines_that_are_not_read() -> None:
    """What is ignored is a warning; what systemd stops at is an error: the unit is lost, or the rest of a drop-in."""
    broken = parse_unit_file("[Service]\nno equals\n[Broken\n", file="f")
    found = lint_unit(UnitView(UnitFiles("x.service", broken, (replace(broken, file="g"),))))
    assert [(finding.file, finding.line, finding.severity.value, finding.message) for finding in found] == [
        ("f", 3, "error", "'[Broken' is no header of a section: systemd does not load the unit"),
        ("g", 3, "error", "'[Broken' is no header of a section: systemd reads this drop-in no further"),
        ("f", 2, "warning", "'no equals' has no '=': systemd ignores the line"),
        ("g", 2, "warning", "'no equals' has no '=': systemd ignores the line"),
    ]


def test_values_that_systemd_cannot_read() -> None:
    """Each setting that is judged here is checked; one with an unknown word is shown cut off."""
    text = (
        f"[Service]\nRestart=yes\nRestartSec=5x\nRestartSteps=-1\nRestartMaxDelaySec=a\nPrivateTmp=disconnected\n"
        f"DynamicUser=maybe\nStartLimitBurst=4294967296\nMemoryAccounting={60 * 'x'}\n"
    )
    found = lint_unit(view(text))
    assert {finding.rule for finding in found} == {"invalid-value"}
    assert sorted(finding.line or 0 for finding in found) == [2, 3, 4, 5, 7, 8, 9]
    assert found[-2].message == f"systemd cannot read the value of MemoryAccounting={40 * 'x'} and ignores the line"


def test_files_that_are_not_loaded() -> None:
    """What systemd runs with is compared with what is written, where it was asked."""
    text = "[Unit]\nStartLimitIntervalSec=1min\n[Service]\nRestart=no\nRestartSec=15s\n"
    runs = Unit("x.service", restart_seconds=0.001, start_limit_interval_seconds=math.inf)
    assert [finding.message for finding in lint_unit(view(text, facts=UnitFacts(loaded=runs)))] == [
        "RestartSec=15s is in the file, and systemd runs the unit with 1ms",
        "StartLimitIntervalSec=1min is in the file, and systemd runs the unit with infinity",
    ]
    same = Unit("x.service", restart_seconds=15, start_limit_interval_seconds=None)
    assert lint(text, facts=UnitFacts(loaded=same)) == lint(text) == []
    assert lint("[Timer]\n", name="x.timer", facts=UnitFacts(loaded=same)) == []


def test_other_units_and_none_at_all() -> None:
    """A unit without files, and one of another type with a service's settings, are judged without harm."""
    assert lint() == []
    found = lint("[Unit]\nDescription=x\n[Service]\nRestart=always\nRestartSteps=3\nType=exec\n", name="x.target")
    assert found == [("ignored-option", 4, WARN)]
    assert view().finding("r", None, LintSeverity.INFO, "m", "f").file is None
