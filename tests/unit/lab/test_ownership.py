"""Who may make things of the laboratory."""

import os

import pytest

from unreclaim.lab.errors import LabError
from unreclaim.lab.ownership import require_root


def test_without_privileges_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried without root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"^lab clean: only root can make cgroups$"):
        require_root("lab clean")
