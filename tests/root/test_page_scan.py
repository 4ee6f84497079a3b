"""The page scan finds the pages of dying cgroups to the page, and agrees with the charges and with BPF."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.machine import TMPFS, memory_hierarchy, memory_is_v1, own_name
from tests.root.workload import PRIME, append_page, leave_dying, remove, run_in, settle_pages

pytestmark = [pytest.mark.live, pytest.mark.root]

PAGE = os.sysconf("SC_PAGE_SIZE")


def census(backend: str) -> dict[str, Any]:
    """Run the census by one backend."""
    settle_pages()
    command = [sys.executable, "-m", "unreclaim", "census", "--each", "--json", "--backend", backend]
    document: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert document["backend"] == backend.replace("-", " ")
    return document


def place(cgroup: Path) -> str:
    """Give a cgroup's path below the mount."""
    return "/" + str(cgroup.relative_to(memory_hierarchy() or "/"))


def held(document: dict[str, Any], cgroup: Path) -> dict[str, int]:
    """Give the bytes by kind that dying cgroups hold below a cgroup."""
    group = next(group for group in document["groups"] if group["ancestor"] == place(cgroup))
    assert sum(pin["bytes"] for pin in group["pins"]) == group["bytes"]
    return {pin["kind"]: pin["bytes"] for pin in group["pins"]}


def by_bpf(cgroup: Path) -> dict[str, int]:
    """Give the same by BPF; what the scan cannot tell from page cache, the filesystem's metadata, as page cache."""
    found: dict[str, int] = {}
    for each in census("bpf")["dying"]:
        for pin in each["pins"] if each["ancestor"] == place(cgroup) else ():
            kind = "page cache" if pin["kind"] == "filesystem metadata" else pin["kind"]
            found[kind] = found.get(kind, 0) + pin["bytes"]
    # On v2 who dirtied a file first is held by its writeback structure too, which is no page.
    return {kind: size for kind, size in found.items() if kind != "writeback structure"}


def by_charges(cgroup: Path) -> int:
    """Give what the kernel's statistics, which lag two seconds behind, say that a cgroup and all below it hold."""
    time.sleep(3)
    lines = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return int(lines.get("total_cache", lines.get("file", "0")))


@pytest.mark.pages_pin
def test_files_are_found_to_the_page(memory_cgroup: Path, disk: Path) -> None:
    """23 pages of 23 files, and what metadata was charged along: the scan, the charges and BPF give the same sum."""
    leave_dying(memory_cgroup, disk)
    document = census("page-scan")
    bpf = by_bpf(memory_cgroup)
    metadata = bpf.pop("page cache") - PRIME * PAGE
    assert bpf == {}
    assert 0 <= metadata < PRIME * PAGE
    assert held(document, memory_cgroup) == {"page cache": PRIME * PAGE + metadata}
    assert by_charges(memory_cgroup) == PRIME * PAGE + metadata
    group = next(group for group in document["groups"] if group["ancestor"] == place(memory_cgroup))
    assert (group["relation"], group["nr_dying"]) == ("exact" if memory_is_v1() else "at most", None)
    assert document["gaps"][0]["remedy"] == "run census without --backend"


@pytest.mark.pages_pin
def test_tmpfs_and_locked_pages_are_told_apart(memory_cgroup: Path, disk: Path) -> None:
    """23 pages in tmpfs are tmpfs; of 23 pages of a file that this process maps and locks, all are both."""
    files = [TMPFS / own_name("test") for _ in range(PRIME)]
    locked = disk / "locked"
    keep = "import mmap,os,sys;m=mmap.mmap(os.open(sys.argv[1],os.O_RDWR),0);import ctypes;"
    keep += "assert ctypes.CDLL(None).mlockall(1)==0;print(flush=True);sys.stdin.read()"
    try:
        for number, file in enumerate((*files, locked)):
            cgroup = memory_cgroup / f"c{number}"
            cgroup.mkdir()
            # A page at a time: a kernel may leave one large folio of many pages unlocked that it has mapped by halves.
            for _ in range(PRIME if file == locked else 1):
                run_in(cgroup, partial(append_page, file))
            remove(cgroup)
        command = [sys.executable, "-c", keep, str(locked)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
            assert keeper.stdout is not None
            keeper.stdout.readline()
            document = census("page-scan")
        found = held(document, memory_cgroup)
        assert found["tmpfs"] == PRIME * PAGE
        group = next(group for group in document["groups"] if group["ancestor"] == place(memory_cgroup))
        pins = {pin["kind"]: pin for pin in group["pins"]}
        assert pins["page cache"]["mlocked_bytes"] == pins["page cache"]["mapped_bytes"] == PRIME * PAGE
        assert (pins["tmpfs"]["mlocked_bytes"], pins["tmpfs"]["mapped_bytes"]) == (0, 0)
    finally:
        for file in files:
            file.unlink(missing_ok=True)


# On v2 the kernel does not say which pages are the ancestor's own: what is seen below one is a bound with all of them.
@pytest.mark.memory_v1
@pytest.mark.pages_pin
def test_pages_of_the_ancestor_itself_are_not_counted_as_held(memory_cgroup: Path, disk: Path) -> None:
    """Beside 23 pages of dying children an ancestor with 100 pages of its own keeps them out of the bound."""
    leave_dying(memory_cgroup, disk)
    time.sleep(3)
    before = held(census("page-scan"), memory_cgroup)
    script = 'echo $$ > "$1/cgroup.procs"; exec head -c "$3" /dev/zero > "$2"'
    subprocess.run(["sh", "-c", script, "sh", memory_cgroup, disk / "own", str(100 * PAGE)], check=True)
    time.sleep(3)
    document = census("page-scan")
    group = next(group for group in document["groups"] if group["ancestor"] == place(memory_cgroup))
    assert (group["relation"], held(document, memory_cgroup)) == ("at most", before)


def test_ctrl_c_ends_a_scan_cleanly() -> None:
    """Interrupted in the middle the program says so, and nothing else."""
    script = (
        "import os, signal, sys\n"
        "from unreclaim.host import page_scan\n"
        "read = page_scan._read\n"
        "def interrupted(*arguments):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return read(*arguments)\n"
        "page_scan._read = interrupted\n"
        "from unreclaim.app import census\n"
        "census.choose_ancestors = lambda charges, _slack: tuple(charge.path for charge in charges)\n"
        "from unreclaim.cli.main import main\n"
        "main(['census', '--backend', 'page-scan'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nunreclaim: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
