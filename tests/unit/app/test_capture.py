"""Capturing: a bundle says what the host said, is complete or not there, and keeps secrets out."""

import errno
import json
import resource
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hosts import MEMORY, PAGE, FakeHost
from tests.fakes.structures import SIZES
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.capture import Captured, capture
from unreclaim.app.observe import observe
from unreclaim.base.errors import OutputError
from unreclaim.host.source import Source, open_source
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.gap import Gap
from unreclaim.render.as_json import diagnosis_document, encode


@pytest.fixture
def host() -> FakeHost:
    """Give a host that leaves cgroups behind."""
    host = FakeHost(dying=20)
    host.residue_pages = 20
    return host


def look(source: Source, host: FakeHost, seconds: float = 0) -> Diagnosis:
    """Diagnose what a source holds."""
    return diagnose(observe(source, host.clock, window_seconds=seconds))


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Give the JSON of a diagnosis without what must differ: that it is of a capture."""
    found: dict[str, Any] = json.loads(encode(diagnosis_document(diagnosis)))
    del found["captured"]
    return found


def members(path: Path) -> dict[str, str]:
    """Give every file of an archive with its text, read without the program's help."""
    with tarfile.open(path) as archive:
        streams = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: stream.read().decode() for name, stream in streams.items() if stream}


def test_bundle_says_what_the_host_said(host: FakeHost, tmp_path: Path) -> None:
    """The diagnosis of a bundle is that of the host at that moment: the whole JSON is the same."""
    path = tmp_path / "web-07.tar.gz"
    live = document(look(host.source(), host))
    assert live["findings"][0]["id"] == "S1"
    done = capture(host.source(), host.clock, str(path))
    assert document(look(open_source(str(path)), host)) == live
    assert look(open_source(str(path)), host).captured
    texts = members(path)
    assert done == Captured(str(path), 1, len(texts), sum(len(text.encode()) for text in texts.values()), ())


def test_two_samples_show_the_growth(host: FakeHost, tmp_path: Path) -> None:
    """Two samples a hundred seconds apart show the 23 cgroups that were left behind between them."""
    path = tmp_path / "web-07.tar.gz"
    host.clock.after(50, lambda: host.leave_behind(23))
    done = capture(host.source(), host.clock, str(path), samples=2, every_seconds=100)
    found = look(open_source(str(path)), host)
    assert (done.samples, found.window_seconds) == (2, 100.0)
    assert found.growth.rates["cgroups.memory.dying"].change == 23
    assert [(finding.id, finding.confidence) for finding in found.findings] == [("S1", "high")]


def test_samples_keep_their_distance(host: FakeHost, tmp_path: Path) -> None:
    """Samples begin so many seconds apart, whatever each takes; waiting is told once a second, and its end."""
    calls: list[tuple[float, float]] = []
    capture(
        host.source(),
        host.clock,
        str(tmp_path / "x.tar.gz"),
        samples=3,
        every_seconds=2.5,
        progress=lambda gone, whole: calls.append((gone, whole)),
    )
    assert host.clock.slept == [1.0, 1.0, 0.5] * 2
    assert calls == [(gone, 5.0) for gone in (0, 1, 2, 2.5, 3.5, 4.5, 5)]


def test_one_sample_needs_no_waiting(host: FakeHost, tmp_path: Path) -> None:
    """A single sample is taken at once, and no progress is told."""
    calls: list[float] = []
    capture(host.source(), host.clock, str(tmp_path / "x.tar.gz"), progress=lambda gone, _: calls.append(gone))
    assert (host.clock.slept, calls) == ([], [])


@pytest.mark.parametrize(
    ("code", "why"),
    [(errno.EACCES, "not permitted"), (errno.EPERM, "not permitted"), (errno.EIO, "Input/output error")],
)
def test_what_could_not_be_read_is_the_same_gap_later(host: FakeHost, tmp_path: Path, code: int, why: str) -> None:
    """An error of the capture is met again by whoever reads the bundle; its cure is to capture again."""
    host.root.errors["/proc/slabinfo"] = code
    path = tmp_path / "web-07.tar.gz"
    done = capture(host.source(), host.clock, str(path))
    (gap,) = look(open_source(str(path)), host).gaps
    assert (gap.what, gap.why) == ("slab caches", f"/proc/slabinfo: {why}")
    assert [(was.what, was.why) for was in done.gaps] == [(gap.what, gap.why)]
    remedies = (done.gaps[0].remedy, gap.remedy)
    assert remedies == (("run as root", "capture again as root") if why == "not permitted" else (None, None))
    assert members(path)["unreclaim-bundle/0001/unreadable"] == f"{errno.errorcode[code]} /proc/slabinfo\n"


