"""The README shows what the program really prints."""

import re

from tests.house.source import TOP
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.app.clock import SystemClock
from unreclaim.app.observe import observe
from unreclaim.host.source import open_source
from unreclaim.render.as_text import diagnosis_text


def test_the_output_in_the_readme_is_the_programs() -> None:
    """The block in the README is, to the letter, the diagnosis of the bundle that it names."""
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    bundle = re.search(r"--root (tests/hosts/\S+)`", readme)
    shown = re.search(r"```\n(.*?)```", readme, re.DOTALL)
    assert bundle is not None
    assert shown is not None
    observation = observe(open_source(str(TOP / bundle[1])), SystemClock(), window_seconds=0)
    assert shown[1] == diagnosis_text(diagnose(observation))
