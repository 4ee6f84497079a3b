"""docs/json.md is the output contract: it names every key that is written, and no other, with the right type."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import inspect as types
from msgspec.structs import replace

from scripts.json_contract import CONTRACT
from scripts.json_key import Key
from tests.house.captured import diagnose_captured_hosts
from tests.house.source import TOP
from unreclaim.cli.main import cli
from unreclaim.formats.meminfo import NAMES
from unreclaim.lab.card import card_document
from unreclaim.lab.report import ReportCard
from unreclaim.lab.unit_report import UnitCard
from unreclaim.model.census import Census, CensusGroup, DyingCgroup, Holder, Pin, PinKind
from unreclaim.model.churn import Churn
from unreclaim.model.diagnosis import Diagnosis
from unreclaim.model.dying import Count
from unreclaim.model.gap import Gap
from unreclaim.model.lab import Comparison, Reproduction
from unreclaim.model.lint import LintReport
from unreclaim.model.plan import Application, Plan, Undone, UnitWatch
from unreclaim.model.recovery import Recovery
from unreclaim.model.units import UnitSurvey
from unreclaim.render.as_json import diagnosis_document, encode, status_document
from unreclaim.render.census import census_document
from unreclaim.render.lab import clean_document, comparison_document, reproduction_document
from unreclaim.render.lint import lint_document
from unreclaim.render.plan import application_document, plan_document, undone_document
from unreclaim.render.recovery import recovery_document
from unreclaim.render.trace import churn_document
from unreclaim.render.units import units_document

KINDS = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
}
PLAIN = {types.BoolType: True, types.IntType: 7, types.FloatType: 0.5, types.StrType: "bytes"}
LAB_DOCUMENTS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (Reproduction, reproduction_document),
    (Comparison, comparison_document),
    (ReportCard, card_document),
    (UnitCard, card_document),
)
"""What each experiment of lab finds, and what makes its document."""
Seen = dict[str, set[str]]


def walk(value: object, known: Iterable[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Give each key path of a document, in the contract's notation, with the kind of its value."""
    # Of a list of records the contract names the records' keys alone.
    if path and not (path.endswith("[]") and isinstance(value, dict)):
        yield path, KINDS[type(value)]
    if isinstance(value, list):
        for item in value:
            yield from walk(item, known, f"{path}[]")
    if isinstance(value, dict):
        below = f"{path}." if path else ""
        names = {name.removeprefix(below) for name in known if name.startswith(below)}
        wildcard = next((name for name in sorted(names) if re.fullmatch(r"<\w+>", name)), None)
        for key, item in value.items():
            yield from walk(item, known, below + (key if key in names or wildcard is None else wildcard))


def written(keys: Iterable[Key], documents: Iterable[object]) -> Seen:
    """Give the kinds of value that documents have under each key path, as a reader of the JSON text gets them."""
    seen: Seen = {}
    for document in documents:
        for path, kind in walk(json.loads(encode(document)), [key.path for key in keys]):
            seen.setdefault(path, set()).add(kind)
    return seen


def undocumented(keys: Iterable[Key], seen: Seen) -> Iterator[str]:
    """Name each key that was written and that the contract lacks, or has with other types."""
    contract = {key.path: set(key.type.split(" or ")) for key in keys}
    for path, kinds in sorted(seen.items()):
        allowed = contract.get(path, set())
        # JSON has one kind of number: a whole one is no less a number.
        beyond = kinds - allowed - ({"integer"} if "number" in allowed else set())
        if beyond:
            yield f"{path} may be {', '.join(sorted(beyond))}, which is not documented"


def never_written(keys: Iterable[Key], seen: Seen) -> Iterator[str]:
    """Name each key of the contract, and each type of it, that no document has."""
    for key in keys:
        kinds = seen.get(key.path, set())
        for kind in key.type.split(" or "):
            if kind not in kinds and not (kind == "number" and "integer" in kinds):
                yield f"{key.path} is never {kind}"


def invent(kind: types.Type, without: frozenset[type], name: str = "") -> object:  # noqa: PLR0911, a case a type
    """Make a value of a type with everything in it; every sequence and mapping has one entry.

    Of what may be None, `without` names what is: plain values (object) or records and sequences (tuple); and whether
    a mapping lacks the controller that the renderer asks for (dict).
    """
    match kind:
        case types.UnionType(types=choices):
            choice = next(one for one in choices if not isinstance(one, types.NoneType))
            left_out = (object if type(choice) in PLAIN else tuple) in without
            return None if left_out else invent(choice, without, name)
        case types.StructType(cls=record, fields=fields):
            return record(**{field.name: invent(field.type, without, field.name) for field in fields})
        case types.VarTupleType(item_type=item):
            return (invent(item, without),)
        case types.DictType(value_type=item):
            return {key: invent(item, without) for key in _names(name, without)}
        case types.EnumType(cls=enum):
            return next(iter(enum))
        case types.TupleType(item_types=items):
            return tuple(invent(item, without) for item in items)
        case _:
            return PLAIN[type(kind)]


