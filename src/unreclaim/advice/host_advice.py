"""Advice that concerns the whole host: never done by this program, and the last to try."""

from unreclaim.model.plan import PlanStep, StepKind


def host_steps(*, lru_reparenting: bool | None) -> tuple[PlanStep, ...]:
    """Give what a kernel, its parameters or systemd's defaults can do."""
    kernel = PlanStep(
        "kernel",
        StepKind.KERNEL,
        "a kernel that hands the page cache of a removed cgroup to its parent (commit f1cf8d2f36dc, 7.1; seen on 7.2)",
        "on 5.10, 6.1 and 6.12 page cache and tmpfs hold removed cgroups; on 7.2 neither does",
        "removed cgroups go, but for those that a socket or a file's writeback structure holds",
        "a reboot into another kernel",
        "this kernel does not do that" if lru_reparenting is False else "it is not known whether this kernel does that",
    )
    others = (
        PlanStep(
            "default-accounting",
            StepKind.TEXT,
            "DefaultMemoryAccounting=no in /etc/systemd/system.conf.d/, then systemctl daemon-reexec",
            "measured under systemd 247 to 262: units had no memory cgroups then, and left none",
            "no unit makes memory cgroups, unless its slice has one that asks for them (Delegate=, MemoryMax=)",
            "memory figures of all units, and what rests on them, such as systemd-oomd",
            "it concerns all units of the host",
        ),
        PlanStep(
            "cgroup-disable",
            StepKind.BOOT,
            "cgroup_disable=memory",
            "without the controller there are no memory cgroups (admin-guide/kernel-parameters.txt; not measured here)",
            "none is made, of whatever unit or container",
            "memory limits of all units, containers and pods; some container runtimes do not start",
            "a last resort, with a reboot",
        ),
    )
    return others if lru_reparenting else (kernel, *others)
