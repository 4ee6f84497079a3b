"""The units that a guest's systemd starts over and over: each way of writing one that is said to leave cgroups.

It runs in the guest as a part of guest_units.py, so it imports nothing of this package and runs on Python 3.9.
"""

from __future__ import annotations

BUSYBOX = "/run/lab/busybox"
LOGS, SHM = "/var/log/lab", "/dev/shm/lab-units"  # noqa: S108  the guest is nobody else's
TEN = LOGS + "/ten"
USERS = {"user": 65533, "session": 65532, "login": 65531}
USUAL = ("types", "settings", "restart", "places", "makers", "accounting")
GROUPS = (*USUAL, "many")
NOTHING = BUSYBOX + " true"
PAGE = BUSYBOX + " head -c 4096 /dev/zero"
# A session that pam_systemd registers, on a terminal of its own; its shell ends as it has nothing to read.
LOGIN = "script --quiet --return --command 'login -f lab-{name}' /dev/null"
LOGOUT = "systemctl stop user-{uid}.slice"
SANDBOX = (
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateNetwork=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "NoNewPrivileges=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "RestrictRealtime=yes",
    "RestrictAddressFamilies=AF_UNIX",
    "MemoryDenyWriteExecute=yes",
    "LockPersonality=yes",
    "SystemCallFilter=@system-service",
)
OTHERS = (
    "DynamicUser=yes",
    "DevicePolicy=closed",
    "IPAddressDeny=any",
    "StateDirectory=lab-state",
    "RuntimeDirectory=lab-run",
    "LoadCredential=word:/etc/hostname",
    "Delegate=yes",
    "MemoryAccounting=no",
)


class Variant:
    """One unit. name: in cgroups' paths; settings: lines of its [Service]; files: what it leaves, to be freed later.

    kind: ``service`` (restarted by systemd itself), ``timer`` (started by one), ``socket`` (an instance for each
    connection) or ``command`` (`start` is run for each start, and `stop` after the last, to end what lives on).
    word: what the paths of all of its cgroups, and of no other, hold.
    """

    def __init__(
        self,
        name: str,
        title: str,
        settings: tuple[str, ...] = (),
        starts: int = 23,
        files: tuple[str, ...] = (),
        kind: str = "service",
        start: tuple[str, ...] = (),
        word: str = "",
    ) -> None:
        """Take its parts."""
        self.name = "lab-" + name
        self.word = word or self.name + (".service" if kind in ("service", "timer") else "")
        self.group = ""
        self.title = title
        self.settings = settings
        self.starts = starts
        self.files = files
        self.kind = kind
        self.start = start
        self.stop: tuple[str, ...] = ()

    def restart_seconds(self) -> float:
        """Give how long systemd waits before each start."""
        waits = {"RestartSec=1s": 1.0, "RestartSec=10s": 10.0}
        return max([waits.get(setting, 0.0) for setting in self.settings] or [0.0])

    def unit_text(self) -> str:
        """Give the unit that is restarted so many times, and no more: systemd refuses the start after the last."""
        restart = "no" if self.kind != "service" else "on-failure" if "Type=oneshot" in self.settings else "always"
        command = () if any(line.startswith("ExecStart=") for line in self.settings) else ("ExecStart=" + NOTHING,)
        wait = () if any(line.startswith("RestartSec=") for line in self.settings) else ("RestartSec=1ms",)
        lines = [
            *("[Unit]", "StartLimitIntervalSec=1d", "StartLimitBurst=%d" % self.starts),
            *("[Service]", "Slice=lab.slice", "Restart=" + restart, *wait, *command, *self.settings),
        ]
        return "\n".join(lines) + "\n"

    def timer_text(self) -> str:
        """Give the timer that starts it again a moment after it has ended."""
        return "[Timer]\nOnActiveSec=10ms\nOnUnitInactiveSec=10ms\nAccuracySec=1ms\n"

    def socket_path(self) -> str:
        """Give where its socket listens."""
        return "/run/%s.socket" % self.name

    def units(self) -> dict[str, str]:
        """Give the files of units that it needs, by name."""
        found = {}
        if self.kind == "socket":
            found[self.name + ".socket"] = "[Socket]\nListenStream=%s\nAccept=yes\n" % self.socket_path()
            found[self.name + "@.service"] = self.unit_text()
        elif self.kind != "command":
            found[self.name + ".service"] = self.unit_text()
        if self.kind == "timer":
            found[self.name + ".timer"] = self.timer_text()
        return found


def logging(name: str) -> tuple[str, ...]:
    """Give the settings of a unit that appends a page to a log of all its starts."""
    return _command("simple", page=True, log="%s/%s.log" % (LOGS, name))


def _command(kind: str, *, page: bool, log: str) -> tuple[str, ...]:
    output = ("StandardOutput=append:" + log,) if page else ()
    first = PAGE + "; " if page else ""
    if kind == "notify":
        return ("ExecStart=/bin/sh -c '%ssystemd-notify --ready'" % first, "NotifyAccess=all", *output)
    if kind == "oneshot":
        return ("ExecStart=%s sh -c '%sexit 1'" % (BUSYBOX, first), *output)
    return ("ExecStart=" + (PAGE if page else NOTHING), *output)


