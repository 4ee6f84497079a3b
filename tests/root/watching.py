"""A trace that is running while a test does something, and what it said."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TRACE = (sys.executable, "-m", "unreclaim", "trace")
INSTANCES = Path("/sys/kernel/tracing/instances")
Document = dict[str, Any]


def instances_of(pid: int) -> list[Path]:
    """List the tracefs instances of a process."""
    return list(INSTANCES.glob(f"unreclaim-trace-{pid}-*"))


@contextlib.contextmanager
def watch(*options: str) -> Iterator[tuple[subprocess.Popen[str], list[Document]]]:
    """Watch for as long as the context lasts; the documents are there after it."""
    documents: list[Document] = []
    command = [*TRACE, "--for", "10m", "--json", "--every", "200ms", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # The events are on before the first line is written.
        lines = [process.stdout.readline()]
        try:
            yield process, documents
        finally:
            if process.poll() is None:
                # What was done last is read at the end, whenever that is.
                process.send_signal(signal.SIGINT)
            output, error = process.communicate(timeout=30)
            documents += [json.loads(line) for line in (*lines, *output.splitlines()) if line]
    assert error == ""


def source(document: Document, name: str) -> list[int]:
    """Give what one source created, removed, released and left unreleased."""
    (row,) = [one for one in document["sources"] if one["source"] == name]
    return [row[column] for column in ("created", "removed", "released", "unreleased")]


def settle() -> None:
    """Let the kernel release what nothing holds: an RCU grace period and a work queue."""
    time.sleep(1.0)
