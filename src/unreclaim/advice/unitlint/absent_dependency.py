"""The unit needs a file, a unit or a device that is not there.

What it finds
-------------
Files without which each start fails (``EnvironmentFile=``, ``LoadCredential=``, ``WorkingDirectory=``, the program
itself), files below /etc in a command line, units in ``Requires=``, ``Requisite=`` and ``BindsTo=`` that have no
file, and devices in ``After=`` alone, where any of them does not exist now. A warning where the service is restarted
for ever, else a remark.

Why it matters here
-------------------
A service that ends because its network interface or its configuration is missing is what made the loop of the
article. It cannot get better by being started again, and each start makes a cgroup.

Evidence
--------
systemd checks conditions before it starts anything: a unit whose ``ConditionPathExists=`` fails makes no cgroup, is
not failed and is not restarted. Tried with systemd 252: no cgroup and no restart with ``ConditionPathExists=`` of a
file that is missing (a test with a real systemd). ``ExecCondition=`` runs a program, so it makes a cgroup, once;
since systemd 251 a service with ``Restart=always`` is not restarted after it (NEWS). ``After=`` orders and waits for
nothing (systemd.unit(5)).

What to do
----------
For a file: ``ConditionPathExists=`` in [Unit], and a unit of type path (``PathExists=``) that starts the service when
the file comes. For a device or interface: ``BindsTo=`` and ``After=`` its .device unit, which waits for it and stops
with it. For anything else: ``ExecCondition=``.

References
----------
- systemd.unit(5), ConditionPathExists=, BindsTo=
- systemd.service(5), ExecCondition=
- systemd.path(5)
"""

from collections.abc import Iterator

from unreclaim.advice.references import awaited_devices, needed_paths, needed_units
from unreclaim.advice.restart_loop import restart_loop
from unreclaim.advice.unit_view import UnitView
from unreclaim.model.lint import LintFinding, LintSeverity

_RULE = "absent-dependency"


def check(view: UnitView) -> Iterator[LintFinding]:
    """Find what is wanted and absent."""
    endless = view.is_service and restart_loop(view).is_endless
    severity = LintSeverity.WARNING if endless else LintSeverity.INFO
    again = ", so each start may fail, again and again" if endless else ""
    for path, found in needed_paths(view).items():
        if view.facts.paths.get(path) is False:
            message = f"{found.name}= names {path}, which does not exist{again}"
            fix = f"ConditionPathExists={path} in [Unit], and a .path unit that starts it when the file comes"
            yield view.finding(_RULE, found, severity, message, fix)
    for unit, found in needed_units(view).items():
        if view.facts.units.get(unit) is False:
            message = f"{found.name}= names {unit}, which has no unit file: the unit cannot be started"
            yield view.finding(_RULE, found, LintSeverity.WARNING, message, "install it, or use Wants=")
    for unit, (path, found) in awaited_devices(view).items():
        if view.facts.paths.get(path) is False:
            message = f"After={unit} orders and waits for nothing, and {path} does not exist{again}"
            yield view.finding(_RULE, found, severity, message, f"add BindsTo={unit}, which waits for it")
