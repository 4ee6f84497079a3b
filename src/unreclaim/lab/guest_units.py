"""Lets a guest's systemd start units over and over, and counts what each start makes and leaves.

It runs in the guest as a program of its own, imports nothing of this package and runs on Python 3.9. The document that
it leaves is `unit_report.GuestUnits`. Cgroups are counted by the kernel's trace points, each unit's by its name, so
that what else goes on there is not in it: what was made and is not released is dying.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from .guest_host import V1, V2, difference, drop_caches, fadvise, meminfo, read, reclaim, write
from .guest_variants import BUSYBOX, LOGS, SHM, TEN, USERS, USUAL, Variant, logging, variants

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = "/run/systemd/system"
TRACING = "/sys/kernel/tracing"
CENSUS = "/payload/unreclaim"
EVENT = re.compile(r": cgroup_(mkdir|release): root=(\d+) id=(\d+) level=\d+ path=(.*)")
ENTRIES = re.compile(r"^# entries-in-buffer/entries-written: (\d+)/(\d+)\s", re.MULTILINE)
NO_PROGRESS_SECONDS = 45.0
# One in ten is a leak; fewer are what a CPU or systemd has not let go yet.
WORTH_A_LADDER = 10


def command(*words: str) -> str:
    """Run a program and give what it says; what it complains of is ours to say where it fails."""
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UnitError("%s: %s" % (" ".join(words), (done.stderr or done.stdout).strip()[-300:]))
    return done.stdout


class UnitError(Exception):
    """A unit did not do what it was to do; the others go on."""


class Trace:
    """The cgroups whose path holds a word: which were made, and which of them are freed."""

    def __init__(self, name: str, word: str) -> None:
        """Begin to record."""
        self.instance = "%s/instances/%s" % (TRACING, name)
        self.word = word
        os.mkdir(self.instance)
        write(self.instance + "/buffer_size_kb", "2048")
        for event in ("mkdir", "release"):
            place = "%s/events/cgroup/cgroup_%s" % (self.instance, event)
            write(place + "/filter", 'path ~ "*%s*"' % word)
            write(place + "/enable", "1")

    def cgroups(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Give hierarchy and id of those that were made, and of those of them that are not freed."""
        text = read(self.instance + "/trace") or ""
        entries = ENTRIES.search(text)
        if entries is None:
            raise UnitError("the trace of its cgroups cannot be read")
        if entries[1] != entries[2]:
            # What was overwritten would be missing among those that were made, or look like one that is not freed.
            raise UnitError("the trace has %s of %s events: its buffer was too small" % (entries[1], entries[2]))
        made: set[tuple[str, str]] = set()
        freed: set[tuple[str, str]] = set()
        for what, root, number, _ in EVENT.findall(text):
            (made if what == "mkdir" else freed).add((root, number))
        return made, made - freed

    def counts(self) -> tuple[int, int, int]:
        """Give the cgroups that were made and those left in the hierarchy that has most of each, and hierarchies."""
        made, left = self.cgroups()
        per = Counter(root for root, _ in made)
        return max(per.values(), default=0), max(Counter(root for root, _ in left).values(), default=0), len(per)

    def end(self) -> None:
        """Record no more."""
        os.rmdir(self.instance)


