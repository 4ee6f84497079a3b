"""What stands beside a verdict's sentence, each kind of line by itself."""

import pytest

from tests.fakes.build import GIB, HOUR, beside, held, host, meminfo, observation, sample, v1, v2
from unreclaim.analysis.diagnosis import weigh
from unreclaim.analysis.evidence import Evidence
from unreclaim.analysis.reasons import daemons, dying_lines, page_cache_is_excluded, ruled_out, window_limit
from unreclaim.formats.proc_pid_status import ProcessStatus
from unreclaim.model.finding import Confidence, Finding, Severity
from unreclaim.model.sample import Sample

S1 = Finding("S1", "dying memory cgroups pinned by page cache", Severity.INFO, Confidence.LOW, ())
S6 = Finding("S6", "live cgroups pile up", Severity.INFO, Confidence.LOW, ())
PROCESSES = (
    ProcessStatus("systemd", 1, 9_700_000),
    ProcessStatus("kubelet", 812, 80_000_000),
    ProcessStatus("containerd", 813, GIB - 1),
    ProcessStatus("dockerd", 814, GIB),
    ProcessStatus("crio", 815, None),
)


def seen(*samples: Sample, kernel: str = "6.18.44") -> Evidence:
    """Weigh samples of a host of 16 GiB and 2 CPUs."""
    return weigh(observation(*samples, of=host(kernel=kernel)))


def over(seconds: float | None, before: int, after: int) -> Evidence:
    """Weigh both ends of a window; None: the uptime is not known."""
    end = None if seconds is None else HOUR + seconds
    return seen(sample(v1(before), uptime=None if seconds is None else HOUR), sample(v1(after), uptime=end))


def test_dying_are_counted_and_priced() -> None:
    """1,000 cost 12,864,000 + 4,224,000 bytes, 12.9 % of 100 MB and 21 % of 20 MB; S1 shows the number itself."""
    whole = seen(sample(v1(1000), beside(23)))
    price = (
        "each costs about 13 kB of slab and 4.2 kB of per-CPU memory here: 17 MB in all",
        "that is 13 % of the unreclaimable slab and 21 % of per-CPU memory",
        "23 cgroups of the v2 hierarchy are dying besides",
    )
    assert dying_lines(whole, ()) == ("1,000 memory cgroups are dying (a fresh boot has up to 19)", *price)
    assert dying_lines(whole, (S1,)) == price
    assert dying_lines(seen(sample(v1(1000), beside(1))), (S1,))[-1] == (
        "1 cgroup of the v2 hierarchy is dying besides"
    )
    assert dying_lines(seen(sample(v2(0))), ()) == ("0 memory cgroups are dying (a fresh boot has up to 19)",)


@pytest.mark.parametrize(
    ("kernel", "residue", "line"),
    [
        ("6.18.44", 4096, "page cache does not hold them: the charges of live cgroups leave too little of it over"),
        (
            "6.18.44",
            8_192_000,
            "page cache does not hold the new ones: what removed cgroups hold of it did not grow with them",
        ),
        (
            "4.15.0-213-generic",
            4096,
            "page cache was not seen to hold them; before kernel 5.3 cached directory entries and inodes do, as a rule",
        ),
    ],
)
def test_what_holds_them_instead_of_page_cache_is_said(kernel: str, residue: int, line: str) -> None:
    """Where the charges were read and S1 is silent, the last line says why; with S1 there is none."""
    evidence = seen(sample(v1(2000), charges=held(residue)), kernel=kernel)
    assert (dying_lines(evidence, ())[-1], page_cache_is_excluded(evidence, ())) == (line, True)
    assert line not in dying_lines(evidence, (S1,))
    assert not page_cache_is_excluded(evidence, (S1,))


@pytest.mark.parametrize("quiet", [sample(v1(2000)), sample(v1(19), charges=held(0))])
def test_page_cache_that_was_not_looked_for_is_not_excluded(quiet: Sample) -> None:
    """Without charges, or with as few dying as after any boot, nothing is excluded."""
    assert not page_cache_is_excluded(seen(quiet), ())


def test_a_window_says_what_it_could_not_see() -> None:
    """One reading, an unknown time, ten seconds at rest, ten seconds of growth, and ten minutes at rest.

    None in ten seconds may be 3.67 (exact table of Poisson): 3.67 x 8,640 x 17,088 bytes are 542 MB a day.
    """
    blind = "so growth cannot be seen, only what has piled up since boot"
    assert window_limit(seen(sample())) == (f"there is only one reading, {blind}",)
    assert window_limit(over(None, 11, 11)) == (f"the time between the readings is not known, {blind}",)
    assert window_limit(over(10, 11, 11)) == ("a window of 10 seconds cannot see growth below 542 MB a day",)
    (line,) = window_limit(over(10, 11, 34))
    assert line.startswith("10 seconds leave it between ")
    assert line.endswith(" a day, if it goes on like this")
    assert window_limit(over(600, 11, 11)) == ()
    assert window_limit(over(10, 400, 11)) == ()
    assert window_limit(seen(sample(beside(0), uptime=HOUR), sample(beside(0), uptime=HOUR + 10))) == ()


def test_processes_that_are_small_are_ruled_out() -> None:
    """PID 1 and known daemons below a tenth of memory and 1 GiB are not the cause; a larger one is not ruled out."""
    assert ruled_out(seen(sample(processes=PROCESSES)), ()) == (
        "PID 1 (systemd) itself: 9.7 MB",
        "kubelet itself: 80 MB",
        "containerd itself: 1.1 GB",
        "live cgroups: 40",
    )
    small = sample(processes=PROCESSES, memory=meminfo(mem_total_bytes=1_000_000_000))
    assert [name for name, _, large in daemons(seen(small)) if large] == ["containerd", "dockerd"]


def test_live_cgroups_that_pile_up_are_not_ruled_out() -> None:
    """With S6, or where they could not be counted, there is no such line."""
    assert ruled_out(seen(sample()), (S1,)) == ("live cgroups: 40",)
    assert ruled_out(seen(sample()), (S6,)) == ()
    assert ruled_out(seen(sample(v1(None, live=None))), ()) == ()
