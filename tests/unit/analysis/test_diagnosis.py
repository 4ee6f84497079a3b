"""Every judgement over one observation, joined."""

import pytest

from tests.fakes.build import HOUR, beside, crowd, held, host, meminfo, observation, sample, slab, v1, v2, v2_charge
from unreclaim.analysis.diagnosis import diagnose, weigh
from unreclaim.analysis.signatures import SIGNATURES, match_signatures
from unreclaim.formats.meminfo import MemInfo
from unreclaim.model.diagnosis import Fingerprint, Residue
from unreclaim.model.gap import Gap
from unreclaim.model.growth import Growth
from unreclaim.model.ledger import build_ledger
from unreclaim.model.sample import Observation, Sample


def test_everything_comes_from_the_last_sample_but_the_growth() -> None:
    """A diagnosis holds the host, what the last sample says, and the growth since the first."""
    first = sample(v1(11), beside(3), uptime=HOUR)
    last = sample(
        v1(34),
        beside(4),
        uptime=HOUR + 100,
        memory=meminfo(sunreclaim_bytes=100_400_000),
        slabs=(slab("mem_cgroup", 84, 2240, 14, 8, active=77),),
        charges=held(34 * 4096),
    )
    seen = Observation(host(), (first, last), lru_reparenting=True, captured=True)
    found = diagnose(seen)
    assert (found.host, found.last, found.captured, found.window_seconds) == (host(), last, True, 100.0)
    assert found.cgroup_mode == "hybrid"
    assert found.ledger == build_ledger(last)
    assert [(count.name, count.dying) for count in found.counts] == [("memory", 34), ("unified", 4)]
    assert found.residues == (Residue("/flappy.slice", 34 * 4096, 0),)
    # 40 live and 34 dying are 74; 77 active objects are 1.04 of them.
    assert found.fingerprint == Fingerprint(74, {"mem_cgroup": 1.04}, fits=True)
    assert found.cost.total is not None
    assert found.cost.total.middle == 34 * 17_088
    assert {name: rate.change for name, rate in found.growth.rates.items() if rate.change} == {
        "meminfo.sunreclaim_bytes": 400_000,
        "ledger.unaccounted_bytes": -400_000,
        "cgroups.memory.dying": 23,
        "cgroups.unified.dying": 1,
    }
    assert [use.name for use in found.slabs] == ["mem_cgroup"]
    assert found.findings == ()
    assert found.verdict.summary.startswith("23 more memory cgroups stayed behind")
    assert found.gaps == ()


def test_charges_that_mix_the_dead_with_the_living_exclude_nothing() -> None:
    """v2 beside processes: what dying cgroups hold is not known, so page cache is neither seen nor ruled out."""
    mixed = (v2_charge("/", "/app", file=8192, nr_dying=34), v2_charge("/app", file=4096, nr_dying=34, populated=True))
    found = diagnose(observation(sample(v2(34), charges=mixed)))
    assert found.residues is None
    assert [gap.what for gap in found.gaps] == ["what dying cgroups hold"]
    assert not any("page cache does not hold them" in line for line in found.verdict.evidence)
    idle = (
        v2_charge("/", "/app", file=8192, nr_dying=34),
        v2_charge("/app", file=139_264, nr_dying=34, populated=False),
    )
    told = diagnose(observation(sample(v2(34), charges=idle)))
    assert told.residues == (Residue("/app", 139_264, 0),)
    assert told.gaps == ()
    assert [finding.id for finding in told.findings] == ["S1"]


def test_of_nothing_nothing_is_said() -> None:
    """A host of which nothing could be read gives a diagnosis all the same, empty and without an error."""
    found = diagnose(Observation(host(kernel=None, cpus=None, nodes=None, page_size_bytes=None), (Sample(),)))
    assert (found.cgroup_mode, found.window_seconds, found.ledger, found.counts) == ("none", 0.0, None, ())
    assert (found.residues, found.fingerprint, found.slabs, found.findings, found.gaps) == (None, None, (), (), ())
    assert found.growth == Growth(0.0, 1, {}, {})


