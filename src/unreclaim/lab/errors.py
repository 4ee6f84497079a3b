"""Why the laboratory does not do what it was asked for."""

from unreclaim.base.errors import UnavailableError


class LabError(UnavailableError):
    """This host lacks what an experiment needs, or an experiment failed; nothing of it was left behind."""
