"""A plan names, for each dying cgroup, the least invasive rung that may free it, and each step once."""

import pytest
from msgspec.structs import replace

from unreclaim.analysis.recovery import is_within, plan_recovery
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.gap import Gap
from unreclaim.model.recovery import (
    DROP_CACHES,
    Demand,
    Group,
    Plan,
    Rung,
    Step,
    Support,
)

V1 = Support(1, "/cg", "memory.force_empty", reclaims_root=False, swap_bytes=0, drops_caches=True)
V2 = Support(2, "/cg", "memory.reclaim", reclaims_root=True, swap_bytes=0, drops_caches=True)
POOR = Support(2, "/cg", None, reclaims_root=False, swap_bytes=None, drops_caches=False)
SWAPPING = replace(V2, swap_bytes=2**30)
MIB = 2**20
WAIT, FADVISE, RECLAIM, REMOVE, RESTART, DROP = Rung
APP, DB = Holder(70, "app", 3), Holder(80, "db")

LOG = Pin(PinKind.PAGE_CACHE, 4096, 1, "/var/log/app.log", "8:1", 7)
METADATA = Pin(PinKind.METADATA, 4096, 1, device="8:1")
TMPFS = Pin(PinKind.TMPFS, 4096, 1, "/run/it's", "0:22", 9)
MEMFD = Pin(PinKind.MEMFD, 4096, 1, "memfd:x", "0:1", 11, unlinked=True, held_by=(APP,))


def dying(identity: int, *pins: Pin, path: str = "", **more: int) -> DyingCgroup:
    """Make a dying cgroup below /s, by default in app.service, of as much memory as its pins have."""
    place = path or "/s/app.service"
    size = sum(pin.bytes for pin in pins)
    unexplained = more.get("unexplained", 0)
    return DyingCgroup(
        id=identity,
        name=place.rpartition("/")[2],
        path=place,
        ancestor="/" if place.count("/") == 1 else "/s",
        serial=more.get("serial", identity),
        memory_bytes=size,
        kernel_bytes=0,
        swap_bytes=more.get("swap", 0),
        references=len(pins) + unexplained,
        unexplained_references=unexplained,
        pins=pins,
    )


def plan(*cgroups: DyingCgroup, support: Support = V2, target: str | None = None) -> Plan:
    """Plan the recovery of these cgroups."""
    return plan_recovery(Census("bpf", 5, cgroups), (), support, target=target)


def ways(pin: Pin, support: Support) -> tuple[Rung, ...]:
    """Give the ways of a cgroup that one pin holds."""
    (group,) = plan(dying(1, pin), support=support).groups
    (only,) = group.demands[0].ways
    return only


@pytest.mark.parametrize(
    ("pin", "support", "rungs"),
    [
        (LOG, V2, (FADVISE, RECLAIM, DROP)),
        (LOG, POOR, (FADVISE,)),
        # Mapped pages stay until they are unmapped, or are cold.
        (replace(LOG, mapped_by=(DB,)), V2, (RECLAIM, RESTART)),
        (replace(LOG, mlocked_bytes=4096), V2, (RESTART,)),
        # Deleted, but open: through who holds it. Deleted and only mapped, or out of sight: no way to the file.
        (replace(LOG, path=None, unlinked=True, held_by=(APP,)), V2, (FADVISE, RECLAIM, DROP)),
        (replace(LOG, unlinked=True, mapped_by=(DB,)), V2, (RECLAIM, RESTART)),
        (replace(LOG, path=None), V2, (RECLAIM, DROP)),
        (replace(LOG, path=None), POOR, ()),
        (METADATA, V2, (RECLAIM, DROP)),
        (Pin(PinKind.OTHER, 4096, 1), POOR, ()),
        (TMPFS, V2, (REMOVE,)),
        (TMPFS, SWAPPING, (RECLAIM, REMOVE)),
        (replace(TMPFS, mapped_by=(DB,)), V2, (RESTART,)),
        (replace(TMPFS, mlocked_bytes=4096), SWAPPING, (RESTART,)),
        (MEMFD, V2, (RESTART,)),
        (MEMFD, SWAPPING, (RECLAIM, RESTART)),
        (Pin(PinKind.SYSV, 4096, 1, "SYSV0000002a", "0:1", 3), V2, (REMOVE,)),
        (Pin(PinKind.SHARED_ANONYMOUS, 4096, 1, mapped_by=(DB,)), V2, (RESTART,)),
        (Pin(PinKind.ANONYMOUS, 4096, 1, mapped_by=(DB,)), V2, (RESTART,)),
        (Pin(PinKind.ANONYMOUS, 4096, 1, mapped_by=(DB,)), SWAPPING, (RECLAIM, RESTART)),
        (Pin(PinKind.SWAP, 4096, 1), SWAPPING, (RESTART,)),
        # Locked, and of which file was not seen.
        (Pin(PinKind.OTHER, 4096, 1, mlocked_bytes=4096), V2, (RESTART,)),
        (Pin(PinKind.WRITEBACK, 0, 1, "/dev/vda", "8:1"), V2, (RECLAIM, DROP)),
        *(
            (Pin(kind, 0, 1, held_by=(APP,)), V2, (RESTART,))
            for kind in (PinKind.SOCKET, PinKind.WATCH, PinKind.PROCESS)
        ),
    ],
)
def test_each_kind_of_pin_has_its_ways(pin: Pin, support: Support, rungs: tuple[Rung, ...]) -> None:
    """Which rungs may free a pin, the least invasive first, as kernel-notes/recovery.md measured it."""
    assert ways(pin, support) == rungs


