"""``unreclaim diagnose``, run whole."""

import errno
import json
from typing import Any

import pytest

from tests.fakes.hosts import HOSTS, FakeHost
from unreclaim.cli.main import run

Output = pytest.CaptureFixture[str]
LEAKING = str(HOSTS / "5.4-hybrid-cache-pinned" / "bundle.tar.xz")

# The contract as issue 2 has it, and what has been added since; a key that goes breaks somebody's alert.
KEYS: dict[str, set[str]] = {
    "": {
        "schema",
        "host",
        "window_seconds",
        "readings",
        "captured",
        "memory",
        "cgroups",
        "subtrees",
        "residual_charges",
        "dying_cost",
        "fingerprint",
        "growth",
        "since_boot",
        "slab_caches",
        "processes",
        "pressure",
        "findings",
        "verdict",
        "gaps",
    },
    "host": {
        "hostname",
        "kernel",
        "architecture",
        "os",
        "boot_id",
        "uptime_seconds",
        "cgroup_mode",
        "container",
        "cpus_possible",
        "cpus_online",
        "numa_nodes",
        "page_size_bytes",
        "mem_total_bytes",
    },
    "cgroups.memory": {"live", "dying", "dying_low", "dying_high", "source", "weakness"},
    "dying_cost": {
        "slab_bytes_each",
        "slab_low_bytes_each",
        "slab_high_bytes_each",
        "percpu_bytes_each",
        "percpu_low_bytes_each",
        "percpu_high_bytes_each",
        "total_bytes",
        "total_low_bytes",
        "total_high_bytes",
        "slab_share",
        "percpu_share",
        "source",
    },
    "growth.meminfo.sunreclaim_bytes": {"bytes_per_day", "low", "high", "change", "unit"},
    "slab_caches.0": {
        "name",
        "objects",
        "active_objects",
        "object_size_bytes",
        "size_bytes",
        "growth_bytes_per_day",
        "merged_with",
    },
    "findings.0": {"id", "title", "severity", "confidence", "evidence", "recover", "prevent", "references"},
    "verdict": {"state", "summary", "confidence", "evidence", "ruled_out", "next_commands"},
    "residual_charges.0": {"path", "file_bytes", "shmem_bytes"},
    "fingerprint": {"expected", "objects", "fits"},
    "processes.0": {"name", "pid", "rss_bytes", "rss_anon_bytes"},
    "memory.ledger.0": {"id", "title", "size_bytes", "reclaimable", "relation"},
}
MEMORY = {
    "sunreclaim_bytes",
    "sreclaimable_bytes",
    "percpu_bytes",
    "kernel_stack_bytes",
    "unaccounted_bytes",
    "unaccounted_low_bytes",
    "unaccounted_high_bytes",
    "unknown_lines",
    "ledger",
}


def at(document: Any, path: str) -> Any:  # noqa: ANN401
    """Give what is at a path of a document; field ids have dots of their own."""
    head, _, rest = path.partition(".")
    if head == "growth":
        return document[head][rest]
    value = document[int(head)] if isinstance(document, list) else document[head]
    return at(value, rest) if rest else value


def test_keys_of_the_contract_are_there(capsys: Output) -> None:
    """Every object of the JSON has exactly the keys of the contract."""
    assert run(["diagnose", "--root", LEAKING, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "unreclaim.diagnose/1"
    assert {path: set(at(document, path) if path else document) for path in KEYS} == KEYS
    assert set(document["memory"]) >= MEMORY
    assert set(document["cgroups"]) == {
        "memory",
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
        "unified",
    }
    assert {type(gap) for gap in document["gaps"]} <= {dict}


def test_text_and_json_say_the_same(capsys: Output, host: FakeHost) -> None:
    """Both forms have the verdict; JSON is one document with a newline at its end."""
    assert run(["diagnose", "--for", "0"]) == 0
    text = capsys.readouterr()
    assert run(["diagnose", "--for", "0", "--json"]) == 0
    raw = capsys.readouterr()
    document = json.loads(raw.out)
    summary = document["verdict"]["summary"]
    assert summary[1:] in " ".join(text.out.split())
    assert raw.out.endswith("}\n")
    assert (text.err, raw.err) == ("", "")
    assert host.clock.slept == []


@pytest.mark.parametrize(("option", "gone"), [("2", 2.0), ("500ms", 0.5), ("1m", 60.0), ("2.5s", 2.5), ("1h", 3600.0)])
def test_window_is_as_long_as_asked_for(capsys: Output, host: FakeHost, option: str, gone: float) -> None:
    """--for takes seconds, or a number with its unit."""
    assert run(["diagnose", "--json", "--for", option]) == 0
    assert host.clock.gone == gone
    assert json.loads(capsys.readouterr().out)["window_seconds"] == gone


def test_full_shows_the_ledger(capsys: Output, host: FakeHost) -> None:
    """--full adds where all of memory is."""
    assert host.live == 4
    assert run(["diagnose", "--for", "0", "--full"]) == 0
    assert "\nWhere all of 17 GB is\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sunreclaim_kib", "dying", "code"),
    [(100_000, 11, 0), (100_000, 50_000, 1), (9 * 2**20, 11, 2)],
)
def test_exit_code_is_the_verdicts(capsys: Output, host: FakeHost, sunreclaim_kib: int, dying: int, code: int) -> None:
    """Healthy, growing (50,000 dying are 854 MB), critical (9 GiB of 16)."""
    host.slab_kib, host.dying = sunreclaim_kib, dying
    assert run(["diagnose", "--for", "0", "--json"]) == code
    states = {0: "healthy", 1: "growing", 2: "critical"}
    assert json.loads(capsys.readouterr().out)["verdict"]["state"] == states[code]


def test_a_host_that_cannot_be_read_cannot_be_told(capsys: Output, host: FakeHost) -> None:
    """Without /proc/meminfo: 3, and the gap with its reason."""
    host.root.errors["/proc/meminfo"] = errno.EIO
    assert run(["diagnose", "--for", "0"]) == 3
    output = capsys.readouterr().out
    assert "\nCANNOT TELL: The kernel's memory figures could not be read" in output
    assert "memory figures (/proc/meminfo: Input/output error)" in output


def test_progress_is_for_terminals(capsys: Output, monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    """On a terminal stderr shows how far it is, once a second, and is wiped at the end; elsewhere nothing is shown."""
    assert run(["diagnose", "--for", "2"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    host.clock.gone = 0.0
    assert run(["diagnose", "--for", "2"]) == 0
    assert capsys.readouterr().err == (
        "\r\033[Kwatching for growth: 0 of 2 s (Ctrl-C ends)\r\033[Kwatching for growth: 1 of 2 s (Ctrl-C ends)\r\033[K"
    )
