"""Steps that give a unit a slice of its own, and take the memory controller from it."""

from unreclaim.advice.option_versions import since
from unreclaim.model.plan import PlanStep, Setting, StepKind
from unreclaim.model.unit import Unit

_DISABLE_SINCE = since("DisableControllers")


def own_slice(unit: Unit) -> str | None:
    """Name a slice for a unit alone, below the one it is in; None: it is in none.

    Where a template's instances have one already (system-foo.slice) it is that.
    """
    if unit.slice is None:
        return None
    above = unit.slice.removesuffix(".slice")
    # A dash in a slice's name means: below (systemd.slice(5)).
    own = unit.name.rpartition(".")[0].partition("@")[0].replace("-", "\\x2d")
    if above == "-":
        return f"{own}.slice"
    return unit.slice if above == own or above.endswith(f"-{own}") else f"{above}-{own}.slice"


def slice_steps(unit: Unit, systemd: int | None, without_memory: str) -> tuple[PlanStep, ...]:
    """Give both steps; the second, called `without_memory`, holds the settings of the first.

    Only a service is moved: a slice or a scope has its place by its name or its maker.
    """
    name = own_slice(unit)
    if name is None or not unit.name.endswith(".service"):
        return ()
    moved = () if name == unit.slice else (Setting(unit.name, "Service", "Slice", name),)
    steps = []
    if moved:
        steps.append(
            PlanStep(
                "own-slice",
                StepKind.DROP_IN,
                f"put it into a slice of its own, {name}",
                f"{unit.slice} holds others, too",
                "makes no fewer cgroups; what they leave can be reclaimed without taking caches of others",
                "from its next start on; limits that other slices were given hold no longer for it",
                f"it is in {unit.slice}",
                moved,
            )
        )
    if systemd is not None and systemd >= _DISABLE_SINCE:
        steps.append(
            PlanStep(
                without_memory,
                StepKind.DROP_IN,
                f"take the memory controller from {name}",
                "a cgroup without the memory controller holds no memory, and nothing holds it",
                "the unit makes no memory cgroups any more, from its next start on",
                f"MemoryMax=, MemoryHigh= and memory figures of all units in {name}",
                f"systemd {systemd} ({_DISABLE_SINCE} or newer); nothing in that slice may need memory control",
                (*moved, Setting(name, "Slice", "DisableControllers", "memory")),
            )
        )
    return tuple(steps)
