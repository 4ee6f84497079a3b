"""Plans against churn: the steps for a unit, each gated by what this systemd and this kernel do.

What helps and what does not was measured under systemd 247 to 262 on Linux 5.10 to 7.2 (docs/kernel-units.md,
docs/kernel-report-cards.md): a start makes one cgroup whatever its Type=, so fewer starts make fewer cgroups, and
nothing else but the memory controller's absence makes a start cheaper.
"""

from msgspec import Struct

from unreclaim.advice.dropin import write_drop_ins
from unreclaim.advice.host_advice import host_steps
from unreclaim.advice.prediction import loop_rate, times
from unreclaim.advice.restarts import Restarts, limit_step, plan_restarts
from unreclaim.advice.slices import slice_steps
from unreclaim.base.errors import UnavailableError
from unreclaim.model.gap import Gap
from unreclaim.model.plan import Estimate, Plan, PlanStep, Prediction, Setting, StepKind
from unreclaim.model.unit import Unit

NO_MEMORY = "no-memory-control"
# 0 of 23 cgroups were left where units had no memory cgroups, on each machine of docs/kernel-units.md: Wilson, 90 %.
_LEFT_WITHOUT_MEMORY = Estimate(0.0, 0.0, 0.11)
_FILES = ("file", "append", "truncate")

RULED_OUT = (
    "Type=simple instead of Type=exec: a start makes one cgroup with either, on 5.10 to 7.2 (docs/kernel-units.md)",
    "MemoryAccounting=no of this unit: it keeps its memory cgroup as long as another unit of its slice has one",
    "cgroup.memory=nokmem: with it each start that wrote to a log left its cgroup all the same (53 of 53 on 6.1)",
)


class Facts(Struct, frozen=True):
    """What a plan rests on; None: not known.

    cycles_per_day: starts of the unit. bytes_per_cycle: kernel memory that one leaves behind. lru_reparenting: the
    kernel gives page cache of a removed cgroup to its parent. pinned_by: files whose cache holds cgroups of the unit.
    """

    systemd: int | None = None
    cgroup_version: int | None = None
    lru_reparenting: bool | None = None
    cycles_per_day: Estimate | None = None
    bytes_per_cycle: Estimate | None = None
    pinned_by: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Wishes(Struct, frozen=True):
    """What a user wants otherwise. steps: ids; none: those that are meant for everybody."""

    steps: tuple[str, ...] = ()
    restart_seconds: float | None = None
    max_delay_seconds: float | None = None


def plan_unit(unit: Unit, facts: Facts, wishes: Wishes) -> Plan:
    """Plan how a unit is to make fewer cgroups, or cheaper ones.

    Raises:
        UnavailableError: a wish cannot be met by this systemd, or for this unit.

    """
    restarts = plan_restarts(unit, facts.systemd, wishes.restart_seconds, wishes.max_delay_seconds)
    steps = (
        *((restarts.step,) if restarts else ()),
        *limit_step(unit, restarts, facts.cycles_per_day),
        *_sources(unit),
        *_log_steps(unit, facts),
        *slice_steps(unit, facts.systemd, NO_MEMORY),
        *host_steps(lru_reparenting=facts.lru_reparenting),
    )
    chosen = _choose(unit, steps, wishes.steps)
    # A later step may need a setting that an earlier one has too.
    settings = tuple(dict.fromkeys(setting for step in steps if step.id in chosen for setting in step.settings))
    return Plan(
        unit.name,
        steps,
        chosen,
        write_drop_ins(settings, unit.name),
        _predict(facts, restarts if restarts and restarts.step.id in chosen else None, settings),
        RULED_OUT,
        facts.gaps,
    )


def _choose(unit: Unit, steps: tuple[PlanStep, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    ours = [step for step in steps if step.kind == StepKind.DROP_IN]
    wrong = next((name for name in wanted if name not in [step.id for step in ours]), None)
    if wrong is not None:
        there = ", ".join(step.id for step in ours) or "none"
        raise UnavailableError(f"step {wrong}", f"there is none for {unit.name} here", hint=f"steps: {there}")
    return tuple(step.id for step in ours if (step.id in wanted if wanted else step.default))


def _predict(facts: Facts, restarts: Restarts | None, settings: tuple[Setting, ...]) -> Prediction:
    now, each = facts.cycles_per_day, facts.bytes_per_cycle
    after, each_after = now, each
    if now is not None and restarts is not None:
        after = loop_rate(now, restarts.delay_seconds, restarts.new_delay_seconds)
    values = {setting.name: setting.value for setting in settings}
    if "StartLimitBurst" in values and after is not None:
        # It starts so often once more, then it stays as it is.
        after = Estimate(0.0, 0.0, min(after.high, float(values["StartLimitBurst"])))
    if "DisableControllers" in values and each is not None:
        each_after = times(each, _LEFT_WITHOUT_MEMORY)
    return Prediction(now, after, _growth(now, each), _growth(after, each_after))


def _growth(cycles: Estimate | None, each: Estimate | None) -> Estimate | None:
    return None if cycles is None or each is None else times(cycles, each)


def _sources(unit: Unit) -> tuple[PlanStep, ...]:
    """Name what else starts it."""
    timers = [name for name in unit.triggered_by if name.endswith(".timer")]
    sockets = [unit.name] if unit.accept else [name for name in unit.triggered_by if name.endswith(".socket")]
    steps = []
    if timers:
        steps.append(
            PlanStep(
                "timer",
                StepKind.TEXT,
                f"let {', '.join(timers)} fire less often: a longer OnUnitActiveSec= or OnCalendar=",
                "each run of a timer is a start, and makes a cgroup",
                "cycles fall as the interval grows; AccuracySec= alone moves starts and saves none",
                "what it does is done later",
                f"{unit.name} is triggered by it",
            )
        )
    if sockets and (unit.accept or "@" in unit.name):
        steps.append(
            PlanStep(
                "socket",
                StepKind.TEXT,
                f"serve connections of {', '.join(sockets)} by one process (Accept=no), if the program can",
                "Accept=yes starts a service for each connection, and makes a cgroup",
                "one cgroup instead of one a connection",
                "the program has to accept connections itself (sd_listen_fds(3)), in one process",
                "it is started for each connection",
            )
        )
    return tuple(steps)


def _log_steps(unit: Unit, facts: Facts) -> tuple[PlanStep, ...]:
    if not facts.pinned_by or facts.lru_reparenting:
        return ()
    by_systemd = (unit.standard_output or "").partition(":")[0] in _FILES
    files = ", ".join(facts.pinned_by[:3])
    return (
        PlanStep(
            "journal",
            StepKind.DROP_IN if by_systemd else StepKind.TEXT,
            f"log to the journal instead of {files}",
            "page cache of a file that outlives the unit holds the cgroup of the start that wrote it",
            "a start that writes to the journal alone left no cgroup behind on 5.10 to 7.2, or 1 of 23",
            "new lines are in the journal and no longer in the file",
            f"StandardOutput={unit.standard_output}" if by_systemd else "the program opens the file by itself",
            tuple(Setting(unit.name, "Service", name, "journal") for name in ("StandardOutput", "StandardError"))
            if by_systemd
            else (),
        ),
    )
