"""Captured hosts, whose truth is known, are told truthfully: the exact count, the state, the whole text and JSON."""

import json
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GOLDEN
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.clock import SystemClock
from unreclaim.app.exit_codes import exit_code
from unreclaim.app.observe import observe, observe_briefly
from unreclaim.host.source import open_source
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.dying import count_memory, count_unified
from unreclaim.render.as_json import diagnosis_document, encode, status_document
from unreclaim.render.as_text import diagnosis_text, status_line

HOSTS = Path(__file__).parent.parent / "hosts"
KINDS = ("txt", "full.txt", "status.txt", "json", "status.json")
NAMES = sorted(path.name for path in HOSTS.iterdir() if (path / "HOST.toml").exists())


def path_of(name: str) -> str:
    """Give what --root is to be: the bundle beside HOST.toml, or the directory itself for a sosreport."""
    bundle = HOSTS / name / "bundle.tar.xz"
    return str(bundle if bundle.exists() else HOSTS / name)


def truth(name: str) -> dict[str, Any]:
    """Read what is known of a host, and the program is not told."""
    return tomllib.loads((HOSTS / name / "HOST.toml").read_text(encoding="utf-8"))


def look(name: str) -> Diagnosis:
    """Diagnose a captured host."""
    return diagnose(observe(open_source(path_of(name)), SystemClock(), window_seconds=0))


@pytest.mark.parametrize("name", [name for name in NAMES if "true_dying_memory_cgroups" in truth(name)])
def test_dying_cgroups_are_counted_exactly(name: str) -> None:
    """In every sample the number of dying and of live cgroups is the true one, which kprobes counted."""
    known = truth(name)
    samples = observe(open_source(path_of(name)), SystemClock(), window_seconds=0).samples
    counts = [count_memory(sample) for sample in samples]
    assert [count.dying for count in counts if count] == known["true_dying_memory_cgroups"]
    if "live_memory_cgroups" in known:
        assert [count.live for count in counts if count] == known["live_memory_cgroups"]
    if "true_dying_unified_cgroups" in known:
        unified = [count_unified(sample) for sample in samples]
        assert [count.dying for count in unified if count] == known["true_dying_unified_cgroups"]


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_and_the_findings_are_the_true_ones(name: str) -> None:
    """State and findings are those that the host's known cause calls for: no more, no less."""
    known, diagnosis = truth(name), look(name)
    assert diagnosis.verdict.state == known["expected_state"]
    assert [finding.id for finding in diagnosis.findings] == known["expected_findings"]


@pytest.mark.parametrize("name", NAMES)
def test_text_and_json_are_as_recorded(name: str, golden: Callable[[str, str], None]) -> None:
    """What people and programs read is what was looked at and found good; lines fit 100 columns and shout at nobody."""
    diagnosis, brief = look(name), diagnose(observe_briefly(open_source(path_of(name))))
    texts = {
        "txt": diagnosis_text(diagnosis),
        "full.txt": diagnosis_text(diagnosis, full=True),
        "status.txt": status_line(brief),
        "json": encode(diagnosis_document(diagnosis)) + "\n",
        "status.json": encode(status_document(brief, exit_code(brief))) + "\n",
    }
    assert tuple(texts) == KINDS
    for kind, text in texts.items():
        golden(f"hosts/{name}.{kind}", text)
    for kind in ("txt", "full.txt"):
        lines = texts[kind].splitlines()
        assert max(map(len, lines)) <= 100
        assert all(line == line.rstrip() for line in lines)
        assert lines[2].startswith(f"{diagnosis.verdict.state.upper()}: ")
    plain = "".join(texts[kind] for kind in ("txt", "full.txt", "status.txt"))
    # No mark of exclamation, no emoji: two signs that are no ASCII have their use.
    assert {sign for sign in plain if not sign.isascii()} <= {"·", "…"}
    assert "!" not in plain
    assert json.loads(texts["json"])["schema"] == "unreclaim.diagnose/1"
    assert json.loads(texts["status.json"])["schema"] == "unreclaim.status/1"


@pytest.mark.parametrize("bundle", sorted(HOSTS.glob("*/bundle.tar.xz")), ids=lambda bundle: bundle.parent.name)
def test_a_bundle_is_compressed_as_its_name_says(bundle: Path) -> None:
    """The program reads whatever it is; "tar xJf", which people try, does not."""
    with tarfile.open(bundle, "r:xz") as archive:
        assert "unreclaim-bundle/bundle.toml" in archive.getnames()


def test_no_golden_host_is_left_over() -> None:
    """There is no recorded text of a host that is gone."""
    recorded = {file.name for file in (GOLDEN / "hosts").iterdir()}
    assert recorded == {f"{name}.{kind}" for name in NAMES for kind in KINDS}