def _names(mapping: str, without: frozenset[type]) -> Iterable[str]:
    # The figures of meminfo are called as they are called; of other mappings any name will do.
    return NAMES.values() if mapping == "values" else ["other" if dict in without else "memory"]


def invented_diagnoses() -> Iterator[Diagnosis]:
    """Give a diagnosis with everything in it, and such in which what may be None is None."""
    for without in ((), (object,), (tuple,), (object, tuple), (dict,)):
        made = invent(types.type_info(Diagnosis), frozenset(without))
        assert isinstance(made, Diagnosis)
        yield made
        if made.last.meminfo is not None:
            # A kernel that prints only the one line that all have.
            meminfo = replace(made.last.meminfo, values={"mem_total_bytes": 7})
            yield replace(made, last=replace(made.last, meminfo=meminfo))


def test_json_of_diagnose_is_documented() -> None:
    """What diagnose --json writes, of captured hosts and of invented ones with everything, is exactly the contract."""
    keys = CONTRACT["diagnose"]
    diagnoses = (*diagnose_captured_hosts(), *invented_diagnoses())
    seen = written(keys, [diagnosis_document(one) for one in diagnoses])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_status_is_documented() -> None:
    """What status --json writes is exactly the contract."""
    keys = CONTRACT["status"]
    diagnoses = (*diagnose_captured_hosts(), *invented_diagnoses())
    seen = written(keys, [status_document(one, 0) for one in diagnoses])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_capture_is_documented(tmp_path: Path) -> None:
    """What capture --json writes is exactly the contract, but that each gap of a capture has a remedy."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 1024 kB\n", encoding="utf-8")
    arguments = ["capture", "--json", "--root", str(tmp_path), "-o", str(tmp_path / "bundle.tar.gz")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    keys = CONTRACT["capture"]
    seen = written(keys, [json.loads(result.stdout)])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == ["gaps[].remedy is never null"]


def test_json_of_census_is_documented() -> None:
    """What census --json writes is exactly the contract: by BPF and without, with each cgroup and without."""
    holders = (Holder(1, "app", 3), Holder(2, "db"))
    file = Pin(PinKind.TMPFS, 4096, 1, "/dev/shm/x", "0:1", 7, unlinked=True, held_by=holders, mapped_by=holders)  # noqa: S108
    pins = (file, Pin(PinKind.ANONYMOUS, 4096, 1, mapped_bytes=4096))
    dying = (
        DyingCgroup(
            5,
            "a",
            f"/s/a.slice/x.service/{64 * '0'}",
            "/s",
            3,
            8192,
            0,
            0,
            2,
            0,
            pins,
            invocation_id=32 * "f",
            stirred_seconds=2.5,
        ),
        DyingCgroup(6, "b", "/s/b", "/s", 4, 0, None, 0, None, None, (), complete=False),
    )
    groups = (
        CensusGroup("/s", "a.service", 2, 8192, tuple((pin, 1) for pin in pins)),
        CensusGroup("/", None, None, 1, ((pins[1], 0),)),
    )
    gaps = (Gap("x", "y", "z"), Gap("x", "y"))
    count = Count("memory", 4, 2, "cgroup.stat")
    keys = CONTRACT["census"]
    documents = [
        census_document(Census("bpf", 4, dying, lru_reparenting=False), groups, count, gaps, each=True),
        census_document(Census("residual charge", None, ()), groups, None, gaps, each=False),
    ]
    seen = written(keys, documents)
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_reclaim_is_documented() -> None:
    """What reclaim --json writes is exactly the contract: a plan and a climb, with names of cgroups and without."""
    recoveries = []
    for without in ((), (object,), (tuple,), (object, tuple)):
        made = invent(types.type_info(Recovery), frozenset(without))
        assert isinstance(made, Recovery)
        recoveries.append(made)
    (outcome,) = recoveries[0].outcomes
    unnamed = replace(outcome, steps=(replace(outcome.steps[0], cgroups=()),))
    recoveries.append(replace(recoveries[0], outcomes=(unnamed,)))
    keys = CONTRACT["reclaim"]
    seen = written(keys, [recovery_document(one) for one in recoveries])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_lint_is_documented() -> None:
    """What lint --json writes is exactly the contract, with everything and with what is None."""
    reports = []
    for without in ((), (object,), (tuple,), (object, tuple)):
        made = invent(types.type_info(LintReport), frozenset(without))
        assert isinstance(made, LintReport)
        reports.append(made)
    keys = CONTRACT["lint"]
    seen = written(keys, [lint_document(one) for one in reports])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_units_is_documented() -> None:
    """What units --json writes is exactly the contract, with everything and with what is None."""
    surveys = [invent(types.type_info(UnitSurvey), frozenset(without)) for without in ((), (object,), (tuple,))]
    keys = CONTRACT["units"]
    documents = [units_document(one) for one in surveys if isinstance(one, UnitSurvey)]
    assert len(documents) == len(surveys)
    seen = written(keys, documents)
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_lab_is_documented() -> None:
    """What the experiments of lab write with --json is exactly the contract, with everything and with what is None."""
    documents = [
        clean_document(("/sys/fs/cgroup/memory/unreclaim-lab-1-2",)),
        *(
            document(invent(types.type_info(kind), frozenset(without)))
            for kind, document in LAB_DOCUMENTS
            for without in ((), (object,), (tuple,), (object, tuple))
        ),
    ]
    keys = CONTRACT["lab"]
    seen = written(keys, documents)
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_trace_is_documented() -> None:
    """What trace --json writes is exactly the contract: intervals and the summary, with everything and with less."""
    documents = []
    for without in ((), (object,), (tuple,), (object, tuple)):
        made = invent(types.type_info(Churn), frozenset(without))
        assert isinstance(made, Churn)
        documents.append(churn_document(made, summary=not without))
    keys = CONTRACT["trace"]
    seen = written(keys, documents)
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


def test_json_of_plan_apply_and_undo_is_documented() -> None:
    """What the three write with --json is exactly the contract: with everything, and with what may be None."""
    documents: dict[str, list[object]] = {"plan": [], "apply": [], "undo": []}
    for without in map(frozenset, ((), (object,), (tuple,), (object, tuple))):
        plan, watch = (invent(types.type_info(kind), without) for kind in (Plan, UnitWatch))
        application, undone = (invent(types.type_info(kind), without) for kind in (Application, Undone))
        assert isinstance(plan, Plan)
        assert isinstance(watch, UnitWatch)
        assert isinstance(application, Application)
        assert isinstance(undone, Undone)
        documents["plan"].append(plan_document(plan, watch))
        for made in (application, replace(application, enacted=None), replace(application, after=watch)):
            documents["apply"].append(application_document(made))
        documents["undo"].append(undone_document(undone))
    for command, written_ones in documents.items():
        keys = CONTRACT[command]
        seen = written(keys, written_ones)
        assert [*undocumented(keys, seen), *never_written(keys, seen)] == []


@pytest.mark.live
@pytest.mark.parametrize("command", [["diagnose", "--for", "0s"], ["status"]], ids=lambda command: command[0])
def test_json_of_this_host_is_documented(command: list[str]) -> None:
    """What is written of the running host holds no key and no type that is not documented."""
    keys = CONTRACT[command[0]]
    seen = written(keys, [json.loads(CliRunner().invoke(cli, [*command, "--json"]).stdout)])
    assert "verdict.state" in seen or "state" in seen
    assert list(undocumented(keys, seen)) == []


def test_each_schema_has_a_contract() -> None:
    """Every schema that the source names is a command's of the contract, and no key is told twice."""
    sources = [path.read_text(encoding="utf-8") for path in (TOP / "src").rglob("*.py")]
    schemas = {name for text in sources for name in re.findall(r"\bunreclaim\.\w+/1\b", text)} - {"unreclaim.bundle/1"}
    told = [key.meaning.strip("`") for keys in CONTRACT.values() for key in keys if key.path == "schema"]
    assert sorted(told) == sorted(schemas) == sorted(f"unreclaim.{command}/1" for command in CONTRACT)
    for keys in CONTRACT.values():
        assert len({key.path for key in keys}) == len(keys)


def test_what_the_contract_lacks_is_seen() -> None:
    """The checks name an unknown key, a key or a type that is never written, and another type, at every level."""
    keys = [
        Key("a", "integer or null", "", ""),
        Key("b", "list", "", ""),
        Key("b[].c", "number", "", ""),
        Key("d", "object", "", ""),
        Key("d.<name>", "string", "", ""),
        Key("e", "string", "", ""),
    ]
    good: dict[str, object] = {"a": None, "b": [{"c": 1}], "d": {"x.y": "z"}, "e": ""}
    seen = written(keys, [good, {**good, "a": 1}])
    assert [*undocumented(keys, seen), *never_written(keys, seen)] == []
    seen = written(keys, [{"a": 1, "b": [{"c": "1", "f": 1}, "g"], "d": {"x": None}}])
    assert list(undocumented(keys, seen)) == [
        "b[] may be string, which is not documented",
        "b[].c may be string, which is not documented",
        "b[].f may be integer, which is not documented",
        "d.<name> may be null, which is not documented",
    ]
    assert list(never_written(keys, seen)) == [
        "a is never null",
        "b[].c is never number",
        "d.<name> is never string",
        "e is never string",
    ]
