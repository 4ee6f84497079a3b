"""Which systemd was the first to know an option: an older one ignores the line with a warning in its journal.

Rows up to 252 were looked up in systemd's NEWS as Debian 12 ships it; newer ones are marked as not verified there.
"""

from msgspec import Struct


class Option(Struct, frozen=True):
    """An option, or one value of it, and the systemd that brought it; value: how the value begins, "" for any.

    source: where that is said.
    """

    sections: tuple[str, ...]
    name: str
    since: int
    source: str
    value: str = ""


_SERVICE = ("Service",)
# Where a unit runs processes of its own: systemd.exec(5).
_EXEC = ("Service", "Socket", "Mount", "Swap")
_CGROUP = ("Service", "Socket", "Mount", "Swap", "Slice", "Scope")


def _news(sections: tuple[str, ...], since: int, *names: str) -> tuple[Option, ...]:
    return tuple(Option(sections, name, since, f"NEWS of systemd {since}") for name in names)


OPTIONS = (
    *_news(_EXEC, 232, "DynamicUser"),
    *_news(_SERVICE, 235, "RuntimeDirectoryPreserve"),
    *_news(_EXEC, 235, "StateDirectory", "CacheDirectory", "LogsDirectory", "LockPersonality"),
    *_news(("Unit",), 236, "CollectMode"),
    *(
        Option(_EXEC, name, since, f"NEWS of systemd {since}", value)
        for value, since in (("file:", 236), ("append:", 240), ("truncate:", 248))
        for name in ("StandardOutput", "StandardError")
    ),
    Option(_SERVICE, "Type", 240, "NEWS of systemd 240", "exec"),
    *_news(_CGROUP, 240, "DisableControllers", "MemoryMin"),
    *_news(_EXEC, 242, "ProtectHostname", "RestrictSUIDSGID"),
    *_news(_SERVICE, 243, "ExecCondition", "TimeoutAbortSec"),
    *_news(_EXEC, 244, "ProtectKernelLogs", "RestartKillSignal"),
    *_news(_EXEC, 245, "ProtectClock", "LogNamespace"),
    *_news(_EXEC, 247, "LoadCredential", "ProtectProc"),
    *_news(("Timer",), 247, "FixedRandomDelay"),
    *_news(("Socket",), 247, "FlushPending"),
    *_news(_EXEC, 248, "PrivateIPC"),
    *_news(("Unit",), 249, "Upholds", "OnSuccess"),
    *_news(_SERVICE, 250, "ExitType", "RuntimeRandomizedExtraSec"),
    *_news(_EXEC, 250, "ExecSearchPath"),
    *_news(("Path",), 250, "TriggerLimitIntervalSec", "TriggerLimitBurst"),
    Option(_SERVICE, "Type", 253, "not verified in NEWS", "notify-reload"),
    Option(_SERVICE, "RestartSteps", 254, "not verified in NEWS"),
    Option(_SERVICE, "RestartMaxDelaySec", 254, "not verified in NEWS"),
    Option(_SERVICE, "RestartMode", 254, "not verified in NEWS"),
)


def since(name: str) -> int:
    """Give the systemd that was the first to know an option."""
    return next(option.since for option in OPTIONS if option.name == name and not option.value)


BACK_OFF_SINCE = since("RestartSteps")
"""An older systemd ignores RestartSteps= and RestartMaxDelaySec=."""

ELSEWHERE = {
    ("Service", "StartLimitIntervalSec"): "Unit",
    ("Unit", "Restart"): "Service",
    ("Unit", "RestartSec"): "Service",
    ("Unit", "RestartSteps"): "Service",
    ("Unit", "RestartMaxDelaySec"): "Service",
    ("Unit", "MemoryAccounting"): "Service",
    ("Unit", "ExecCondition"): "Service",
    ("Service", "ConditionPathExists"): "Unit",
    ("Service", "BindsTo"): "Unit",
    ("Service", "Requires"): "Unit",
    ("Service", "After"): "Unit",
}
"""Options that this or another page recommends, in a section in which systemd ignores them, and where they belong."""
