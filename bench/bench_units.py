"""Compare counting starts with what journalctl alone takes to say the same, over a day's journal of 100,000 entries.

Prints the seconds of both and their ratio, measured in turn in one run; the goal is two seconds for a restart
loop as it is (of eight entries of a start four tell of it). Then for the worst: every entry tells of a start.

    python bench/bench_units.py

Needs systemd-journal-remote, which makes the journal: in PATH, in /lib/systemd, or named by JOURNAL_REMOTE.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from unreclaim.analysis.starts import count_starts
from unreclaim.analysis.units import rank_units
from unreclaim.formats.journal_entry import FAILED, FIELDS, MESSAGE_IDS, RESTART, STARTED, STARTING
from unreclaim.host.systemd.journal import read_begin, read_starts
from unreclaim.model.units import JournalSpan

ENTRIES, ROUNDS, GOAL_SECONDS = 100_000, 5, 2.0
DAY = 86_400
BEGIN = 1_795_500_000
UNITS = 40
# As systemd says them of Type=exec that fails, with those that do not tell of the start between them.
OTHERS = ("98e322203f7a4ed290d09fe03c09fe15", "d9b373ed55a64feb8242e02dbe79a49c", "9d1aaa27d60140bd96365438aad20286")
LOOP = (STARTING, "", STARTED, *OTHERS[:2], RESTART, OTHERS[2], FAILED)


def entries(messages: tuple[str, ...]) -> Iterator[str]:
    """Give a day's entries in the journal's export format, so many for each start as there are messages."""
    for number in range(ENTRIES):
        start, which = divmod(number, len(messages))
        micros = BEGIN * 10**6 + number * DAY * 10**6 // ENTRIES
        message = f"MESSAGE_ID={messages[which]}\n" if messages[which] else ""
        yield (
            f"__REALTIME_TIMESTAMP={micros}\n__MONOTONIC_TIMESTAMP={micros - BEGIN * 10**6}\n"
            f"_BOOT_ID={1:032x}\n_MACHINE_ID={2:032x}\n_HOSTNAME=bench\n_PID=1\n_COMM=systemd\n_TRANSPORT=journal\n"
            f"PRIORITY=6\nSYSLOG_IDENTIFIER=systemd\n{message}MESSAGE=message {which} of a start\n"
            f"UNIT=app{chr(97 + start % 20)}{start % UNITS // 20}.service\nINVOCATION_ID={start:032x}\n\n"
        )


def make_journal(path: Path, messages: tuple[str, ...]) -> None:
    """Write the entries to a journal file."""
    found = os.environ.get("JOURNAL_REMOTE") or shutil.which(
        "systemd-journal-remote", path=f"{os.defpath}:/lib/systemd"
    )
    if found is None:
        sys.exit("bench_units: no systemd-journal-remote; apt-get install systemd-journal-remote")
    text = "".join(entries(messages)).encode()
    subprocess.run(  # noqa: S603  named by who runs this
        [found, f"--output={path}", "-"], input=text, check=True, capture_output=True
    )


def ours() -> tuple[int, int]:
    """Count and rank as the command does; give sources and starts."""
    begin = read_begin(BEGIN - 1)
    count = count_starts(read_starts(BEGIN - 1))
    rows = rank_units(count, JournalSpan(float(BEGIN), begin, float(BEGIN + DAY)))
    return len(rows), sum(row.starts for row in rows)


def theirs(program: str) -> None:
    """Let journalctl say the same entries to nobody."""
    matches = [f"MESSAGE_ID={identity}" for identity in MESSAGE_IDS]
    command = [program, "-o", "json", f"--since=@{BEGIN - 1}", f"--output-fields={','.join(FIELDS)}", *matches]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  words of our own


def main() -> int:
    """Measure both in turn; 1: slower than the goal."""
    program = shutil.which("journalctl")
    if program is None:
        sys.exit("bench_units: no journalctl")
    slow = False
    with tempfile.TemporaryDirectory() as place:
        for title, messages in (("a restart loop", LOOP), ("starts alone", (STARTING, STARTED))):
            file = Path(place) / f"{len(messages)}.journal"
            make_journal(file, messages)
            # The program's own command line, led to this file.
            wrapper = Path(place) / "journalctl"
            wrapper.write_text(f'#!/bin/sh\nexec {program} --file={file} "$@"\n', encoding="ascii")
            wrapper.chmod(0o755)
            os.environ["PATH"] = f"{place}:{os.environ['PATH']}"
            times: tuple[list[float], list[float]] = ([], [])
            seen = (0, 0)
            for _ in range(ROUNDS):
                began = time.perf_counter()
                seen = ours()
                middle = time.perf_counter()
                theirs(str(wrapper))
                times[0].append(middle - began)
                times[1].append(time.perf_counter() - middle)
            mine, other = map(statistics.median, times)
            slow = slow or (messages is LOOP and mine > GOAL_SECONDS)
            print(
                f"{title}: {seen[1]:,} starts of {seen[0]} units in {ENTRIES:,} entries:"
                f" {mine:.2f} s, journalctl alone {other:.2f} s, ratio {mine / other:.2f}"
            )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
