"""From a verdict to the exit code that scripts and monitoring see."""

from unreclaim.base.errors import ExitCode
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.finding import State

_CODES = {
    State.HEALTHY: ExitCode.HEALTHY,
    State.DRAINING: ExitCode.HEALTHY,
    State.GROWING: ExitCode.WARNING,
    State.CRITICAL: ExitCode.CRITICAL,
    State.CANNOT_TELL: ExitCode.CANNOT_TELL,
}


def exit_code(diagnosis: Diagnosis) -> int:
    """Give 0 to 3, as Nagios reads them; a host that drains needs nobody."""
    return int(_CODES[diagnosis.verdict.state])
