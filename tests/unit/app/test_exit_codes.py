"""Exit codes."""

import pytest
from msgspec.structs import replace

from tests.fakes.build import observation
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.exit_codes import exit_code
from unreclaim.model.finding import Confidence, State, Verdict

CODES = {"healthy": 0, "draining": 0, "growing": 1, "critical": 2, "cannot tell": 3}


@pytest.mark.parametrize(("state", "code"), [(state, CODES[state]) for state in State])
def test_exit_code_is_a_nagios_plugins(state: State, code: int) -> None:
    """OK, warning, critical, unknown; a host that drains needs nobody."""
    diagnosis = replace(diagnose(observation()), verdict=Verdict(state, "so it is.", Confidence.HIGH))
    assert exit_code(diagnosis) == code
