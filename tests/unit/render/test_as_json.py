"""JSON: the output contract, key by key."""

import json
from typing import Any

import pytest

from tests.fakes.build import GIB, HOUR, beside, held, host, meminfo, observation, sample, slab, v1, v2
from unreclaim.analysis.diagnosis import diagnose
from unreclaim.formats.cgroup_stat import CgroupStat
from unreclaim.formats.meminfo import MemInfo, UnknownLine
from unreclaim.formats.os_release import OsRelease
from unreclaim.formats.pressure import Pressure, Stall
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.model.cgroups import Hierarchy, Subtree
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.gap import Gap
from unreclaim.model.host import Container, Host
from unreclaim.model.sample import Observation, Sample
from unreclaim.render.as_json import diagnosis_document, encode, status_document


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Give the document as whoever reads it gets it."""
    decoded: dict[str, Any] = json.loads(encode(diagnosis_document(diagnosis)), parse_constant=refuse)
    return decoded


def refuse(constant: str) -> None:
    """Refuse what Python's decoder takes and JSON does not have: NaN and infinities."""
    raise ValueError(constant)


# ── encode ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_document_is_written_for_people_or_short() -> None:
    """Two spaces a level and one key a line, or all on one line; keys stay in their order."""
    value = {"b": [1, None], "a": {"c": True}}
    assert encode(value) == '{\n  "b": [\n    1,\n    null\n  ],\n  "a": {\n    "c": true\n  }\n}'
    assert encode(value, pretty=False) == '{"b":[1,null],"a":{"c":true}}'


def test_bytes_that_are_no_text_become_escapes() -> None:
    """Surrogates, which stand for undecodable bytes, cannot be in JSON: keys and values show them as escapes."""
    value = {"caf\udce9": ("\udcff", ["é", "plain"])}
    assert json.loads(encode(value)) == {"caf\\udce9": ["\\udcff", ["é", "plain"]]}


@pytest.mark.parametrize("number", [0, -1, 2**64 - 1, -(2**63), 2**53 + 1, 0.5])
def test_numbers_of_64_bits_are_exact(number: float) -> None:
    """Integers of 64 bits, signed or not, are written digit by digit, floats as short as they can be read back."""
    assert encode(number) == str(number)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 3 * 2**130])
def test_larger_numbers_are_approximate(number: int) -> None:
    """No reader of JSON has more than 64 bits: a larger product of hostile figures is a float instead of an error."""
    assert json.loads(encode([number])) == [float(number)]
    assert isinstance(json.loads(encode(number)), float)


def test_truth_is_no_number() -> None:
    """True stays true."""
    assert encode([True, False]) == "[\n  true,\n  false\n]"


# ── diagnose ────────────────────────────────────────────────────────────────────────────────────────────────────

HEALTHY: dict[str, Any] = {
    "schema": "unreclaim.diagnose/1",
    "host": {
        "hostname": "web-07",
        "kernel": "6.18.44",
        "architecture": None,
        "os": None,
        "boot_id": None,
        "uptime_seconds": 3600.0,
        "cgroup_mode": "v1",
        "container": None,
        "cpus_possible": 2,
        "cpus_online": 2,
        "numa_nodes": 1,
        "page_size_bytes": 4096,
        "mem_total_bytes": 1_000_000,
    },
    "window_seconds": 0.0,
    "readings": 1,
    "captured": False,
    "memory": {
        # Four lines are always there, null where the kernel prints none.
        "sunreclaim_bytes": 20_000,
        "sreclaimable_bytes": None,
        "percpu_bytes": 5000,
        "kernel_stack_bytes": None,
        "mem_total_bytes": 1_000_000,
        "mem_free_bytes": 900_000,
        "swap_cached_bytes": 100,
        "unaccounted_bytes": 75_000,
        "unaccounted_low_bytes": 74_900,
        "unaccounted_high_bytes": 75_000,
        "unknown_lines": [{"name": "Sheaves", "value": 7, "is_bytes": False}],
    },
    "cgroups": {
        "memory": {
            "live": 40,
            "dying": 11,
            "dying_low": 11,
            "dying_high": 11,
            "source": "/proc/cgroups num_cgroups minus live directories",
            "weakness": None,
        }
    },
    "subtrees": [],
    "residual_charges": None,
    "dying_cost": {
        "slab_bytes_each": 12_864,
        "slab_low_bytes_each": 11_578,
        "slab_high_bytes_each": 14_150,
        "percpu_bytes_each": 4224,
        "percpu_low_bytes_each": 3802,
        "percpu_high_bytes_each": 4646,
        # 11 x 17,088 and its bounds, 11 x 15,380 and 11 x 18,796.
        "total_bytes": 187_968,
        "total_low_bytes": 169_180,
        "total_high_bytes": 206_756,
        # 11 x 12,864 / 20,000 and 11 x 4,224 / 5,000.
        "slab_share": 7.0752,
        "percpu_share": 9.2928,
        "source": "measured on 6.18, 40,000 page-cache-pinned cgroups, 2 CPUs",
    },
    "fingerprint": {"expected": 51, "objects": {}, "fits": None},
    "growth": {},
    "since_boot": {
        "meminfo.sunreclaim_bytes": {"at_most_bytes_per_day": 480_000.0},
        "meminfo.percpu_bytes": {"at_most_bytes_per_day": 120_000.0},
        "cgroups.memory.dying": {"at_most_cgroups_per_day": 264.0},
    },
    "slab_caches": [],
    "processes": [],
    "pressure": {},
    "findings": [],
    "verdict": {
        "state": "healthy",
        "summary": (
            "this host holds 25 kB of kernel memory that cannot be reclaimed (2.5 % of memory), "
            "and 11 memory cgroups are dying, as after any boot."
        ),
        "confidence": "high",
        "evidence": ["there is only one reading, so growth cannot be seen, only what has piled up since boot"],
        "ruled_out": ["live cgroups: 40"],
        "next_commands": ["unreclaim diagnose --for 10m    a longer look tells growth from noise"],
    },
    "gaps": [],
}
FEW_LINES = MemInfo(
    1_000_000,
    {
        "mem_total_bytes": 1_000_000,
        "mem_free_bytes": 900_000,
        "swap_cached_bytes": 100,
        "sunreclaim_bytes": 20_000,
        "percpu_bytes": 5000,
    },
    (UnknownLine("Sheaves", 7, is_bytes=False),),
)


