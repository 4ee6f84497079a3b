"""Whatever a host's files hold, from reading to the last line of text: an answer or a gap, never an exception."""

import errno
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.hosts import HOSTS, FakeHost, captured_texts
from tests.fakes.root import FakeRoot
from tests.property.test_formats import DECODED, mutants
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.exit_codes import exit_code
from unreclaim.app.observe import observe, observe_briefly
from unreclaim.host.source import Source
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.finding import State
from unreclaim.model.sample import Observation
from unreclaim.render.as_json import diagnosis_document, encode, status_document
from unreclaim.render.as_text import WIDTH, diagnosis_text, status_line

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
COLOUR = re.compile(r"\033\[1;3[0-9]m|\033\[0m")
ERRORS = st.sampled_from(
    [errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENODEV, errno.EIO, errno.EOPNOTSUPP, errno.EINVAL, errno.EFBIG]
)
# What the kernel's counters may hold, and what arithmetic trips over.
EXTREME = st.sampled_from([0, 1, 2, 4095, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(
    0, 2**64 - 1
)
CAPTURED = [texts for path in sorted(HOSTS.glob("*/bundle.tar.xz")) for texts in captured_texts(path)]


def floats(value: object) -> Iterator[float]:
    """Give every float in a document."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from floats(item)


def refuse(constant: str) -> None:
    """Refuse NaN and infinities, which Python's decoder takes."""
    raise ValueError(constant)


def holds_together(diagnosis: Diagnosis) -> None:
    """Render a diagnosis in every form and check what must be true of any."""
    code = exit_code(diagnosis)
    assert code in (0, 1, 2, 3)
    for document in (diagnosis_document(diagnosis), status_document(diagnosis, code)):
        assert all(map(math.isfinite, floats(document)))
        decoded: dict[str, Any] = json.loads(encode(document), parse_constant=refuse)
        assert list(decoded) == list(document)
        assert json.loads(encode(document, pretty=False)) == decoded
    plain = diagnosis_text(diagnosis)
    assert COLOUR.sub("", diagnosis_text(diagnosis, colour=True)) == plain
    for text in (plain, diagnosis_text(diagnosis, full=True), status_line(diagnosis)):
        assert text.endswith("\n")
        assert text.encode()
        assert all(line.isprintable() for line in text.split("\n"))
    for line in plain.split("\n") + diagnosis_text(diagnosis, full=True).split("\n"):
        assert len(line) <= WIDTH
        assert line == line.rstrip(" ")
    assert status_line(diagnosis).count("\n") == 1
    # As a figure; a gap may quote the word.
    assert not re.search(r"\b(nan|inf) ([kMGT]?B|%|days|hours|minutes|seconds)\b", plain)
    # Never healthy where the figure that everything is about is not known.
    if diagnosis.last.meminfo is None or diagnosis.last.meminfo.get("sunreclaim_bytes") is None:
        assert diagnosis.verdict.state == State.CANNOT_TELL
    # Who is sent to what is missing finds it there.
    assert diagnosis.gaps or "see what is missing below" not in diagnosis.verdict.next_commands


def look(root: FakeRoot, clock: FakeClock, *, later: dict[str, str] | None = None, kind: str = "live") -> Observation:
    """Observe a host whose files change half-way through three seconds."""
    if later is not None:
        clock.after(1.5, lambda: root.files.update(later))
    return observe(Source(kind, (root,)), clock, window_seconds=3)


def judge(root: FakeRoot, *, later: dict[str, str] | None = None) -> None:
    """Look at a host in each way that there is."""
    holds_together(diagnose(look(root, FakeClock(), later=later)))
    holds_together(diagnose(observe_briefly(Source("live", (root,), 4096, "x86_64"))))


@st.composite
def spoilt(draw: st.DrawFn, texts: dict[str, str], *, most: int = 4) -> dict[str, str]:
    """Replace up to `most` files: by any text, by a beginning of theirs, by nothing, or changed in a few places."""
    files = dict(texts)
    for path in draw(st.lists(st.sampled_from(sorted(texts)), max_size=most, unique=True)):
        text = texts[path]
        change = draw(st.sampled_from(["any", "cut", "drop", "mutate"]))
        if change == "drop":
            del files[path]
        elif change == "cut":
            files[path] = text[: draw(st.integers(0, len(text)))]
        else:
            files[path] = draw(st.text() | DECODED if change == "any" else mutants(text))
    return files


@unhurried
@given(st.data())
def test_spoilt_capture_is_diagnosed(data: st.DataObject) -> None:
    """A real host of which files are missing, cut off, binary or changed, in one or two samples."""
    files = data.draw(st.sampled_from(CAPTURED))
    errors = data.draw(st.dictionaries(st.sampled_from(sorted(files)), ERRORS, max_size=3))
    first = FakeRoot(data.draw(spoilt(files)), errors=errors, live=False)
    last = FakeRoot(data.draw(spoilt(files)), live=False)
    seen = observe(Source("bundle", (first, last)), FakeClock(), window_seconds=10)
    assert seen.captured
    holds_together(diagnose(seen))
    holds_together(diagnose(observe_briefly(Source("bundle", (first, last)))))


@unhurried
@given(st.data())
def test_spoilt_live_host_is_diagnosed(data: st.DataObject) -> None:
    """A running host whose files are spoilt, refused, and change while it is looked at."""
    texts = {path: text if isinstance(text, str) else text() for path, text in FakeHost().root.files.items()}
    errors = data.draw(
        st.dictionaries(st.sampled_from([*sorted(texts), "/proc", "/proc/pressure"]), ERRORS, max_size=3)
    )
    directories = data.draw(
        st.lists(st.sampled_from(["a", "b.slice", "caf\udce9", "run-r1.scope", "x\ty"]), unique=True)
    )
    root = FakeRoot(
        data.draw(spoilt(texts)),
        directories=[f"/sys/fs/cgroup/memory/{name}" for name in directories],
        errors=errors,
        symbols=data.draw(st.sampled_from([None, frozenset(), frozenset({"lru_reparent_memcg"})])),
    )
    root.vanishing = {f"/sys/fs/cgroup/memory/{name}" for name in directories[:1]}
    judge(root, later=data.draw(spoilt(texts)))


LINES = (
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Cached",
    "Shmem",
    "SUnreclaim",
    "SReclaimable",
    "Percpu",
    "VmallocUsed",
)


@st.composite
def extreme_files(draw: st.DrawFn) -> dict[str, str]:
    """Make a host's files in their right form with numbers that no sane host has."""
    number = EXTREME.map(str)
    kilobytes = draw(st.dictionaries(st.sampled_from(LINES), st.integers(0, 2**54 - 1) | st.sampled_from([0, 1])))
    kilobytes.setdefault("MemTotal", draw(st.sampled_from([0, 1, 2**54 - 1])))
    stat = "".join(
        f"{name} {draw(number)}\n" for name in ("cache", "rss", "shmem", "total_cache", "total_rss", "total_shmem")
    )
    slabs = "".join(
        f"{name} {draw(number)} {draw(number)} {draw(number)} {draw(number)} {draw(number)} "
        f": tunables 0 0 0 : slabdata {draw(number)} {draw(number)} 0\n"
        for name in draw(st.lists(st.sampled_from(["mem_cgroup", "mem_cgroup_per_node", "dentry"]), max_size=3))
    )
    whole = draw(st.sampled_from([0, 1, 10**6, 2**63, 2**64 - 1]))
    version = draw(st.sampled_from(["4.15.11", "5.4.1", "6.18.44", "9999.9999", "5.14.0-1.el9_4", "0.0", "x"]))
    files = {
        "/proc/uptime": f"{whole}.{draw(st.integers(0, 99)):02} 0.00\n",
        "/proc/meminfo": "".join(f"{name}: {size} kB\n" for name, size in kilobytes.items()),
        "/proc/vmstat": f"nr_mapped {draw(number)}\nnr_shmem {draw(number)}\n",
        "/proc/cgroups": f"#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t2\t{draw(number)}\t1\n",
        "/proc/slabinfo": "slabinfo - version: 2.1\n" + slabs,
        "/proc/sys/kernel/osrelease": f"{version}\n",
        "/proc/1/status": f"Name:\tx\nPid:\t{draw(number)}\nVmRSS:\t{draw(st.integers(0, 2**54 - 1))} kB\n",
        "/sys/devices/system/cpu/possible": f"0-{draw(st.sampled_from([0, 1, 65_535]))}\n",
        "/sys/devices/system/node/possible": f"0-{draw(st.sampled_from([0, 1, 65_535]))}\n",
        "/sys/block/zram0/mm_stat": f"0 0 {draw(number)}\n",
        "/sys/fs/cgroup/unified/cgroup.stat": f"nr_descendants {draw(number)}\nnr_dying_descendants {draw(number)}\n",
    }
    for place in ("", "/a", "/a/b"):
        directory = f"/sys/fs/cgroup/memory{place}"
        files[f"{directory}/memory.stat"] = stat
        files[f"{directory}/memory.usage_in_bytes"] = draw(number)
        files[f"{directory}/memory.kmem.usage_in_bytes"] = draw(number)
    return files


@unhurried
@given(extreme_files(), extreme_files())
def test_extreme_numbers_are_diagnosed(first: dict[str, str], last: dict[str, str]) -> None:
    """Zero and 64 bits of memory, uptime, cgroups, slabs and CPUs, growing and shrinking by all of it."""
    host = FakeHost()
    standing = {path: text for path, text in host.root.files.items() if isinstance(text, str)}
    judge(FakeRoot({**standing, **first}, links=host.root.links), later=last)
    roots = tuple(FakeRoot({**standing, **files}, links=host.root.links, live=False) for files in (first, last))
    holds_together(diagnose(observe(Source("tree", roots), FakeClock(), window_seconds=0)))


@unhurried
@given(st.dictionaries(st.sampled_from(sorted(CAPTURED[0])), st.text() | DECODED, max_size=20))
def test_any_texts_are_diagnosed(texts: dict[str, str]) -> None:
    """Files of the right names with anything in them."""
    judge(FakeRoot(texts))


@pytest.mark.parametrize("texts", CAPTURED, ids=range(len(CAPTURED)))
def test_unspoilt_captures_hold_together(texts: dict[str, str]) -> None:
    """The captures as they are give a verdict, so that what is spoilt above was once whole."""
    seen = observe(Source("tree", (FakeRoot(texts, live=False),)), FakeClock(), window_seconds=0)
    diagnosis = diagnose(seen)
    assert diagnosis.verdict.state != State.CANNOT_TELL
    holds_together(diagnosis)