def test_damage_is_captured_as_it_is(host: FakeHost, tmp_path: Path) -> None:
    """A file that does not have its form is kept, so that the same gap can be looked into elsewhere."""
    host.root.files["/proc/slabinfo"] = "slabinfo - version: 3.0\n"
    path = tmp_path / "web-07.tar.gz"
    done = capture(host.source(), host.clock, str(path))
    why = "/proc/slabinfo:1: expected 'slabinfo - version: 2.1', found 'slabinfo - version: 3.0'"
    assert (
        done.gaps
        == look(open_source(str(path)), host).gaps
        == (Gap("slab caches", why, "report this file to the authors of unreclaim"),)
    )


def test_names_that_are_no_text_survive(host: FakeHost, tmp_path: Path) -> None:
    """A cgroup whose name is no UTF-8 is counted and charged in the bundle as on the host."""
    host.make_cgroup("/caf\udce9 \t.service")
    live = document(look(host.source(), host))
    assert live["cgroups"]["memory"]["live"] == 5
    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path))
    assert document(look(open_source(str(path)), host)) == live


@pytest.mark.parametrize(
    ("symbols", "kept"), [(frozenset({"lru_reparent_memcg"}), True), (frozenset(), False), (None, None)]
)
def test_kernel_symbols_are_answered_from_the_bundle(
    host: FakeHost,
    tmp_path: Path,
    symbols: frozenset[str] | None,
    kept: bool | None,  # noqa: FBT001
) -> None:
    """The one question about symbols has the same answer: yes, no, or not shown."""
    host.root.symbols = symbols
    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path))
    assert observe(open_source(str(path)), host.clock, window_seconds=0).lru_reparenting is kept
    assert len(members(path).get("unreclaim-bundle/0001/proc/kallsyms", "")) < 100


@pytest.mark.parametrize("sizes", [None, {}, SIZES["6.18"]], ids=["no BTF", "nothing", "6.18"])
def test_sizes_of_structures_are_answered_from_the_bundle(
    host: FakeHost, tmp_path: Path, sizes: dict[str, int] | None
) -> None:
    """A bundle keeps the few sizes that were asked for, and the cost of a dying cgroup is the same from it."""
    host.root.sizes = None if sizes is None else {**sizes, "task_struct": 4096}
    path = tmp_path / "web-07.tar.gz"
    live = look(host.source(), host)
    assert capture(host.source(), host.clock, str(path)).gaps == ()
    found = look(open_source(str(path)), host)
    assert (found.cost, found.host.structures) == (live.cost, sizes or {})
    assert ("BTF" in found.cost.source) is bool(sizes)
    text = members(path).get("unreclaim-bundle/0001/sys/kernel/btf/vmlinux")
    assert text == (None if sizes is None else "".join(f"{name} {size}\n" for name, size in sizes.items()))


def test_command_lines_are_left_out_unless_asked_for(host: FakeHost, tmp_path: Path) -> None:
    """Arguments may be secrets: no command line and no environment is in a bundle; with_arguments adds the former."""
    host.root.files["/proc/1/cmdline"] = "/sbin/init\0--token=s3cret\0"
    host.root.files["/proc/23/cmdline"] = "kubelet\0--bootstrap=s3cret\0"
    host.root.files["/proc/1/environ"] = "TOKEN=s3cret\0"
    plain, asked = tmp_path / "plain.tar.gz", tmp_path / "asked.tar.gz"
    capture(host.source(), host.clock, str(plain))
    capture(host.source(), host.clock, str(asked), with_arguments=True)
    assert [name for name, text in members(plain).items() if "s3cret" in text] == []
    assert sorted(name for name, text in members(asked).items() if "s3cret" in text) == [
        "unreclaim-bundle/0001/proc/1/cmdline",
        "unreclaim-bundle/0001/proc/23/cmdline",
    ]


