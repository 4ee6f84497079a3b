"""A census as text and JSON: groups by default, each cgroup on request, and what was not seen."""

import json

from msgspec.structs import replace

from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.dying import Count
from unreclaim.model.gap import Gap
from unreclaim.render.as_json import encode
from unreclaim.render.census import census_document, census_text

COUNT = Count("memory", 40, 23, "cgroup.stat: nr_dying_subsys_memory", None, 23, 23)
LOG = Pin(PinKind.PAGE_CACHE, 94_208, 23, "/var/log/app.log", "8:1", 7, 4096)
HELD = Pin(
    PinKind.MEMFD,
    4096,
    1,
    "memfd:x",
    "0:1",
    9,
    unlinked=True,
    held_by=(Holder(1, "app", 3),),
    mapped_by=(Holder(2, "db"),),
    mlocked_bytes=4096,
)
METADATA = Pin(PinKind.METADATA, 4096, 1, device="8:1")
CGROUP = DyingCgroup(5, "a.service", "/s/a.service", "/s", 3, 8192, 4096, 0, 3, 1, (LOG, HELD))
LOST = DyingCgroup(6, "b", "/s/b", "/s", 4, 0, 0, 0, None, None, (), complete=False)
CENSUS = Census("bpf", 40, (CGROUP, LOST))
GROUP = CensusGroup("/s", "a.service", 23, 188_416, ((LOG, 23), (HELD, 1)), 1)
GAP = Gap("some pins", "2 lists of pages changed while they were walked", "run census again")


def test_groups_are_written_with_their_first_pins() -> None:
    """A group's number, place and unit come first, then who shares what, then what is no page, then the gaps."""
    assert census_text(CENSUS, (GROUP,), COUNT, (GAP,), each=False).splitlines() == [
        "2 memory cgroups are dying: removed, but not yet freed by the kernel",
        "",
        "23 below /s, of a.service, 188 kB",
        "  23 of them by page cache /var/log/app.log (94 kB, 4.1 kB of it not yet written)",
        "  1 of them by memfd:x (4.1 kB, 4.1 kB of it locked in memory, deleted, held by app (pid 1, fd 3),",
        "    mapped by db (pid 2))",
        "  1 of them by a reference that is no page",
        "",
        "Not seen",
        "  some pins: 2 lists of pages changed while they were walked; run census again",
    ]


def test_many_groups_are_cut_short() -> None:
    """Twenty groups are written, and what the rest comes to."""
    groups = tuple(CensusGroup("/", f"{number}.service", 2, 4096, ()) for number in range(23))
    assert census_text(CENSUS, groups[:21], COUNT, (), each=False).splitlines()[-1] == (
        "and 2 more in 1 smaller group (--json has all)"
    )
    lines = census_text(CENSUS, groups, COUNT, (), each=False).splitlines()
    assert lines[-3:] == [
        "2 below /, of 19.service, 4.1 kB",
        "",
        "and 6 more in 3 smaller groups (--json has all)",
    ]


def test_many_pins_are_cut_short() -> None:
    """Of many pins only the first are written out, and the rest is a number."""
    group = CensusGroup("/", None, 9, 36_864, tuple((METADATA, 1) for _ in range(9)))
    lines = census_text(CENSUS, (group,), COUNT, (), each=False).splitlines()
    assert lines[2:] == [
        "9 below /, 37 kB",
        *(["  1 of them by filesystem metadata device 8:1 (4.1 kB)"] * 4),
        "  and by 5 more",
    ]


def test_each_cgroup_is_written_with_its_references() -> None:
    """On request every cgroup comes by its path, with its pins and the references that are no page."""
    assert census_text(CENSUS, (GROUP,), COUNT, (), each=True).splitlines()[2:] == [
        "/s/a.service  (id 5, 8.2 kB, 3 references)",
        "  by page cache /var/log/app.log (94 kB, 4.1 kB of it not yet written)",
        "  by memfd:x (4.1 kB, 4.1 kB of it locked in memory, deleted, held by app (pid 1, fd 3), mapped by",
        "    db (pid 2))",
        "  by 1 reference that is no page",
        "",
        "/s/b  (id 6, 0 B, unknown references)",
    ]