def test_each_gap_is_told_once() -> None:
    """Gaps of the last sample come first, then those of the first and of the host; none twice."""
    slabs, pressure, pages = Gap("slab caches", "not permitted"), Gap("pressure", "off"), Gap("page size", "not told")
    seen = Observation(
        host(),
        (sample(gaps=(slabs, pressure)), sample(gaps=(Gap("middle", "…"),)), sample(gaps=(slabs,))),
        gaps=(pages,),
    )
    assert diagnose(seen).gaps == (slabs, pressure, pages)


def test_dying_that_cannot_be_counted_are_a_gap() -> None:
    """Unknown dying memory or v2 cgroups are named as gaps with the reason; other controllers are not."""
    part = "only a part of the hierarchy is visible here (container or bind mount)"
    pids = v1(None, controllers=("pids",))
    found = diagnose(observation(sample(v1(300, whole=False), beside(None), pids)))
    assert found.gaps == (
        Gap("dying cgroups (memory)", f"num_cgroups is the whole host's, but {part}", "run on the host itself"),
        Gap("dying cgroups (unified)", "cgroup.stat could not be read", "run on the host itself"),
    )
    assert diagnose(observation(sample(v2(5, whole=False)))).gaps == ()
    # Hierarchies without the controller (cgroup_disable=memory, or /proc/cgroups unreadable on v1) count no memory.
    without = Gap("dying cgroups (memory)", "no hierarchy with the memory controller could be read")
    assert diagnose(observation(sample(beside(3), pids))).gaps == (without,)


@pytest.mark.parametrize("memory", [meminfo(sunreclaim_bytes=None), meminfo(mem_total_bytes=0)])
def test_memory_figures_that_say_nothing_are_a_gap(memory: MemInfo) -> None:
    """A /proc/meminfo that was read and lacks what everything is about is named, so that the verdict points at it."""
    found = diagnose(observation(sample(memory=memory)))
    assert found.gaps == (Gap("memory figures", "/proc/meminfo has no SUnreclaim line, or a MemTotal of 0"),)
    assert found.verdict.next_commands == ("see what is missing below",)


def test_per_cpu_memory_that_is_not_shown_is_a_gap() -> None:
    """Before 4.20 there is no Percpu line: what dying cgroups hold there is in no figure, and that is said."""
    (gap,) = diagnose(observation(sample(memory=meminfo(percpu_bytes=None)))).gaps
    assert gap.what == "per-CPU memory"
    assert diagnose(observation(sample(memory=meminfo(percpu_bytes=0)))).gaps == ()


def test_findings_come_in_the_order_of_their_severity() -> None:
    """The most severe comes first, then by id: S6 is a warning, S1 here information, and critical where it is dear."""
    both = v1(200, live=6000, crowds=(crowd("run-r*.scope", 5920),))
    cheap = weigh(observation(sample(both, charges=held(200 * 4096))))
    assert [(finding.id, finding.severity) for finding in match_signatures(cheap)] == [
        ("S6", "warning"),
        ("S1", "info"),
    ]
    # 200 x 17,088 bytes are a quarter of 13,670,400.
    small = meminfo(mem_total_bytes=13_670_400)
    dear = weigh(observation(sample(both, charges=held(200 * 4096), memory=small)))
    found = [(finding.id, finding.severity) for finding in match_signatures(dear)]
    assert found == [("S1", "critical"), ("S6", "warning")]
    assert match_signatures(weigh(observation())) == ()


def test_each_signature_finds_under_its_own_id() -> None:
    """A finding bears the id of the signature that made it."""
    evidence = weigh(observation(sample(v1(200, live=6000, crowds=(crowd("run-r*.scope", 5920),)))))
    for name, detect in SIGNATURES.items():
        finding = detect(evidence)
        assert finding is not None
        assert finding.id == name
