"""``unreclaim status``, run whole."""

import errno
import json
import re

import pytest

from tests.fakes.hosts import HOSTS, FakeHost
from unreclaim.cli.main import run

Output = pytest.CaptureFixture[str]
# Monitoring Plugins Development Guidelines: text, a bar, 'label'=value[UOM] in a row.
NAGIOS = re.compile(r"[A-Z ]+ - [^|\n]+(\| ([a-z]+=[0-9]+B? ?)+)?\n")


HEALTHY = (
    "HEALTHY - this host holds 123 MB of kernel memory that cannot be reclaimed (0.7 % of memory), and 11 memory "
    "cgroups are dying, as after any boot. | sunreclaim=102400000B percpu=20480000B dying=11\n"
)
GROWING = (
    "GROWING - 50,000 memory cgroups are dying and hold about 854 MB: up to 21 GB a day on average since boot, "
    "60 minutes ago. | sunreclaim=1024000000B percpu=20480000B dying=50000\n"
)
CRITICAL = (
    "CRITICAL - this host holds 9.7 GB of kernel memory that cannot be reclaimed (56 % of memory); 13 GB are "
    "still available. | sunreclaim=9663676416B percpu=20480000B dying=11\n"
)


@pytest.mark.parametrize(
    ("sunreclaim_kib", "dying", "code", "line"),
    [(100_000, 11, 0, HEALTHY), (1_000_000, 50_000, 1, GROWING), (9 * 2**20, 11, 2, CRITICAL)],
    ids=["healthy", "growing", "critical"],
)
def test_status_is_one_line_and_an_exit_code(
    capsys: Output, host: FakeHost, sunreclaim_kib: int, dying: int, code: int, line: str
) -> None:
    """A line as a Nagios plugin prints it: 50,000 x 17,088 bytes are 854 MB, and 24 times that since an hour ago."""
    host.slab_kib, host.dying = sunreclaim_kib, dying
    assert run(["status"]) == code
    assert capsys.readouterr() == (line, "")
    assert NAGIOS.fullmatch(line)
    assert host.clock.slept == []


def test_status_of_a_user_names_its_gaps(capsys: Output, host: FakeHost) -> None:
    """Without root slabinfo is not readable: the line says so and the verdict stands; without meminfo it is 3."""
    host.root.errors["/proc/slabinfo"] = errno.EACCES
    assert run(["status"]) == 0
    line = capsys.readouterr().out
    assert " Not seen: slab caches. | " in line
    assert NAGIOS.fullmatch(line)
    host.root.errors["/proc/meminfo"] = errno.EACCES
    assert run(["status"]) == 3
    line = capsys.readouterr().out
    assert line.startswith("CANNOT TELL - the kernel's memory figures could not be read")
    assert line.endswith(" Not seen: memory figures, slab caches. | dying=11\n")
    assert NAGIOS.fullmatch(line)


def test_keys_of_the_contract_are_there(capsys: Output, host: FakeHost) -> None:
    """The JSON has exactly the keys of the contract, with the exit code in it."""
    host.dying = 50_000
    assert run(["status", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"schema", "state", "exit_code", "summary", "host", "memory", "cgroups", "gaps"}
    assert (document["schema"], document["state"], document["exit_code"]) == ("unreclaim.status/1", "growing", 1)
    assert document["host"] == {"hostname": "web-07", "kernel": "6.18.44", "uptime_seconds": 3600.0}
    assert set(document["cgroups"]) == {"memory", "unified"}
    assert set(document["cgroups"]["memory"]) == {"live", "dying", "dying_low", "dying_high", "source", "weakness"}
    assert document["cgroups"]["memory"]["dying"] == 50_000


def test_status_of_a_bundle_is_that_of_the_host(capsys: Output) -> None:
    """A bundle with two samples has its growth; nothing is promised that was not looked at."""
    assert run(["status", "--root", str(HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz")]) == 1
    line = capsys.readouterr().out
    assert line.startswith("GROWING - 30 more memory cgroups stayed behind in the kernel within 35 seconds;")
    assert line.endswith(" | sunreclaim=10534912B percpu=1138688B dying=340\n")
    assert "reboot" not in line
