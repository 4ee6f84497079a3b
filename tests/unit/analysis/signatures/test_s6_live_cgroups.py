"""S6: live cgroups that pile up: when it speaks, how sure it is, and what it advises."""

import pytest

from tests.fakes.build import HOUR, beside, crowd, names, observation, sample, v1, v2
from unreclaim.analysis.diagnosis import weigh
from unreclaim.analysis.signatures.s6_live_cgroups import common_shape, detect
from unreclaim.model.cgroups import Crowd, Hierarchy
from unreclaim.model.finding import Confidence, Finding, Severity

RMDIR = "rmdir on empty ones: the kernel refuses a cgroup that still has processes or children"


def takes(size: str) -> str:
    """Give the line that prices them: 17,088 bytes each on the usual host."""
    return f"they take about {size} of kernel memory, or more: a live one costs what a dying one does, at least"


def over_ten_seconds(*hierarchies: Hierarchy) -> Finding | None:
    """Look at a host as often as there are hierarchies, within ten seconds."""
    every = 10 / max(1, len(hierarchies) - 1)
    samples = [sample(hierarchy, uptime=HOUR + every * index) for index, hierarchy in enumerate(hierarchies)]
    return detect(weigh(observation(*samples)))


def crowded(number: int, shape: str = "run-r*.scope", *, live: int = 6000, dying: int = 11) -> Hierarchy:
    """Make a v1 hierarchy with one crowd."""
    return v1(dying, live=live, crowds=(crowd(shape, number),))


def test_a_crowd_that_grows_is_sure() -> None:
    """5,920 scopes of kubelet's mounts, as on the kops host, and 23 more within ten seconds: the whole finding."""
    assert over_ten_seconds(crowded(5897, live=6000), crowded(5920, live=6023)) == Finding(
        "S6",
        "live cgroups pile up: something makes them and does not remove them",
        Severity.WARNING,
        Confidence.HIGH,
        (
            "6,023 cgroups are live and 11 are dying",
            "5,920 of them in /system.slice, named like run-r*.scope",
            "23 more within 10 seconds",
            takes("103 MB"),
        ),
        ("systemctl stop 'run-r*.scope'    (look first: systemctl list-units 'run-r*.scope')", RMDIR),
        ("find what makes them by the shape of their names, and make it remove them",),
        ("https://github.com/kubernetes/kubernetes/issues/70324", "https://github.com/systemd/systemd/issues/8015"),
    )


def test_a_crowd_alone_is_likely() -> None:
    """500 children of one shape in one directory are enough, 499 are not."""
    finding = over_ten_seconds(crowded(500))
    assert finding is not None
    assert finding.confidence == Confidence.MEDIUM
    assert finding.title == "live cgroups pile up: so many alike look as if nothing removes them"
    assert finding.evidence[1] == "500 of them in /system.slice, named like run-r*.scope"
    assert over_ten_seconds(crowded(499)) is None


def test_growth_alone_is_likely() -> None:
    """20 more live cgroups within the window are enough without a crowd, 19 are not."""
    finding = over_ten_seconds(v1(live=100), v1(live=120))
    assert finding is not None
    assert finding.confidence == Confidence.MEDIUM
    assert finding.evidence == (
        "120 cgroups are live and 11 are dying",
        "20 more within 10 seconds",
        takes("2.1 MB"),
    )
    assert finding.recover == (RMDIR,)
    assert over_ten_seconds(v1(live=100), v1(live=119)) is None
    assert over_ten_seconds(v1(live=100), v1(live=100)) is None


def test_numbers_that_go_up_and_down_are_a_busy_host() -> None:
    """A node that starts and stops pods ends with 23 more by chance: the number fell in between."""
    assert over_ten_seconds(v1(live=100), v1(live=140), v1(live=123)) is None
    steady = over_ten_seconds(v1(live=100), v1(live=100), v1(live=123))
    assert steady is not None
    assert steady.evidence[1] == "23 more within 10 seconds"


def test_as_many_dying_as_live_are_not_this() -> None:
    """Where more than half as many are dying, cgroups do get removed: S1 and its kin."""
    assert over_ten_seconds(crowded(500, live=600, dying=301)) is None
    assert over_ten_seconds(crowded(500, live=600, dying=300)) is not None


def test_unknown_dying_do_not_hide_it() -> None:
    """In a container the dying cannot be counted; the crowd is seen all the same."""
    hierarchy = v1(None, live=600, crowds=(crowd("run-r*.scope", 500),))
    finding = over_ten_seconds(hierarchy)
    assert finding is not None
    assert finding.evidence[0] == "600 cgroups are live and it is not known how many are dying"


def test_without_a_count_it_is_silent() -> None:
    """No hierarchy, or one that was not walked: nothing can be said of live cgroups."""
    systemd = Hierarchy(1, "name=systemd", (), "/sys/fs/cgroup/systemd")
    assert over_ten_seconds(systemd) is None
    assert over_ten_seconds(v1(live=None, crowds=(crowd("run-r*.scope", 500),))) is None


