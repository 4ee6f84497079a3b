"""Reads a tracefs instance; a directory with a pipe in it does, which a test fills."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from unreclaim.formats.trace_cgroup import CgroupEvent, CgroupTrace
from unreclaim.host.tracing.cgroups import CgroupTracer, _buffer_kib, _prepare
from unreclaim.host.tracing.tracefs import TracingUnavailableError

LINE = b"  a-1  [000] d..1.  7402.232571: cgroup_mkdir: root=9 id=41 level=3 path=/a\xff\n"
EVENT = CgroupEvent("mkdir", 9, 41, "/a\udcff", 7402.232571)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Give an instance with two CPUs that lost 23 events together."""
    os.mkfifo(tmp_path / "trace_pipe")
    for cpu, lost in enumerate((5, 18)):
        directory = tmp_path / "per_cpu" / f"cpu{cpu}"
        directory.mkdir(parents=True)
        (directory / "stats").write_text(f"overrun: {lost}\n", encoding="ascii")
    return tmp_path


@pytest.fixture
def tracer(instance: Path) -> Iterator[CgroupTracer]:
    """Give its reader."""
    tracer = CgroupTracer(str(instance))
    yield tracer
    tracer.close()


def write(instance: Path, text: bytes) -> None:
    """Let the kernel say something."""
    descriptor = os.open(instance / "trace_pipe", os.O_WRONLY)
    os.write(descriptor, text)
    os.close(descriptor)


def test_events_are_read_once_and_nothing_is_waited_for(instance: Path, tracer: CgroupTracer) -> None:
    """Every event that is there is read, whatever bytes its path has; with none it returns at once."""
    assert tracer.read() == CgroupTrace()
    writer = os.open(instance / "trace_pipe", os.O_WRONLY)
    os.write(writer, LINE * 23)
    assert tracer.read() == CgroupTrace((EVENT,) * 23)
    assert tracer.read() == CgroupTrace()
    os.close(writer)


def test_a_line_that_is_cut_is_read_when_it_is_whole(instance: Path, tracer: CgroupTracer) -> None:
    """The beginning is kept for the next reading."""
    write(instance, LINE + LINE[:60])
    assert tracer.read() == CgroupTrace((EVENT,))
    write(instance, LINE[60:])
    assert tracer.read() == CgroupTrace((EVENT,))


def test_a_reading_ends_though_events_go_on(
    instance: Path, tracer: CgroupTracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond its bound is read by the next."""
    monkeypatch.setattr("unreclaim.host.tracing.cgroups._MOST_CHUNKS", 1)
    monkeypatch.setattr("unreclaim.host.tracing.cgroups._CHUNK", len(LINE))
    writer = os.open(instance / "trace_pipe", os.O_WRONLY)
    os.write(writer, LINE * 2)
    assert [tracer.read(), tracer.read(), tracer.read()] == [*2 * [CgroupTrace((EVENT,))], CgroupTrace()]
    os.close(writer)


def test_lost_events_of_all_cpus_are_added_up(instance: Path, tracer: CgroupTracer) -> None:
    """What a CPU does not say is not known for the whole."""
    assert tracer.lost() == 23
    (instance / "per_cpu" / "cpu1" / "stats").write_text("", encoding="ascii")
    assert tracer.lost() is None
    (instance / "per_cpu" / "cpu1" / "stats").unlink()
    assert tracer.lost() is None


@pytest.mark.parametrize(("cpus", "kib"), [(1, 4096), (2, 4096), (64, 1024), (128, 512), (1024, 256)])
def test_buffers_fit_the_host(cpus: int, kib: int) -> None:
    """64 MiB in all, but no CPU has less than 256 KiB or more than 4 MiB."""
    assert _buffer_kib(cpus) == kib


def test_events_are_switched_on_by_one_clock(tmp_path: Path) -> None:
    """All three, those of a word alone if there is one, with the buffer that was asked for."""
    files = ["buffer_size_kb", "trace_clock"]
    files += [
        f"events/cgroup/cgroup_{event}/{file}"
        for event in ("mkdir", "rmdir", "release")
        for file in ("enable", "filter")
    ]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    _prepare(str(tmp_path), None, 64)
    assert [(tmp_path / file).read_text(encoding="ascii") for file in files] == ["64", "mono", *3 * ["1", ""]]
    _prepare(str(tmp_path), "x.service", 64)
    assert (tmp_path / files[-1]).read_text(encoding="ascii") == 'path ~ "*x.service*"'


def test_what_the_kernel_lacks_or_refuses_is_named(tmp_path: Path) -> None:
    """A file that is not there is another reason than one that cannot be written."""
    (tmp_path / "buffer_size_kb").symlink_to("/dev/full")
    with pytest.raises(TracingUnavailableError, match=r"buffer_size_kb: No space left on device$"):
        _prepare(str(tmp_path), None, 64)
    (tmp_path / "buffer_size_kb").unlink()
    with pytest.raises(TracingUnavailableError, match=r"^trace events: this kernel has none of cgroups: "):
        _prepare(str(tmp_path), None, 64)