def test_whole_document_of_a_quiet_host() -> None:
    """Every key of the contract is there with its value; what the kernel does not say is null."""
    found = document(diagnose(observation(sample(v1(11), memory=FEW_LINES))))
    ledger = found["memory"].pop("ledger")
    assert found == HEALTHY
    assert len(ledger) == 21
    lines = {line["id"]: line for line in ledger}
    assert lines["sunreclaim"] == {
        "id": "sunreclaim",
        "title": "slab, unreclaimable",
        "size_bytes": 20_000,
        "reclaimable": False,
        "relation": "exact",
    }
    assert (lines["swap_cache"]["relation"], lines["anon"]["size_bytes"]) == ("at most", None)


def test_document_of_nothing_has_every_key() -> None:
    """Of a host of which nothing could be read every key is there all the same, null or empty."""
    found = document(diagnose(observation(Sample(), of=Host())))
    assert set(found) == set(HEALTHY)
    assert set(found["host"]) == set(HEALTHY["host"])
    nothing = {key: found[key] for key in ("memory", "residual_charges", "fingerprint")}
    assert nothing == dict.fromkeys(nothing)
    assert {key: value for key, value in found["host"].items() if value is not None} == {"cgroup_mode": "none"}
    assert found["dying_cost"]["total_bytes"] is None
    assert (found["cgroups"], found["growth"], found["since_boot"]) == ({}, {}, {})


def test_host_with_all_its_facts() -> None:
    """A distribution, a container and memory come out with their own keys."""
    facts = Host(
        hostname="web-07",
        kernel="5.4.0-42-generic",
        architecture="x86_64",
        os=OsRelease("ubuntu", ("debian",), "20.04", "Ubuntu 20.04.6 LTS"),
        boot_id="6d0a3c2e-93e3-4d2b-8f2c-0c5d0b6b9a11",
        container=Container("lxc", ("/run/systemd/container says lxc",), ("/proc/uptime",)),
        cpus_possible=4,
        cpus_online=2,
        numa_nodes=1,
        page_size_bytes=4096,
    )
    assert document(diagnose(observation(of=facts)))["host"] == {
        "hostname": "web-07",
        "kernel": "5.4.0-42-generic",
        "architecture": "x86_64",
        "os": {
            "id": "ubuntu",
            "id_like": ["debian"],
            "version_id": "20.04",
            "pretty_name": "Ubuntu 20.04.6 LTS",
        },
        "boot_id": "6d0a3c2e-93e3-4d2b-8f2c-0c5d0b6b9a11",
        "uptime_seconds": 3600.0,
        "cgroup_mode": "v1",
        "container": {"kind": "lxc", "evidence": ["/run/systemd/container says lxc"], "faked": ["/proc/uptime"]},
        "cpus_possible": 4,
        "cpus_online": 2,
        "numa_nodes": 1,
        "page_size_bytes": 4096,
        "mem_total_bytes": 16 * GIB,
    }