def test_unified_hierarchy_serves_where_memory_is_on_none() -> None:
    """On v2 the crowd is in the v2 hierarchy, with or without the memory controller."""
    crowds = (crowd("run-r*.scope", 500, path="/user.slice"),)
    without = v2(0, live=600, controllers=(), crowds=crowds)
    for hierarchy in (without, v2(0, live=600, crowds=crowds)):
        finding = over_ten_seconds(hierarchy)
        assert finding is not None
        assert finding.evidence[1] == "500 of them in /user.slice, named like run-r*.scope"
        # What a cgroup without the memory controller costs was not measured.
        assert len(finding.evidence) == (2 if hierarchy is without else 3)


def test_crowd_of_the_memory_hierarchy_comes_first() -> None:
    """On a hybrid host the hierarchy with the memory controller is looked at, not the v2 one beside it."""
    seen = observation(sample(v1(0, live=600), beside(0)))
    assert detect(weigh(seen)) is None


def test_each_crowd_is_named_and_cured_by_its_shape() -> None:
    """Sessions are ended by logind, units are stopped by systemd, other cgroups are removed by hand."""
    crowds = (
        crowd("session-*.scope", 800, path="/user.slice/user-0.slice"),
        crowd("session*.service", 700),
        crowd("pod*", 600, path="/kubepods"),
    )
    finding = over_ten_seconds(v1(0, live=2500, crowds=crowds))
    assert finding is not None
    assert finding.evidence[1:] == (
        "800 of them in /user.slice/user-0.slice, named like session-*.scope",
        "700 of them in /system.slice, named like session*.service",
        "600 of them in /kubepods, named like pod*",
        takes("43 MB"),
    )
    assert finding.recover == (
        "loginctl list-sessions, then loginctl terminate-session ID for those that are closing",
        "systemctl list-units 'session*.service'    (then stop those that nobody needs, one by one)",
        RMDIR,
    )


def test_many_crowds_of_one_shape_are_told_once() -> None:
    """Five directories full of the same scopes: three are shown, the others counted, and the cure is said once."""
    crowds = tuple(crowd("run-r*.scope", 900 - index, path=f"/user.slice/user-{index}.slice") for index in range(5))
    finding = over_ten_seconds(v1(0, live=5000, crowds=crowds))
    assert finding is not None
    assert finding.evidence == (
        "5,000 cgroups are live and 0 are dying",
        "900 of them in /user.slice/user-0.slice, named like run-r*.scope",
        "899 of them in /user.slice/user-1.slice, named like run-r*.scope",
        "898 of them in /user.slice/user-2.slice, named like run-r*.scope",
        "and 2 or more other directories like these",
        takes("85 MB"),
    )
    assert finding.recover == (
        "systemctl stop 'run-r*.scope'    (look first: systemctl list-units 'run-r*.scope')",
        RMDIR,
    )


def test_a_command_to_paste_runs_nothing_else() -> None:
    """A user names cgroups of his own; the shape that root is told to stop is quoted."""
    finding = over_ten_seconds(v1(0, live=600, crowds=(crowd("a';reboot;'*.scope", 500),)))
    assert finding is not None
    assert finding.recover[0].startswith("""systemctl list-units 'a'"'"';reboot;'"'"'*.scope'    (then""")


@pytest.mark.parametrize("shape", ["docker-*.scope", "cri-containerd-*.scope", "libpod-*.scope", "*.scope"])
def test_units_that_may_be_at_work_are_not_to_be_stopped_at_once(shape: str) -> None:
    """500 containers of one host are alike as well: the command to paste shows them and stops none."""
    finding = over_ten_seconds(v1(0, live=600, crowds=(crowd(shape, 500),)))
    assert finding is not None
    assert [step for step in finding.recover if step.startswith("systemctl stop")] == []


@pytest.mark.parametrize(
    ("found", "shape"),
    [
        (names("run-r*.scope", 32), "run-r*.scope"),
        (("session-1.scope", "session-c2.scope", "session-23.scope"), "session-*.scope"),
        # Four of five are enough, three of four are not.
        ((*names("pod*", 4), "other"), "pod*"),
        ((*names("pod*", 3), "other"), None),
        # Names without anything that varies are no shape: they were not made by counting.
        (("cron.service", "ssh.service"), None),
        ((), None),
        # A part that is the same in all does not vary, and letters that could be digits are kept where all have them.
        (names("k8s-pod*", 32), "k8s-pod*"),
        (("job1.service", "job23.service"), "job*.service"),
        (("cafe1", "cafe2"), "cafe*"),
        (("xa1", "xb1"), "x*"),
        # A UUID varies in each of its parts.
        (("kubepods-pod6d0a3c2e_93e3", "kubepods-pod1b2c3d4e_0a1b"), "kubepods-pod*_*"),
    ],
    ids=str,
)
def test_shape_is_what_names_have_in_common(found: tuple[str, ...], shape: str | None) -> None:
    """Numbers, decimal or hexadecimal, vary; the rest must be the same in four of five names."""
    assert common_shape(Crowd("/", 500, found)) == shape


def test_a_crowd_of_many_shapes_is_a_busy_node() -> None:
    """500 children whose names have nothing in common are 500 different units."""
    letters = tuple(f"{chr(103 + index % 20)}{chr(103 + index // 20)}.service" for index in range(32))
    assert over_ten_seconds(v1(live=600, crowds=(Crowd("/system.slice", 500, letters),))) is None