def test_the_top_of_v1_cannot_be_reclaimed() -> None:
    """A cgroup right below the top of v1 has no living ancestor that can be emptied, and the gap says so."""
    found = plan(dying(1, METADATA, path="/a"), support=V1)
    assert found.groups == (
        Group("/", None, 4096, (Demand(1, frozenset({(DROP,)}), pages=True, references=0, bytes=4096),)),
    )
    assert [step.rung for step in found.steps] == [DROP, DROP]
    assert found.gaps == (Gap("reclaim at /", "the top of this hierarchy cannot be reclaimed from"),)


def test_a_log_that_two_groups_share_is_one_step() -> None:
    """Groups come by ancestor and unit, the largest first; a file is one step whoever it holds."""
    other = dying(3, LOG, replace(METADATA, dirty_bytes=4096), path="/s/b.service")
    found = plan(dying(1, replace(LOG, dirty_bytes=1000)), dying(2, LOG), other)
    log = frozenset({(FADVISE, RECLAIM, DROP)})
    assert found.groups == (
        Group(
            "/s",
            "app.service",
            8192,
            tuple(Demand(each, log, pages=True, references=0, bytes=4096) for each in (1, 2)),
        ),
        Group("/s", "b.service", 8192, (Demand(3, log | {(RECLAIM, DROP)}, pages=True, references=0, bytes=8192),)),
    )
    assert found.gaps == ()
    assert found.steps == (
        Step(
            FADVISE,
            "drop the cache of /var/log/app.log",
            "1.0 kB of it written to disk first; it is read from disk again when it is needed",
            (1, 2, 3),
            replace(LOG, bytes=3 * 4096, folios=3, dirty_bytes=1000),
        ),
        # Metadata is no file of a rung below, and dirty it stays.
        Step(
            RECLAIM,
            "write to the disks what is not yet on them",
            "all that is dirty on this host is written now",
            (3,),
            syncs=True,
        ),
        Step(
            RECLAIM,
            "reclaim at most 34 MB below /s",
            "live cgroups there lose caches that they have not used of late",
            (1, 2, 3),
            place="/s",
            file="/cg/s/memory.reclaim",
            texts=(str(16 * MIB),) * 2,
        ),
        Step(
            DROP,
            "drop the page cache of the whole host",
            "every service on this host reads its files from disk again",
            (1, 2, 3),
            file=DROP_CACHES,
            texts=("1",),
        ),
        Step(
            DROP,
            "drop its caches of names and inodes",
            "names and inodes of the whole host are looked up again",
            (1, 2, 3),
            file=DROP_CACHES,
            texts=("2",),
        ),
    )


