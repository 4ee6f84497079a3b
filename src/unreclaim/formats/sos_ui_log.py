"""sos_logs/ui.log of a sosreport: which plugins ran out of time.

Source: sos: collect() of class SoSReport in sos/report/__init__.py (sos/sosreport.py up to 3.9)
Needs: sos 3.6 or newer; since 4.0 sos_reports/manifest.json says it too.

Example::

    2020-02-11 19:23:16,004 INFO:  Running plugins. Please wait ...
    2020-02-11 19:28:17,311 ERROR:
     Plugin cgroups timed out
"""

import re

FILE = "sos_logs/ui.log"
_TIMED_OUT = re.compile(r"\bPlugin (\w+) timed out$", re.MULTILINE)


def parse_sos_ui_log(text: str, *, file: str = FILE) -> frozenset[str]:  # noqa: ARG001
    """Give the names of the plugins; any text may be a log, so `file` is not needed."""
    return frozenset(_TIMED_OUT.findall(text))
