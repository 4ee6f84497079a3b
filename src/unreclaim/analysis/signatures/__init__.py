"""Known causes, one file each: ``detect(evidence)`` gives a `Finding` or None. The module's docstring is its page.

A page has the headings What it detects, Evidence and thresholds, What looks like it, Confirm, Recover, Prevent and
References. To add a signature, write its module and add it to SIGNATURES.
"""

from collections.abc import Callable

from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.signatures import s1_page_cache, s6_live_cgroups
from unreclaim.model.finding import Finding

SIGNATURES: dict[str, Callable[[Evidence], Finding | None]] = {
    "S1": s1_page_cache.detect,
    "S6": s6_live_cgroups.detect,
}


def match_signatures(evidence: Evidence) -> tuple[Finding, ...]:
    """Give every cause whose signs are there, the most severe first."""
    found = [finding for detect in SIGNATURES.values() if (finding := detect(evidence)) is not None]
    order = ("critical", "warning", "info")
    return tuple(sorted(found, key=lambda finding: (order.index(finding.severity), finding.id)))