def test_what_reclaim_cannot_free_is_not_asked_for() -> None:
    """Without swap neither memory of a process nor a locked page comes back; caches of what lives would instead."""
    anonymous = Pin(PinKind.ANONYMOUS, 640 * MIB, 1, mapped_by=(DB,))
    locked = replace(LOG, bytes=640 * MIB, mlocked_bytes=640 * MIB)
    cgroups = (dying(1, METADATA, anonymous), dying(2, METADATA, locked))
    (step,) = [step for step in plan(*cgroups).steps if step.texts and step.rung == RECLAIM]
    assert (step.cgroups, step.texts) == ((1, 2), (str(16 * MIB),) * 2)
    (step,) = [step for step in plan(*cgroups, support=SWAPPING).steps if step.texts and step.rung == RECLAIM]
    assert step.texts == (str(16 * MIB),) * 42


def test_v1_is_emptied_whole_and_swap_is_a_cost_of_v2() -> None:
    """force_empty knows no amount; with swap memory.reclaim may swap out what lives."""
    (step,) = [step for step in plan(dying(1, METADATA), support=V1).steps if step.file and step.rung == RECLAIM]
    assert (step.what, step.cost, step.file, step.texts) == (
        "reclaim all that is not in use below /s",
        "live cgroups there lose their caches too, and read them from disk again",
        "/cg/s/memory.force_empty",
        ("0",),
    )
    (step,) = [step for step in plan(dying(1, METADATA), support=SWAPPING).steps if step.texts and step.rung == RECLAIM]
    assert (
        step.cost == "live cgroups there lose caches that they have not used of late, and may have memory swapped out"
    )
    top = plan(dying(1, METADATA, path="/a")).steps
    assert [step.file for step in top if step.rung == RECLAIM] == [None, "/cg/memory.reclaim"]


@pytest.mark.parametrize(
    ("pin", "what", "obstacle"),
    [
        (replace(LOG, mapped_by=(DB,)), "/var/log/app.log", "mapped by db (pid 80): pages that they have mapped stay"),
        (
            replace(LOG, bytes=8192, mlocked_bytes=4096),
            "/var/log/app.log",
            "4.1 kB of it are locked in memory and stay",
        ),
        (replace(LOG, unlinked=True, held_by=(APP,)), "/var/log/app.log (deleted)", None),
        (replace(LOG, path=None, unlinked=True, held_by=(APP,)), "a deleted file (inode 7 of device 8:1)", None),
        (replace(LOG, path="/a\nb\udcff"), "/a\nb\udcff", None),
    ],
)
def test_what_keeps_a_cache_is_said(pin: Pin, what: str, obstacle: str | None) -> None:
    """A page that is mapped or locked is not dropped with the rest; a deleted file goes by its old name or inode."""
    (step,) = [step for step in plan(dying(1, pin)).steps if step.rung == FADVISE]
    assert (step.what, step.obstacle) == (f"drop the cache of {what}", obstacle)


def test_a_file_that_is_locked_whole_is_not_tried() -> None:
    """None of its pages could be dropped; whoever locked it is not known here."""
    steps = plan(dying(1, replace(LOG, mlocked_bytes=4096))).steps
    assert [(step.rung, step.what) for step in steps] == [(RESTART, "restart what keeps /var/log/app.log")]


def test_objects_in_memory_are_named_with_their_command() -> None:
    """A tmpfs file by its quoted path, a segment by its id, a memfd by who has it open; none of them is removed."""
    segment = Pin(PinKind.SYSV, 8192, 2, "SYSV0000002a", "0:1", 32769)
    odd = replace(TMPFS, path="/run/a\nb", inode=10)
    found = plan(dying(1, TMPFS, MEMFD), dying(2, TMPFS), dying(3, segment), dying(4, odd))
    cost = "what is in it is lost, and whoever uses it must be done with it"
    both = replace(TMPFS, bytes=8192, folios=2)
    assert found.steps == (
        Step(REMOVE, "remove /run/it's", cost, (1, 2), both, command="rm -- '/run/it'\"'\"'s'"),
        Step(
            REMOVE,
            "let go of memfd:x (deleted)",
            cost,
            (1,),
            MEMFD,
            processes=(APP,),
            obstacle="stays until app (pid 70, fd 3) let go of it",
        ),
        Step(REMOVE, "remove the shared memory segment 32769", cost, (3,), segment, command="ipcrm -m 32769"),
        # A name that a terminal would not show is not offered to be typed.
        Step(REMOVE, "remove /run/a\nb", cost, (4,), odd),
        Step(
            RESTART,
            "restart app (pid 70): it keeps memfd:x (deleted)",
            "its work is interrupted",
            (1,),
            processes=(Holder(70, "app"),),
        ),
    )