def test_growth_has_its_unit_in_the_key() -> None:
    """Rates of bytes and of cgroups say which they are; ends of the interval and what was seen stand beside them."""
    samples = (
        sample(v1(11), uptime=HOUR, memory=meminfo(sunreclaim_bytes=50_000_000)),
        sample(v1(34), uptime=HOUR + 100.004, memory=meminfo(sunreclaim_bytes=51_000_000)),
    )
    found = document(diagnose(observation(*samples)))
    growth = found["growth"]
    assert (found["window_seconds"], found["readings"]) == (100.0, 2)
    slab_rate, dying = growth["meminfo.sunreclaim_bytes"], growth["cgroups.memory.dying"]
    assert set(slab_rate) == {"bytes_per_day", "low", "high", "change", "unit"}
    # 1 MB in 100.004 s is 863.97 MB a day; 36 x 2 pages of reading error are 254.8 MB a day.
    assert slab_rate["bytes_per_day"] == pytest.approx(863.965e6, rel=1e-5)
    assert slab_rate["high"] - slab_rate["bytes_per_day"] == pytest.approx(254.79e6, rel=1e-4)
    assert (slab_rate["change"], slab_rate["unit"]) == (1_000_000, "bytes")
    assert set(dying) == {"cgroups_per_day", "low", "high", "change", "unit"}
    assert dying["cgroups_per_day"] == pytest.approx(23 * 864, rel=1e-4)
    assert (dying["change"], dying["unit"]) == (23, "cgroups")


def test_figures_are_rounded_to_what_they_can_say() -> None:
    """A window has hundredths, a rate one decimal, a share four, a cache's growth whole bytes; none is cut off.

    500 kB more in 7.006 s are 6,166,143,305.7 a day; 23 dying in 7,007 s since boot 283.6 a day at most; 23 x 12,864 of
    100.5 MB slab are 0.294406 %; a page of 4 kB in 7.006 s is 50,513,046.5 a day.
    """
    samples = (
        sample(v1(23), uptime=7000.0, memory=meminfo(sunreclaim_bytes=100_000_000), slabs=(slab("x", 1, 64, 64, 1),)),
        sample(
            v1(23), uptime=7007.006, memory=meminfo(sunreclaim_bytes=100_500_000), slabs=(slab("x", 65, 64, 64, 1),)
        ),
    )
    found = document(diagnose(observation(*samples)))
    assert found["window_seconds"] == 7.01
    rate = found["growth"]["meminfo.sunreclaim_bytes"]
    assert rate["bytes_per_day"] == pytest.approx(500_000 / 7.006 * 86_400, abs=0.06)
    assert rate["bytes_per_day"] % 1 != 0
    assert [value for value in (rate["low"], rate["high"]) if round(value, 1) != value or value % 1 == 0] == []
    assert found["since_boot"]["cgroups.memory.dying"] == {"at_most_cgroups_per_day": 283.6}
    assert found["dying_cost"]["slab_share"] == 0.0029
    assert found["slab_caches"][0]["growth_bytes_per_day"] == 50_513_046


def test_slab_caches_are_listed_with_their_growth() -> None:
    """Each cache has its objects, sizes, growth a day and the others that SLUB merged into it."""
    names = ("mem_cgroup_per_node", "pool_workqueue")
    first = sample(uptime=HOUR, slabs=(slab("pool_workqueue", 8, 512, 8, 1),))
    last = sample(uptime=HOUR + 10, slabs=(slab("pool_workqueue", 16, 512, 8, 1, active=11),))
    of = host(slab_aliases=dict.fromkeys(names, names))
    assert document(diagnose(observation(first, last, of=of)))["slab_caches"] == [
        {
            "name": "pool_workqueue",
            "objects": 16,
            "active_objects": 11,
            "object_size_bytes": 512,
            "size_bytes": 8192,
            "growth_bytes_per_day": 4096 * 8640,
            "merged_with": ["mem_cgroup_per_node"],
        }
    ]
    once = document(diagnose(observation(first, of=host(page_size_bytes=None))))["slab_caches"]
    assert (once[0]["size_bytes"], once[0]["growth_bytes_per_day"]) == (None, None)


def test_subtrees_say_where_cgroups_are_dying() -> None:
    """On v2 each upper cgroup with dying descendants is listed; those without, or without cgroup.stat, are not."""
    subtrees = (
        Subtree("/", 1, CgroupStat(17, 16, {"memory": 18}, {"memory": 15})),
        Subtree("/system.slice", 42, CgroupStat(9, 14)),
        Subtree("/user.slice", 43, CgroupStat(3, 0)),
        Subtree("/gone.slice", None, None),
    )
    hierarchy = Hierarchy(2, "unified", ("memory",), "/sys/fs/cgroup", whole=True, subtrees=subtrees)
    assert document(diagnose(observation(sample(hierarchy))))["subtrees"] == [
        {"path": "/", "cgroup_id": 1, "live": 18, "dying": 16, "dying_memory": 15},
        {"path": "/system.slice", "cgroup_id": 42, "live": 10, "dying": 14, "dying_memory": None},
    ]


