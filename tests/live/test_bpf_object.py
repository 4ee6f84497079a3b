"""The committed BPF object is what its source compiles to."""

import subprocess
from pathlib import Path

import pytest

from tests.house.source import TOP

pytestmark = [pytest.mark.live]


def test_the_object_matches_its_source(tmp_path: Path) -> None:
    """Compiling the source anew gives the committed object byte for byte, and no path of a machine is in it."""
    output = tmp_path / "census.bpf.o"
    subprocess.run([TOP / "scripts" / "build-bpf", output], check=True)
    committed = (TOP / "src" / "unreclaim" / "host" / "bpf" / "census.bpf.o").read_bytes()
    assert output.read_bytes() == committed
    assert str(TOP).encode() not in committed
