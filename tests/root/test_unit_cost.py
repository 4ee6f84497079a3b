"""What a start leaves and what it costs, as `units` says, against what the kernel's trace and counters say."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.article import ARTICLE
from tests.root.booted import asked, boot_systemd, bring_program, python_command
from tests.root.watching import settle, source, watch
from tests.root.workload import PRIME
from unreclaim.formats.meminfo import parse_meminfo
from unreclaim.lab.systemd import Systemd

pytestmark = [pytest.mark.live, pytest.mark.root, pytest.mark.slow, pytest.mark.own_systemd, pytest.mark.pages_pin]

STARTS, WINDOW_SECONDS = 41, 120
BURST = f"StartLimitIntervalSec=1d\nStartLimitBurst={STARTS}\n"
LIMIT = f"StartLimitIntervalSec=1d\nStartLimitBurst={PRIME}\n"
LOG = Path("/var/log/unreclaim-test.log")
# Each start is the first to touch a page of the log, which holds its cgroup.
LOGS = f"""
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'head -c 4096 /dev/zero'
StandardOutput=append:{LOG}
Restart=always
RestartSec=100ms
"""


@pytest.fixture
def system() -> Iterator[Systemd]:
    """Give this machine's systemd, and the program beside it."""
    with boot_systemd() as running:
        bring_program(running)
        yield running
        LOG.unlink(missing_ok=True)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give a function that shows a figure whether a test passes or not: they are what is measured in a guest."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


def row(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Give what is said of one source."""
    (found,) = [one for one in document["sources"] if one["name"] == name]
    return dict(found)


def until_failed(system: Systemd, name: str) -> None:
    """Wait until systemd starts a unit no more."""
    give_up = time.monotonic() + 300
    while system.show(name, "ActiveState")["ActiveState"] != "failed":
        assert time.monotonic() < give_up
        time.sleep(0.5)


def grown() -> int:
    """Read the kernel memory that cannot be reclaimed, in bytes."""
    info = parse_meminfo(Path("/proc/meminfo").read_text(encoding="ascii"))
    return (info.get("sunreclaim_bytes") or 0) + (info.get("percpu_bytes") or 0)


def test_what_the_articles_unit_leaves_is_what_the_kernel_counts(system: Systemd, tell: Callable[[str], None]) -> None:
    """After 23 starts of it as many of its cgroups are dying, by the census, as the kernel has not released."""
    name = "article.service"
    with watch() as (_, documents), system.unit(name, ARTICLE.replace("StartLimitIntervalSec=0\n", LIMIT)):
        system.attempt("start", "--no-block", name)
        until_failed(system, name)
        settle()
        said = row(asked(system, "units"), name)
    created, removed, _, unreleased = source(documents[-1], name)
    tell(f"the article's unit: {created} created, {unreleased} not released; by the census {said['dying']} dying")
    assert (created, removed, said["starts"]) == (PRIME, PRIME, PRIME)
    assert (said["dying"], said["dying_per_start"]) == (unreleased, pytest.approx(unreleased / PRIME))


def test_a_start_costs_what_the_kernel_grew_by(system: Systemd, tell: Callable[[str], None]) -> None:
    """While each of 41 starts leaves a cgroup: bytes for each, with an interval that holds what the kernel grew by."""
    name = "logs.service"
    LOG.touch()
    with watch() as (_, documents), system.unit(name, LOGS.replace("StartLimitIntervalSec=0\n", BURST)):
        words = python_command(system, "-m", "unreclaim", "units", "--json", "--for", f"{WINDOW_SECONDS}s")
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            # The program has begun by then, also in an emulated machine, and has seen how it is without starts.
            time.sleep(WINDOW_SECONDS / 4)
            before = grown()
            system.ask("start", "--no-block", name)
            until_failed(system, name)
            settle()
            growth = grown() - before
            assert process.poll() is None, "the window is over before the starts are"
            document = json.loads(process.communicate(timeout=300)[0])
    created, _, _, unreleased = source(documents[-1], name)
    (cost,) = [one for one in document["window"]["rows"] if one["name"] == name]
    said = row(document, name)
    modelled = (said["slab_bytes"] + said["percpu_bytes"]) / said["dying"]
    each = f"grown by {growth / STARTS:.0f} bytes each, {modelled:.0f} by the census's price"
    tell(f"{created} created, {unreleased} not released, {each}; {cost}")
    assert (created, said["starts"], cost["starts"]) == (STARTS, STARTS, STARTS)
    assert said["dying"] == unreleased
    assert unreleased >= STARTS - 1
    # One interval of 95 % in twenty misses; one of twice the width does not.
    half = (cost["high_bytes_each"] - cost["low_bytes_each"]) / 2
    assert growth / STARTS == pytest.approx(cost["bytes_each"], abs=2 * half)
    # On a busy machine the interval is wide; what is said must be near all the same.
    assert growth / STARTS == pytest.approx(cost["bytes_each"], rel=0.5)