def test_residual_charges_findings_and_gaps() -> None:
    """Where dying cgroups hold page cache, where it was found, what it means, and what could not be seen."""
    seen = Observation(
        host(),
        (
            sample(
                v1(100), charges=held(409_600, shmem=4096), gaps=(Gap("slab caches", "not permitted", "run as root"),)
            ),
        ),
        lru_reparenting=False,
        captured=True,
    )
    found = document(diagnose(seen))
    assert found["residual_charges"] == [{"path": "/flappy.slice", "file_bytes": 409_600, "shmem_bytes": 4096}]
    assert found["gaps"] == [{"what": "slab caches", "why": "not permitted", "remedy": "run as root"}]
    assert found["captured"] is True
    (finding,) = found["findings"]
    assert set(finding) == {
        "id",
        "title",
        "severity",
        "confidence",
        "evidence",
        "recover",
        "prevent",
        "references",
    }
    assert (finding["id"], finding["severity"], finding["confidence"]) == ("S1", "info", "medium")
    assert len(finding["evidence"]) == 3


def test_unknown_percpu_cost_is_null() -> None:
    """On 4.15 the per-CPU part is not known: null, not zero; the total is slab alone."""
    cost = document(diagnose(observation(sample(v1(100)), of=host(kernel="4.15.11"))))["dying_cost"]
    assert {key: value for key, value in cost.items() if value is None} == dict.fromkeys(
        ("percpu_bytes_each", "percpu_low_bytes_each", "percpu_high_bytes_each", "percpu_share")
    )
    assert (cost["slab_bytes_each"], cost["total_bytes"]) == (6550, 655_000)


def test_processes_and_pressure_are_shown_as_read() -> None:
    """Resident memory of known daemons and the stalls of each resource are facts beside the judgement."""
    stall = Stall(0.5, 0.25, 0.0, 12.5)
    seen = Sample(
        uptime_seconds=HOUR,
        meminfo=meminfo(),
        pressure={"memory": Pressure(stall, None)},
        hierarchies=(v1(),),
        processes=(ProcessStatus("systemd", 1, 9_700_000, None),),
    )
    found = document(diagnose(observation(seen)))
    assert found["processes"] == [{"name": "systemd", "pid": 1, "rss_bytes": 9_700_000, "rss_anon_bytes": None}]
    assert set(found["pressure"]["memory"]) == {"some", "full"}
    assert found["pressure"]["memory"]["full"] is None
    assert list(found["pressure"]["memory"]["some"].values()) == [0.5, 0.25, 0.0, 12.5]


# ── status ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whole_status_document() -> None:
    """Status says the verdict, the exit code, the figures and the gaps."""
    found: dict[str, Any] = json.loads(
        encode(status_document(diagnose(observation(sample(v1(11), memory=FEW_LINES))), 0))
    )
    del found["memory"]["ledger"]
    assert found == {
        "schema": "unreclaim.status/1",
        "state": "healthy",
        "exit_code": 0,
        "summary": HEALTHY["verdict"]["summary"],
        "host": {"hostname": "web-07", "kernel": "6.18.44", "uptime_seconds": 3600.0},
        "memory": HEALTHY["memory"],
        "cgroups": HEALTHY["cgroups"],
        "gaps": [],
    }


def test_status_of_nothing_has_every_key() -> None:
    """Where nothing could be read the exit code and the gaps are still there."""
    gap = Gap("memory figures", "/proc/meminfo does not exist on this kernel")
    seen = Observation(Host(), (Sample(gaps=(gap,)),))
    assert json.loads(encode(status_document(diagnose(seen), 3))) == {
        "schema": "unreclaim.status/1",
        "state": "cannot tell",
        "exit_code": 3,
        "summary": "the kernel's memory figures could not be read, so nothing can be said about this host.",
        "host": {"hostname": None, "kernel": None, "uptime_seconds": None},
        "memory": None,
        "cgroups": {},
        "gaps": [{"what": "memory figures", "why": gap.why, "remedy": None}],
    }


def test_hybrid_host_shows_both_counts() -> None:
    """Memory and the v2 hierarchy are counts of their own, memory first."""
    found = json.loads(encode(status_document(diagnose(observation(sample(v1(3), beside(60)))), 0)))
    assert {name: count["dying"] for name, count in found["cgroups"].items()} == {"memory": 3, "unified": 60}
    assert list(found["cgroups"]) == ["memory", "unified"]
    newer = json.loads(encode(status_document(diagnose(observation(sample(v2(16, of_memory=15)))), 0)))
    assert {name: count["dying"] for name, count in newer["cgroups"].items()} == {
        "memory": 15,
        "cpu": 16,
        "unified": 16,
    }