def test_a_process_is_restarted_once_for_all_that_it_keeps() -> None:
    """Its descriptors and mappings are one step, with the number of things and of cgroups."""
    held = replace(MEMFD, inode=12, held_by=(replace(APP, descriptor=4),))
    steps = plan(dying(1, MEMFD), dying(2, held), dying(3, replace(LOG, mapped_by=(DB,))), dying(4, held)).steps
    restarts = [(step.what, step.cgroups) for step in steps if step.rung == RESTART]
    assert restarts == [
        ("restart app (pid 70): it keeps memfd:x (deleted)", (1, 2, 4)),
        ("restart db (pid 80): it keeps /var/log/app.log", (3,)),
    ]
    more = plan(dying(1, MEMFD), dying(2, replace(held, path="memfd:y"))).steps
    assert more[-1].what == "restart app (pid 70): it keeps memfd:x (deleted) and 1 more"


def test_kinds_without_a_name_are_called_by_their_kind() -> None:
    """Memory that is no file at all, and a file that is out of sight."""
    pins = (Pin(PinKind.ANONYMOUS, 4096, 1), replace(LOG, path=None, mlocked_bytes=1))
    steps = plan(dying(1, *pins), support=POOR).steps
    assert [(step.what, step.cgroups) for step in steps] == [
        ("restart what keeps anonymous memory", (1,)),
        ("restart what keeps a file without a path here (inode 7 of device 8:1)", (1,)),
    ]


PARENT, ENDED = Holder(70, "supervisor"), Holder(81, "worker")
UNREAPED = Pin(PinKind.PROCESS, 0, 1, held_by=(ENDED, PARENT))


def test_a_bare_reference_is_whose_it_was_seen_to_be() -> None:
    """A socket and a watch name who has them, an ended process who has to collect it; the rest nobody was seen to."""
    socket, watch = Pin(PinKind.SOCKET, 0, 1, held_by=(APP,)), Pin(PinKind.WATCH, 0, 1, held_by=(DB,))
    found = plan(
        dying(1, UNREAPED, unexplained=1),
        dying(2, UNREAPED, unexplained=3, path="/s/b"),
        dying(3, socket, watch, unexplained=2),
    )
    assert {each.id: each for group in found.groups for each in group.demands} == {
        1: Demand(1, frozenset({(RESTART,)}), pages=False, references=0),
        2: Demand(2, frozenset({(RESTART,), (WAIT, RECLAIM, RESTART, DROP)}), pages=False, references=2),
        3: Demand(3, frozenset({(RESTART,)}), pages=False, references=0),
    }
    cost = "its work is interrupted"
    collect = "let supervisor (pid 70) collect its child worker (pid 81), which has ended, or restart it"
    assert [step for step in found.steps if step.rung == RESTART] == [
        Step(RESTART, collect, cost, (1, 2), processes=(PARENT,)),
        Step(RESTART, "restart app (pid 70): it keeps a socket", cost, (3,), processes=(Holder(70, "app"),)),
        Step(
            RESTART,
            "restart db (pid 80): it keeps an inotify or fanotify group",
            cost,
            (3,),
            processes=(DB,),
        ),
        Step(RESTART, "restart who took an open descriptor out of them; who that is was not seen", cost, (2,)),
    ]
    lost = plan(dying(1, replace(UNREAPED, held_by=(ENDED,)), unexplained=1)).steps
    assert [step.what for step in lost if step.rung == RESTART] == [
        "restart worker (pid 81): it keeps an unreaped process"
    ]


def test_a_writeback_structure_goes_with_its_inode() -> None:
    """Dropping the file's pages is not enough (v2): the rung above takes the inode, once it is written."""
    structure = Pin(PinKind.WRITEBACK, 0, 1, "/dev/vda", "8:1")
    found = plan(dying(1, LOG, structure))
    assert found.groups[0].demands == (
        Demand(1, frozenset({(FADVISE, RECLAIM, DROP), (RECLAIM, DROP)}), pages=True, references=0, bytes=4096),
    )
    assert [(step.rung, step.syncs) for step in found.steps] == [
        (FADVISE, False),
        (RECLAIM, True),
        (RECLAIM, False),
        (DROP, False),
        (DROP, False),
    ]
    assert plan(dying(1, structure)).groups[0].demands[0].pages


