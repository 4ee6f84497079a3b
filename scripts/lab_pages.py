"""The pages that are made of what runs in virtual machines left in docs/lab/."""

from pathlib import Path

from scripts.tables import row, table, version
from scripts.unit_pages import units_page
from unreclaim.base.units import format_bytes
from unreclaim.lab.card import load_card
from unreclaim.lab.report import CAVEAT, TITLES, ReportCard, Trial, freed_by, verdict
from unreclaim.lab.unit_report import UnitCard
from vmtest.matrix import CORE
from vmtest.results import Results, load

LAB = Path(__file__).parents[1] / "docs" / "lab"

_FEATURES = {
    "memory_reclaim": "memory.reclaim",
    "memory_force_empty": "memory.force_empty",
    "nr_dying_subsys_memory": "cgroup.stat: nr_dying_subsys_memory",
    "psi": "/proc/pressure",
    "mglru": "MGLRU on",
    "btf": "BTF",
    "lru_reparent_memcg": "function lru_reparent_memcg",
    "proc_cgroups_memory": "memory in /proc/cgroups",
    "cgroup_tracepoints": "tracepoints of cgroups",
    "kpagecgroup": "/proc/kpagecgroup",
}


def lab_pages() -> dict[str, str]:
    """Give the pages without their mark."""
    cards = [load_card(path.read_bytes(), ReportCard) for path in sorted(LAB.glob("kernel-*.json"))]
    unit_cards = [load_card(path.read_bytes(), UnitCard) for path in sorted(LAB.glob("units-*.json"))]
    results = [load(path.read_bytes()) for path in sorted(LAB.glob("vmtest-*.json"))]
    return {
        "kernel-report-cards.md": report_cards_page(sorted(cards, key=_order)),
        "kernel-units.md": units_page(sorted(unit_cards, key=_order)),
        "support-matrix.md": support_matrix_page(sorted(results, key=lambda one: (version(one.release), one.cgroup))),
    }


def _order(card: ReportCard | UnitCard) -> tuple[tuple[int, ...], str]:
    return version(card.kernel.release), card.kernel.cgroup


def report_cards_page(cards: list[ReportCard]) -> str:
    """Give what stays and what frees it on each kernel, and a section a kernel."""
    heads = [f"{'.'.join(map(str, version(card.kernel.release)[:2]))} {card.kernel.cgroup}" for card in cards]
    counts = [
        row(title, (f"{trial.dying} of {trial.made}" for trial in _each(cards, kind))) for kind, title in TITLES.items()
    ]
    ways = [
        row(title, (freed_by(trial) or "-" for trial in _each(cards, kind)))
        for kind, title in TITLES.items()
        if any(trial.leaks for trial in _each(cards, kind))
    ]
    features = [
        row(title, ("yes" if card.kernel.features.get(name) else "no" for card in cards))
        for name, title in _FEATURES.items()
    ]
    return "\n".join(
        [
            "# Report cards of kernels\n",
            "What `unreclaim lab kernel` found in virtual machines (docs/lab/kernel-*.json). In each memory cgroup one",
            "process did what the row says and ended; then the cgroup was removed.\n",
            "## Does upgrading cure it?\n",
            *(f"- {verdict(card)}" for card in cards),
            "\n## Dying memory cgroups of those made\n",
            *table("The process", heads, counts),
            "\nSome of those that wrote a file of their own may stay because it was dirty when they were removed,",
            "on v2 until another cgroup is removed (kernel-notes/dying.md).",
            "\n## What frees them\n",
            "Each way was tried on 23 fresh cgroups; named is what frees four of five or more, the least invasive",
            "first.\n",
            *table("The process", heads, ways),
            "\n## What the kernels offer\n",
            *table("Feature", heads, features),
            "\n## Cost\n",
            f"{CAVEAT}\n",
            *(line for card in cards for line in _costs(card)),
        ]
    )


def _each(cards: list[ReportCard], kind: str) -> list[Trial]:
    return [trial for card in cards for trial in card.kernel.trials if trial.kind == kind]


def _costs(card: ReportCard) -> list[str]:
    kernel = card.kernel
    machine = f"{card.cpus} CPUs, {card.memory_mib} MiB, {card.accelerator.upper()}, {card.date}"
    rows = []
    for trial in kernel.trials:
        sizes = (trial.each_bytes(trial.sunreclaim_delta_bytes), trial.each_bytes(trial.percpu_delta_bytes))
        if trial.leaks:
            rows.append(row(TITLES[trial.kind], ("unknown" if size is None else format_bytes(size) for size in sizes)))
    return [
        f"### {kernel.release}, cgroup {kernel.cgroup}\n",
        f"{kernel.version}; Debian {card.suite}; {machine}.\n",
        *table("The process", ["Slab each", "Per-CPU each"], rows),
        "",
    ]


def support_matrix_page(results: list[Results]) -> str:
    """Give how many tests passed on which kernel, and each that did not."""
    heads = ["cgroup", "Python", "Part", "Tests", "Passed", "In a later run", "Minutes", "Date"]
    parts = {"all": "whole", "core": "core", "systemd": "with systemd"}
    rows = [
        row(
            f"{one.release} ({one.suite})",
            (
                *(one.cgroup, one.python, parts[one.selection], str(one.tests), str(one.passed)),
                *(str(one.passed_again or "-"), f"{one.seconds / 60:.0f}", one.date),
            ),
        )
        for one in results
    ]
    failures = [
        f"- {one.release}, {one.cgroup}: {outcome.what}: `{outcome.test}`"
        for one in results
        for outcome in one.not_passed
    ]
    left_out = {test: why for one in results for test, why in one.left_out.items()}
    return "\n".join(
        [
            "# Support matrix\n",
            "The tests that need a kernel (tests/root and tests/live), run inside a virtual machine of each by",
            "`just vmtest` (docs/lab/vmtest-*.json): the whole of them, or the core, which is counting and naming",
            f"({', '.join(CORE)}). A kernel with fewer of them has not what the",
            "others ask for: on 7.2 pages do not hold a removed cgroup, and what is said of such pages is not asked",
            "there. What did not pass was run once more alone after it was mended: in a later run.\n",
            *table("Kernel", heads, rows),
            "\n## Not passed\n",
            *(failures or ["None."]),
            "\n## Left out\n",
            *(f"- `{test}`: {why}" for test, why in sorted(left_out.items())),
            "",
        ]
    )
