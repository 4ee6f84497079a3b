"""Traces cgroups that are made, removed and freed, by the kernel's own trace events (docs/kernel-notes/trace.md)."""

import contextlib
import os
from collections.abc import Iterator

from unreclaim.base.errors import ParseError
from unreclaim.formats.trace_cgroup import CgroupTrace, parse_trace_cgroup
from unreclaim.formats.trace_cpu_stats import parse_trace_cpu_stats
from unreclaim.host.control_file import write_file
from unreclaim.host.root import LiveRoot, decode
from unreclaim.host.tracing.memcgs import probe_memcgs
from unreclaim.host.tracing.tracefs import TracingUnavailableError, open_instance
from unreclaim.model.gap import Gap

_EVENTS = ("mkdir", "rmdir", "release")
_CHUNK = 1 << 16
# A reading ends there, so that a host that makes cgroups faster than they are read does not keep us for ever.
_MOST_CHUNKS = 1024
# An event takes some 200 bytes; all CPUs together get no more than 64 MiB.
_LEAST_KIB, _MOST_KIB, _ALL_KIB = 256, 4096, 65_536


class CgroupTracer:
    """The events of cgroups since the last reading.

    gap: why memory cgroups are not counted by the kernel's functions; None: they are, or were not asked for.
    """

    def __init__(self, instance: str, gap: Gap | None = None) -> None:
        """Take a tracefs instance in which the events are on."""
        self.gap = gap
        self._instance = instance
        self._pipe = os.open(f"{instance}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def close(self) -> None:
        """Let go of the instance, which could not be removed before."""
        os.close(self._pipe)

    def read(self) -> CgroupTrace:
        """Give the events since the last reading, without waiting for any.

        Raises:
            ParseError: the kernel prints them in another form.

        """
        chunks = [self._rest]
        for _ in range(_MOST_CHUNKS):
            try:
                chunk = os.read(self._pipe, _CHUNK)
            except BlockingIOError:
                break
            if not chunk:
                break
            chunks.append(chunk)
        whole, newline, self._rest = b"".join(chunks).rpartition(b"\n")
        return parse_trace_cgroup(decode(whole + newline))

    def lost(self) -> int | None:
        """Give how many events the buffers had no room for since the start, by their own count; None: not told."""
        root = LiveRoot()
        total = 0
        try:
            for cpu in root.list_names(f"{self._instance}/per_cpu"):
                path = f"{self._instance}/per_cpu/{cpu}/stats"
                total += parse_trace_cpu_stats(root.read_text(path), file=path).lost
        except (OSError, ParseError):
            return None
        return total


@contextlib.contextmanager
def trace_cgroups(
    purpose: str, *, word: str | None = None, buffer_kib: int | None = None, memcgs: bool = False
) -> Iterator[CgroupTracer]:
    """Trace cgroups for as long as the context lasts.

    word: only those whose path holds it. buffer_kib: of each CPU; None: what fits the host. memcgs: count what the
    kernel's functions of memory cgroups do, too, where they can be probed.

    Raises:
        TracingUnavailableError: this kernel has no tracefs or no such events, or does not let us use them.

    """
    with contextlib.ExitStack() as stack:
        instance = stack.enter_context(open_instance(purpose))
        _prepare(instance, word, buffer_kib or _buffer_kib(os.cpu_count() or 1))
        gap = stack.enter_context(probe_memcgs(instance)) if memcgs else None
        tracer = CgroupTracer(instance, gap)
        stack.callback(tracer.close)
        yield tracer


def _buffer_kib(cpus: int) -> int:
    return min(_MOST_KIB, max(_LEAST_KIB, _ALL_KIB // cpus))


def _prepare(instance: str, word: str | None, buffer_kib: int) -> None:
    try:
        write_file(f"{instance}/buffer_size_kb", str(buffer_kib))
        # One clock for all CPUs; the default one is each CPU's own.
        write_file(f"{instance}/trace_clock", "mono")
        for event in _EVENTS:
            if word is not None:
                write_file(f"{instance}/events/cgroup/cgroup_{event}/filter", f'path ~ "*{word}*"')
            write_file(f"{instance}/events/cgroup/cgroup_{event}/enable", "1")
    except FileNotFoundError as error:
        why = f"this kernel has none of cgroups: {error.filename} is not there"
        hint = "they were seen on Linux 5.10 to 7.2; an older kernel may lack them"
        raise TracingUnavailableError("trace events", why, hint=hint) from error
    except OSError as error:
        raise TracingUnavailableError("trace events", f"{error.filename}: {error.strerror}") from error