def test_what_nothing_holds_is_waited_for() -> None:
    """Neither page nor reference: it is on its way out, or held by what was not seen."""
    seen = dying(1)
    found = plan(seen, replace(seen, id=2, complete=False, unexplained_references=None), support=POOR)
    assert found.groups[0].demands == (
        Demand(1, frozenset({(WAIT,)}), pages=False, references=0),
        Demand(2, frozenset({(WAIT,)}), pages=True, references=None),
    )
    assert found.steps == (Step(WAIT, "wait 2 seconds for what is being freed just now", "", (1, 2)),)
    assert found.gaps == (
        Gap(
            "reclaim at a living cgroup",
            "this kernel has neither memory.reclaim nor memory.force_empty",
            "Linux 5.19 or newer has memory.reclaim on cgroup v2",
        ),
        Gap("drop-caches", f"{DROP_CACHES} may not be written here", "run as root on the host itself"),
    )


def test_a_dying_parent_waits_for_its_children() -> None:
    """It has the ways of the children below it; of two that had its path, the one that was there when they began."""
    parents = (dying(1, path="/s/a", serial=1), dying(2, path="/s/a", serial=5))
    early, late = dying(3, LOG, path="/s/a/b/c", serial=3), dying(4, TMPFS, path="/s/a/d", serial=9)
    (group, *_), support = plan(*parents, early, late).groups, {(WAIT, RECLAIM, DROP)}
    found = {each.id: each.ways for each in group.demands}
    assert found == {
        1: frozenset({*support, (FADVISE, RECLAIM, DROP)}),
        2: frozenset({*support, (REMOVE,)}),
        3: frozenset({(FADVISE, RECLAIM, DROP)}),
        4: frozenset({(REMOVE,)}),
    }


@pytest.mark.parametrize(
    ("path", "target", "within"),
    [
        ("/s/a", None, True),
        ("/s/a", "/", True),
        ("/s/a", "/s", True),
        ("/s/a", "/s/a", True),
        ("/s/ab", "/s/a", False),
        ("/s", "/s/a", False),
    ],
)
def test_a_target_is_a_whole_part_of_a_path(path: str, target: str | None, *, within: bool) -> None:
    """A target takes in what lies below it, and no sibling whose name begins alike."""
    assert is_within(path, target) is within


def test_target_and_ids_limit_the_plan() -> None:
    """Only what lies below the target, and only those that were there at first, are planned for."""
    cgroups = (dying(1, LOG), dying(2, LOG), dying(3, LOG, path="/s/b"))
    limited = plan_recovery(Census("bpf", 5, cgroups), (), V2, target="/s/app.service", only=frozenset({2, 3}))
    assert [each.id for group in limited.groups for each in group.demands] == [2]
    assert {step.cgroups for step in limited.steps} == {(2,)}
    assert plan(*cgroups, target="/else") == Plan((), ())


def test_without_names_only_ancestors_can_be_acted_on() -> None:
    """Residual charges give an amount below a living cgroup: reclaim there and drop-caches, and the gap says why."""
    held = tuple(CensusGroup(path, None, 0, 40 * MIB, ()) for path in ("/s", "/"))
    census = Census("residual charge", 5, ())
    why = "without the names of the dying cgroups only reclaim at a living one and drop-caches can be offered"
    found = plan_recovery(census, held, V1)
    assert found.groups == (Group("/s", None, 40 * MIB, ()), Group("/", None, 40 * MIB, ()))
    assert [(step.rung, step.file, step.texts) for step in found.steps] == [
        (RECLAIM, "/cg/s/memory.force_empty", ("0",)),
        (DROP, DROP_CACHES, ("1",)),
        (DROP, DROP_CACHES, ("2",)),
    ]
    assert [gap.what for gap in found.gaps] == ["which files to act on", "reclaim at /"]
    assert found.gaps[0].why == why
    limited = plan_recovery(census, held, replace(V2, drops_caches=False), target="/s")
    assert [(step.file, len(step.texts)) for step in limited.steps] == [("/cg/s/memory.reclaim", 4)]
    assert plan_recovery(census, (), V2) == Plan((), ())