class Run:
    """One variant on its way."""

    def __init__(self, variant: Variant) -> None:
        """Take it."""
        self.variant = variant
        self.trace = Trace(variant.name, variant.word)
        self.memory = meminfo()
        self.began = time.monotonic()

    def start(self) -> None:
        """Let systemd begin, or start it so many times."""
        variant = self.variant
        if variant.kind == "command":
            for number in range(variant.starts):
                command(*(word % number if "%d" in word else word for word in variant.start))
            if variant.stop:
                command(*variant.stop)
        elif variant.kind == "socket":
            command("systemctl", "start", variant.name + ".socket")
            for _ in range(variant.starts):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(variant.socket_path())
                    # The end of the instance's life: it has our connection until it has ended.
                    client.recv(1)
        else:
            command("systemctl", "start", "--no-block", "%s.%s" % (variant.name, variant.kind))

    def wait(self) -> None:
        """Wait until it was started so often."""
        variant = self.variant
        if variant.kind in ("command", "socket"):
            return
        patience = NO_PROGRESS_SECONDS + variant.restart_seconds()
        last, since = -1, time.monotonic()
        while last < variant.starts:
            made = self.trace.counts()[0]
            if made != last:
                last, since = made, time.monotonic()
            if time.monotonic() - since > patience:
                raise UnitError("started %d times of %d, then no more: %s" % (made, variant.starts, self.state()))
            time.sleep(0.2)
        if variant.kind == "timer":
            command("systemctl", "stop", variant.name + ".timer")
            return
        give_up = time.monotonic() + 60
        # The start after the last is refused, and the unit fails by that, or as its program did.
        while "ActiveState=failed" not in self.state():
            if time.monotonic() > give_up:
                raise UnitError("systemd went on after start %d: %s" % (last, self.state()))
            time.sleep(0.5)

    def state(self) -> str:
        """Give what systemd says of it."""
        said = command("systemctl", "show", "-p", "NRestarts,Result,ActiveState,SubState", self.variant.name)
        return " ".join(said.split())

    def settled(self, seconds: float = 3.0) -> int:
        """Wait until all are freed, or as many as ever will be."""
        since, last = time.monotonic(), self.trace.counts()[1]
        while last and time.monotonic() - since < seconds:
            time.sleep(0.2)
            now = self.trace.counts()[1]
            if now != last:
                since, last = time.monotonic(), now
        return last

    def result(self, *, ladder: bool) -> dict[str, object]:
        """Count, look at what pins them, and climb the ladder where they stay; rungs None: it was to be climbed."""
        seconds = time.monotonic() - self.began
        left = self.settled()
        made, _, hierarchies = self.trace.counts()
        end = meminfo()
        variant = self.variant
        leaks = left * WORTH_A_LADDER > variant.starts
        found: dict[str, object] = {
            **self.head(),
            "made": made,
            "left": left,
            "hierarchies": hierarchies,
            "memory": has_memory(),
            "seconds": round(seconds, 1),
            "sunreclaim_delta_bytes": difference(self.memory["SUnreclaim"], end["SUnreclaim"]),
            "percpu_delta_bytes": difference(self.memory["Percpu"], end["Percpu"]),
            "pins": self.pins() if leaks and ladder else [],
            "rungs": [] if not leaks else self.ladder() if ladder else None,
        }
        return found

    def head(self) -> dict[str, object]:
        """Give what it is."""
        variant = self.variant
        return {
            "name": variant.name[4:],
            "group": variant.group,
            "title": variant.title,
            "settings": list(variant.settings),
            "starts": variant.starts,
        }

    def ladder(self) -> list[dict[str, object]]:
        """Climb all rungs, and give how many were left after each."""
        files = [path for place in self.variant.files for path in each_file(place)]
        rungs: tuple[tuple[str, Callable[[], None]], ...] = (
            ("wait", lambda: time.sleep(3)),
            ("fadvise", lambda: fadvise(files)),
            ("reclaim", lambda: reclaim((V1 if os.path.isdir(V1) else V2) + "/lab.slice")),
            ("remove files", lambda: remove_files(files)),
            ("drop_caches 1", lambda: drop_caches("1")),
            ("drop_caches 2", lambda: drop_caches("2")),
        )
        found: list[dict[str, object]] = []
        for name, climb in rungs:
            climb()
            found.append({"name": name, "left": self.settled(2.0)})
            if not found[-1]["left"]:
                break
        return found

    def pins(self) -> list[dict[str, object]] | None:
        """Let the census say what holds them; None: it cannot be run, or need not."""
        # It takes an emulated machine half a minute; what a Type= leaves is held by the same as of another.
        asked = self.variant.group not in ("types", "many") or "simple-" in self.variant.name
        if not asked or not os.path.isdir(CENSUS):
            return None
        words = [sys.executable, "-m", "unreclaim", "census", "--each", "--json"]
        environment = {**os.environ, "PYTHONPATH": "/payload"}
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300, env=environment)
        if done.returncode:
            print("census: exit code %d: %s" % (done.returncode, done.stderr[-300:]), flush=True)
            return None
        held: Counter[tuple[str, str | None]] = Counter()
        for each in json.loads(done.stdout)["dying"]:
            if self.variant.word in (each["path"] or each["name"] or ""):
                held.update({(pin["kind"], pin["path"]) for pin in each["pins"]})
                if each["unexplained_references"]:
                    held["unexplained", None] += 1
        return [{"kind": kind, "path": path, "cgroups": number} for (kind, path), number in held.most_common(5)]

    def end(self) -> None:
        """Leave nothing that the next one would find."""
        self.trace.end()


def each_file(place: str) -> list[str]:
    """Give a file, or those in a directory."""
    if not os.path.isdir(place):
        return [place] if os.path.exists(place) else []
    return [os.path.join(place, name) for name in os.listdir(place) if os.path.isfile(os.path.join(place, name))]


def remove_files(files: list[str]) -> None:
    """Delete what the unit left."""
    for path in files:
        os.unlink(path)


