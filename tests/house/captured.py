"""The captured hosts of tests/hosts, diagnosed once for all house tests."""

from functools import cache

from tests.house.source import TOP
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.clock import SystemClock
from unreclaim.app.observe import observe
from unreclaim.host.source import open_source
from unreclaim.model.diagnosis import Diagnosis


@cache
def diagnose_captured_hosts() -> tuple[Diagnosis, ...]:
    """Give the diagnosis of every captured host."""
    bundles = sorted((TOP / "tests" / "hosts").glob("*/bundle.tar.xz"))
    assert bundles, "no captured host"
    return tuple(diagnose(observe(open_source(str(path)), SystemClock(), window_seconds=0)) for path in bundles)