def test_a_bare_reference_is_written_by_who_has_it() -> None:
    """No bytes are written where none are charged: a process is waited for, a socket closed; the journal is named."""
    pins = (
        Pin(PinKind.PROCESS, 0, 1, held_by=(Holder(7, "worker"), Holder(1, "init"))),
        Pin(PinKind.SOCKET, 0, 1, held_by=(Holder(2, "db", 5),)),
        Pin(PinKind.WRITEBACK, 0, 1, "/dev/sda", "8:0"),
    )
    cgroup = DyingCgroup(5, "a", "/s/a", "/s", 3, 0, 0, 0, 3, 2, pins, invocation_id="0f" * 16)
    lines = census_text(Census("bpf", 4, (cgroup,), lru_reparenting=True), (), COUNT, (), each=True).splitlines()
    assert lines == [
        "1 memory cgroup is dying: removed, but not yet freed by the kernel",
        "this kernel gives their page cache to the parent, so what holds them is something else",
        "",
        "/s/a  (id 5, 0 B, 3 references)",
        f"  journalctl _SYSTEMD_INVOCATION_ID={'0f' * 16}",
        "  by unreaped process worker (pid 7), for init (pid 1) to wait for",
        "  by socket of db (pid 2, fd 5)",
        "  by writeback structure /dev/sda",
    ]


def test_without_bpf_the_kernels_count_and_the_residues_are_all_there_is() -> None:
    """Residual charge knows bytes below an ancestor and no names; the number is the kernel's, or unknown."""
    census = Census("residual charge", 40, (), (GAP,))
    group = CensusGroup("/s", None, None, 8192, ((Pin(PinKind.TMPFS, 8192, 0), 0),), relation="about")
    assert census_text(census, (group,), COUNT, (), each=False).splitlines() == [
        "23 memory cgroups are dying: removed, but not yet freed by the kernel",
        "",
        "below /s: about 8.2 kB held by dying cgroups",
        "  8.2 kB tmpfs",
    ]
    unknown = census_text(census, (), None, (Gap("x", "y"),), each=False).splitlines()
    assert unknown[0].startswith("an unknown number of memory cgroups")
    assert unknown[-1] == "  x: y"


def test_where_nothing_could_be_looked_at_there_is_the_kernels_count() -> None:
    """What holds them is not their page cache; where none is dying, nothing is said of what holds them."""
    census = Census("none", 40, (), lru_reparenting=True)
    assert census_text(census, (), COUNT, (), each=False).splitlines() == [
        "23 memory cgroups are dying: removed, but not yet freed by the kernel",
        "this kernel gives their page cache to the parent, so what holds them is something else",
    ]
    nothing = census_text(census, (), replace(COUNT, dying=0), (), each=False)
    assert nothing == "0 memory cgroups are dying: removed, but not yet freed by the kernel\n"


def test_a_page_scan_tells_kinds_and_how_sure_it_is() -> None:
    """Bytes by kind, with what of it is dirty, mapped and locked; a bound says so and what is exact says nothing."""
    census = Census("page scan", 40, (), ())
    pins = (
        (Pin(PinKind.PAGE_CACHE, 12_288, 3, dirty_bytes=4096, mlocked_bytes=4096, mapped_bytes=8192), 0),
        (Pin(PinKind.TMPFS, 8192, 2, mapped_bytes=0), 0),
    )
    group = CensusGroup("/s", None, None, 20_480, pins)
    bound = CensusGroup("/t", None, None, 8192, pins[1:], relation="at most")
    assert census_text(census, (group, bound), COUNT, (), each=False).splitlines()[1:] == [
        "",
        "below /s: 20 kB held by dying cgroups",
        "  12 kB page cache, 4.1 kB of it not yet written, 8.2 kB of it mapped, 4.1 kB of it locked in memory",
        "  8.2 kB tmpfs",
        "",
        "below /t: at most 8.2 kB held by dying cgroups",
        "  8.2 kB tmpfs",
    ]
    document = json.loads(encode(census_document(census, (group, bound), COUNT, (), each=False)))
    assert [(group["nr_dying"], group["relation"]) for group in document["groups"]] == [
        (None, "exact"),
        (None, "at most"),
    ]
    assert [pin["mapped_bytes"] for pin in document["groups"][0]["pins"]] == [8192, 0]


def test_the_json_has_the_contracts_keys() -> None:
    """The document has schema, backend, counts, groups and gaps; each dying cgroup on request."""
    document = json.loads(encode(census_document(CENSUS, (GROUP,), COUNT, (GAP,), each=True)))
    assert set(document) == {"schema", "backend", "lru_reparenting", "counts", "groups", "dying", "gaps"}
    assert document["schema"] == "unreclaim.census/1"
    assert document["counts"] == {"live": 40, "dying": 2, "kernel_dying": 23, "kernel_source": COUNT.source}
    assert document["groups"][0]["pins"][0]["nr_cgroups"] == 23
    assert document["dying"][0]["pins"][1]["held_by"] == [{"pid": 1, "name": "app", "descriptor": 3}]
    short = census_document(Census("residual charge", None, ()), (), None, (), each=False)
    assert "dying" not in short
    assert short["counts"] == {"live": None, "dying": None, "kernel_dying": None, "kernel_source": None}
    counted = census_document(Census("residual charge", None, ()), (), COUNT, (), each=False)
    assert counted["counts"] == {"live": None, "dying": 23, "kernel_dying": 23, "kernel_source": COUNT.source}