def has_memory() -> bool:
    """Tell whether the units' cgroups are memory cgroups."""
    if os.path.isdir(V1):
        return os.path.isdir(V1 + "/lab.slice")
    return "memory" in (read(V2 + "/lab.slice/cgroup.subtree_control") or "").split()


def mode() -> str:
    """Give how systemd has set cgroups up: ``v1``, ``v2`` or ``hybrid``."""
    if not os.path.isdir(V1):
        return "v2"
    return "hybrid" if os.path.isdir("/sys/fs/cgroup/unified") else "v1"


def prepare(chosen: list[Variant]) -> None:
    """Write all units at once: each reload takes an emulated machine a second."""
    for place in (LOGS, TEN, SHM):
        os.makedirs(place, exist_ok=True)
    for name, number in USERS.items():
        command("useradd", "--uid", str(number), "--create-home", "--shell", "/bin/sh", "lab-" + name)
    for variant in chosen:
        for name, text in variant.units().items():
            with open("%s/%s" % (UNITS, name), "w", encoding="utf-8") as file:
                file.write(text)
    # A slice that nothing is in is removed, and what is in it is charged to another.
    with open(UNITS + "/lab-keep.service", "w", encoding="utf-8") as file:
        file.write("[Service]\nSlice=lab.slice\nExecStart=%s sleep 1d\n" % BUSYBOX)
    command("systemctl", "daemon-reload")
    # pam_systemd registers no session with one that is not there yet.
    command("systemctl", "start", "lab-keep.service", "systemd-logind.service")


def without_accounting(done: list[Variant]) -> None:
    """Let systemd account for the memory of no unit that does not ask for it."""
    # A unit that has ended still asks for controllers as long as it is loaded (Delegate=yes for all of them).
    for variant in done:
        for name in variant.units():
            os.unlink("%s/%s" % (UNITS, name))
    command("systemctl", "reset-failed")
    os.makedirs("/run/systemd/system.conf.d", exist_ok=True)
    with open("/run/systemd/system.conf.d/lab.conf", "w", encoding="utf-8") as file:
        file.write("[Manager]\nDefaultMemoryAccounting=no\n")
    command("systemctl", "daemon-reexec")
    command("systemctl", "restart", "lab-keep.service")


def measure(chosen: list[Variant]) -> list[dict[str, object]]:
    """Run all; what systemd itself waits long for goes on beside those that leave nothing."""
    slow = [Run(variant) for variant in chosen if variant.restart_seconds()]
    for run in slow:
        run.start()
    # No caches are dropped meanwhile: that would free what the slow ones leave.
    quiet = [variant for variant in chosen if variant.group == "settings"]
    found = {variant.name: one(Run(variant), ladder=False) for variant in quiet}
    for run in slow:
        found[run.variant.name] = one(run, started=True)
    for variant in chosen:
        first = found.get(variant.name)
        if first is not None and ("failed" in first or first["rungs"] is None):
            # Once more: what systemd counted of the first time would refuse its starts.
            command("systemctl", "reset-failed")
        elif first is not None:
            continue
        found[variant.name] = one(Run(variant))
    return [found[variant.name] for variant in chosen]


def one(run: Run, *, started: bool = False, ladder: bool = True) -> dict[str, object]:
    """Run one variant; what failed is said, and the others go on."""
    try:
        if not started:
            run.start()
        run.wait()
        found = run.result(ladder=ladder)
    except (UnitError, OSError, subprocess.SubprocessError) as error:
        found = {**run.head(), "failed": str(error)}
    finally:
        run.end()
    said = found.get("failed") or "%s of %s left" % (found["left"], found["made"])
    print("%s: %s" % (run.variant.title, said), flush=True)
    return found


def main() -> None:
    """Measure all variants and leave the document."""
    scale, groups = int(sys.argv[1]), sys.argv[2:] or USUAL
    chosen = [variant for variant in variants(scale) if variant.group in groups]
    last = Variant("default-no", "DefaultMemoryAccounting=no, appends a page to a log", logging("default-no"))
    last.group = "accounting"
    prepare([*chosen, last])
    found = measure(chosen)
    if last.group in groups:
        without_accounting(chosen)
        found += measure([last])
    document = {
        "release": os.uname().release,
        "version": os.uname().version,
        "systemd": command("systemctl", "--version").split("\n")[0],
        "cgroup": mode(),
        "cmdline": (read("/proc/cmdline") or "").strip(),
        "units": found,
    }
    with open(os.environ["UNRECLAIM_RESULT"], "w", encoding="utf-8") as file:
        json.dump(document, file)


if __name__ == "__main__":
    main()
