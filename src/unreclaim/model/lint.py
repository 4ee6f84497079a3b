"""What lint finds in unit files, and the facts that it judges by."""

from enum import StrEnum

from msgspec import Struct

from unreclaim.formats.unit_file import UnitFile
from unreclaim.model.gap import Gap
from unreclaim.model.unit import Unit


class LintSeverity(StrEnum):
    """How much a finding matters: info (good to know), warning (change it), error (systemd does not take the file)."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LintFinding(Struct, frozen=True):
    """What a rule says of a unit. file, line: the assignment that it is about; None: nothing in a file says it."""

    rule: str
    unit: str
    file: str | None
    line: int | None
    severity: LintSeverity
    message: str
    fix: str


class HostFacts(Struct, frozen=True):
    """What holds for all units of a host; None: not known.

    cgroup_version: of the hierarchy that has the memory controller. reparents_page_cache: whether the kernel hands a
    removed cgroup's page cache to its parent. nokmem: whether it was booted with cgroup.memory=nokmem.
    manager_files: system.conf and its drop-ins, which hold the defaults of units.
    """

    systemd_version: int | None = None
    cgroup_version: int | None = None
    reparents_page_cache: bool | None = None
    nokmem: bool | None = None
    manager_files: tuple[UnitFile, ...] = ()


class UnitFacts(Struct, frozen=True):
    """What holds for one unit.

    slice_has_memory: whether its slice hands the memory controller down; None: not known. paths, units: whether what
    the unit names is there, as far as it could be looked up. loaded: what systemd itself says of it, if it was asked.
    """

    slice_has_memory: bool | None = None
    paths: dict[str, bool] = {}
    units: dict[str, bool] = {}
    loaded: Unit | None = None


class LintReport(Struct, frozen=True):
    """What came of linting. nr_units: that were judged; nr_masked: that were passed over, being switched off.

    missing: units and files that were named and could not be judged.
    """

    nr_units: int
    nr_masked: int
    findings: tuple[LintFinding, ...]
    missing: tuple[Gap, ...] = ()
    gaps: tuple[Gap, ...] = ()
    systemd_version: int | None = None