def variants(scale: int) -> list[Variant]:
    """Give all of them but the last; scale: how many starts those have whose numbers matter most, others fewer.

    All of the group ``many`` have so many.
    """
    few = max(5, scale * 23 // 101)
    groups = {
        # systemd-notify is a program that is linked to a dozen libraries: slow where the machine is emulated.
        "types": _types(scale, scale * 47 // 101, few),
        "settings": [
            Variant("set%02d" % number, setting, (setting,), few) for number, setting in enumerate((*SANDBOX, *OTHERS))
        ],
        "restart": [
            Variant("sec%d" % number, wait, (wait, *logging("sec%d" % number)), starts, (LOGS + "/sec%d.log" % number,))
            for number, wait, starts in (
                (0, "RestartSec=1ms", few),
                (1, "RestartSec=1s", few),
                (10, "RestartSec=10s", 11),
            )
        ],
        "places": _places(few),
        "makers": _makers(few),
        "many": _types(scale, scale, scale, "many-"),
    }
    for group, found in groups.items():
        for variant in found:
            variant.group = group
    return [variant for found in groups.values() for variant in found]


def _types(many: int, some: int, few: int, prefix: str = "") -> list[Variant]:
    found = []
    for kind in ("simple", "exec", "notify", "oneshot"):
        starts = many if kind in ("simple", "exec") else some
        name = prefix + kind
        log = "%s/%s.log" % (LOGS, name)
        plain, page = (_command(kind, page=value, log=log) for value in (False, True))
        title = "Type=" + kind
        found += [
            Variant(name + "-nothing", title + ", does nothing", (title, *plain), starts),
            Variant(name + "-sandbox", title + ", does nothing, the whole sandbox", (title, *plain, *SANDBOX), few),
            Variant(name + "-log", title + ", appends a page to a log", (title, *page), starts, (log,)),
        ]
    return found


def _places(few: int) -> list[Variant]:
    def leaving(name: str, title: str, place: str, settings: tuple[str, ...] = (), *, stays: bool = True) -> Variant:
        # Twice: systemd takes $$ for one of them.
        command = "ExecStart=%s sh -c '%s >%s/$$$$'" % (BUSYBOX, PAGE, place)
        return Variant(name, title, (*settings, command), few, (place,) if stays else ())

    kept = ("RuntimeDirectory=lab-kept", "RuntimeDirectoryPreserve=yes")
    ten = "ExecStart=%s sh -c 'for i in 0 1 2 3 4 5 6 7 8 9; do %s >%s/$$$$-$$i; done'" % (BUSYBOX, PAGE, TEN)
    return [
        leaving("shm", "leaves a file in /dev/shm", SHM),
        leaving("run", "leaves a file in a RuntimeDirectory= that is kept", "/run/lab-kept", kept),
        leaving(
            "gone", "leaves a file in a RuntimeDirectory=", "/run/lab-gone", ("RuntimeDirectory=lab-gone",), stays=False
        ),
        leaving("tmp", "leaves a file in /tmp, with PrivateTmp=yes", "/tmp", ("PrivateTmp=yes",), stays=False),  # noqa: S108
        leaving("state", "leaves a file in a StateDirectory=", "/var/lib/lab-files", ("StateDirectory=lab-files",)),
        Variant("ten", "leaves ten files", (ten,), few, (TEN,)),
        Variant("journal", "writes a line to the journal", ("ExecStart=" + BUSYBOX + " echo hello",), few),
    ]


def _makers(few: int) -> list[Variant]:
    run = ("systemd-run", "--quiet", "--slice=lab.slice")
    once = (BUSYBOX, "true")
    return [
        Variant("timer", "started by a timer", ("Type=oneshot",), few, kind="timer"),
        Variant("socket", "started by a socket for each connection (Accept=yes)", (), few, kind="socket"),
        Variant(
            "scope",
            "systemd-run --scope",
            starts=11,
            kind="command",
            start=(*run, "--scope", "--unit=lab-scope-%d", *once),
        ),
        Variant("transient", "systemd-run", starts=11, kind="command", start=(*run, "--unit=lab-transient-%d", *once)),
        _user("user", "user@.service, as a login starts it", "systemctl restart user@{uid}.service", 5),
        _user("session", "a login by PAM, the user's manager going on", LOGIN, 11),
        _user("login", "a login by PAM, the user's manager ended after each", LOGIN + "; " + LOGOUT, 5),
    ]


def _user(name: str, title: str, start: str, starts: int) -> Variant:
    """Give what is started for a user of its own: by whose number all of its cgroups are known."""
    start, stop = (words.format(name=name, uid=USERS[name]) for words in (start, LOGOUT))
    variant = Variant(name, title, starts=starts, kind="command", start=("sh", "-c", start), word=str(USERS[name]))
    variant.stop = ("sh", "-c", stop)
    return variant