def test_files_that_people_ask_for_are_kept_too(host: FakeHost, tmp_path: Path) -> None:
    """What no judgement reads yet is in the bundle where the host has it; what it lacks is no gap."""
    path = tmp_path / "web-07.tar.gz"
    done = capture(host.source(), host.clock, str(path))
    texts = members(path)
    assert texts["unreclaim-bundle/0001/proc/version"] == "Linux version 6.18.44 (builder@example) #1 SMP\n"
    assert "unreclaim-bundle/0001/proc/zoneinfo" not in texts
    assert done.gaps == ()


def test_manifest_says_what_the_files_do_not(host: FakeHost, tmp_path: Path) -> None:
    """When it was made, by which version, the page size, the architecture and the samples."""
    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path), samples=2)
    assert host.clock.gone == 30.0
    lines = members(path)["unreclaim-bundle/bundle.toml"].splitlines()
    assert [line for line in lines if not line.startswith("creator = ")] == [
        'schema = "unreclaim.bundle/1"',
        "created_unix = 1795374000",
        "page_size_bytes = 4096",
        'architecture = "x86_64"',
        'samples = ["0001", "0002"]',
    ]
    source = open_source(str(path))
    assert (source.kind, len(source.roots), source.page_size_bytes, source.architecture) == (
        "bundle",
        2,
        PAGE,
        "x86_64",
    )


def test_a_capture_can_be_captured_again(host: FakeHost, tmp_path: Path) -> None:
    """From a bundle every sample goes into the new one, with its errors, and nobody waits."""
    host.root.errors["/proc/slabinfo"] = errno.EACCES
    first, second = tmp_path / "first.tar.gz", tmp_path / "second.tar.xz"
    capture(host.source(), host.clock, str(first), samples=2, every_seconds=10)
    host.clock.slept.clear()
    done = capture(open_source(str(first)), host.clock, str(second), samples=7)
    assert (done.samples, host.clock.slept) == (2, [])
    assert document(look(open_source(str(second)), host)) == document(look(open_source(str(first)), host))
    assert members(second).keys() == members(first).keys()


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("output", ["missing/web-07.tar.gz", "file/web-07.tar.gz"])
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(host: FakeHost, tmp_path: Path, output: str) -> None:
    """A directory that is not there, or is a file: one error that names the output, before the host is read."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError) as caught:
        capture(host.source(), host.clock, str(tmp_path / output))
    assert caught.value.what == str(tmp_path / output)
    assert caught.value.why in ("No such file or directory", "Not a directory")
    assert caught.value.hint == "choose another place with: -o FILE"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert host.root.asked == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow above a size, as a full disk would not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_leaves_nothing(host: FakeHost, tmp_path: Path) -> None:
    """Where writing fails half-way there is an error, and neither a bundle nor its beginning."""
    with largest_file(1000), pytest.raises(OutputError, match="File too large"):
        capture(host.source(), host.clock, str(tmp_path / "web-07.tar"))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(host: FakeHost, tmp_path: Path) -> None:
    """An interrupt between two samples leaves neither a bundle nor its beginning, and an older bundle as it was."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path))
    older = path.read_bytes()
    host.clock.after(5, interrupt)
    with pytest.raises(KeyboardInterrupt):
        capture(host.source(), host.clock, str(path), samples=2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["web-07.tar.gz"]
    assert path.read_bytes() == older


def test_a_bundle_is_for_its_owner_alone(host: FakeHost, tmp_path: Path) -> None:
    """Kernel figures that only root may read do not become everybody's: mode 0600, also over an older file."""
    path = tmp_path / "web-07.tar.gz"
    path.write_text("older", encoding="utf-8")
    path.chmod(0o644)
    capture(host.source(), host.clock, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "unreclaim-bundle/bundle.toml" in members(path)


def test_a_host_without_cgroups_is_captured(host: FakeHost, tmp_path: Path) -> None:
    """Nothing mounted: the bundle says so as the host does."""
    host.root.files["/proc/self/mountinfo"] = "30 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path))
    assert document(look(open_source(str(path)), host)) == document(look(host.source(), host))


def test_unreadable_cgroup_is_captured_as_such(host: FakeHost, tmp_path: Path) -> None:
    """A cgroup's file that was refused is refused in the bundle, so that no residue is taken from a guess."""
    host.root.errors[f"{MEMORY}/system.slice/cron.service/memory.stat"] = errno.EACCES
    live = document(look(host.source(), host))
    path = tmp_path / "web-07.tar.gz"
    capture(host.source(), host.clock, str(path))
    assert document(look(open_source(str(path)), host)) == live
