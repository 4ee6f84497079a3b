"""Lints a host of 500 units with a drop-in each, beside only reading the same files.

Prints the median of the rounds in milliseconds of CPU for ``lint --all`` without its start (parse, rules, facts), for
reading each file's bytes, and the ratio of the two; and the whole command with the start of Python, in seconds of CPU
and elapsed. Judged: the command takes at most a second of CPU for 500 units; what else runs on the machine does not
count. Run it with: python -m bench.bench_lint [UNITS [ROUNDS]]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from unreclaim.app.lint import lint
from unreclaim.host.tree import TreeRoot

MOST_SECONDS = 1.0
JUDGED_UNITS = 500
# As long as a service of Debian: some thirty assignments.
UNIT = """\
[Unit]
Description=Unit number {0}
Documentation=man:x(8)
After=network-online.target nss-lookup.target
Wants=network-online.target
ConditionPathExists=!/etc/nologin
[Service]
Type=notify
EnvironmentFile=-/etc/default/x
ExecStartPre=/usr/sbin/x -t
ExecStart=/usr/sbin/x -D $OPTIONS --config=/etc/x/{0}.conf
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RestartPreventExitStatus=255
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateDevices=yes
RuntimeDirectory=x{0}
RuntimeDirectoryMode=0755
StandardOutput=append:/var/log/x{0}.log
MemoryMax=1G
[Install]
WantedBy=multi-user.target
"""
DROP_IN = "[Service]\nRestartSec=1ms\nLimitNOFILE=65536\n[Unit]\nStartLimitIntervalSec=0\n"


def make(top: str, units: int) -> list[str]:
    """Write the units, and give the paths of all files."""
    directory = Path(top) / "etc" / "systemd" / "system"
    paths = []
    for number in range(units):
        drop_ins = directory / f"x{number}.service.d"
        drop_ins.mkdir(parents=True)
        for path, text in ((directory / f"x{number}.service", UNIT.format(number)), (drop_ins / "1.conf", DROP_IN)):
            path.write_text(text, encoding="utf-8")
            paths.append(str(path))
    (Path(top) / "usr" / "bin").mkdir(parents=True)
    return paths


def median_cpu(rounds: int, call: Callable[[], object]) -> float:
    """Give the seconds of CPU that a call takes."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return statistics.median(found)


def read(paths: list[str]) -> None:
    """Read each file, and do nothing with it."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.read(descriptor, 1 << 16)
        finally:
            os.close(descriptor)


def command(top: str) -> tuple[float, float]:
    """Run the whole command; give its seconds of CPU, and those that it took."""
    start, before = time.monotonic(), os.times()
    words = [sys.executable, "-m", "unreclaim", "lint", "--all", "--root", top, "--json"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=False)  # noqa: S603  words of our own
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.monotonic() - start


def main(arguments: list[str]) -> int:
    """Measure, and give 0 if 500 units take at most a second."""
    units = int(arguments[0]) if arguments else JUDGED_UNITS
    rounds = int(arguments[1]) if arguments[1:] else 7
    with tempfile.TemporaryDirectory() as top:
        paths = make(top, units)
        report = lint(TreeRoot(top), [], everything=True)
        if report.nr_units != units or not report.findings:
            raise SystemExit(f"bench/bench_lint.py: {report.nr_units} of {units} units were judged")
        whole = median_cpu(rounds, lambda: lint(TreeRoot(top), [], everything=True))
        bare = median_cpu(rounds, lambda: read(paths))
        spent = [command(top) for _ in range(rounds)]
    print(f"{units} units, {len(paths)} files, {len(report.findings)} findings; median of {rounds} rounds")
    print(f"lint {whole * 1000:.0f} ms of CPU, only reading {bare * 1000:.1f} ms: ratio {whole / bare:.0f}")
    middle = statistics.median(cpu for cpu, _ in spent)
    judged = "" if units != JUDGED_UNITS else ": ok" if middle <= MOST_SECONDS else f": NOT within {MOST_SECONDS:g} s"
    elapsed = statistics.median(seconds for _, seconds in spent)
    print(f"the command {middle:.2f} s of CPU, {elapsed:.2f} s elapsed (load {os.getloadavg()[0]:.1f}){judged}")
    return int(units == JUDGED_UNITS and middle > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
