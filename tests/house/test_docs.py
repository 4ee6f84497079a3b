"""The documentation says what the code says: generated pages are current, and nothing public is left out."""

import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scripts import generate_docs
from scripts.man_pages import EXIT_STATUS, man_pages
from tests.house.captured import diagnose_captured_hosts
from tests.house.source import TOP
from unreclaim.advice import unitlint
from unreclaim.analysis import signatures
from unreclaim.base.errors import ExitCode
from unreclaim.cli.main import cli
from unreclaim.model.fields import FIELDS

DOCS = TOP / "docs"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Give a command and every one below it by the words that lead to it."""
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found |= commands(child, (*path, name))
    return found


# ── what is generated ───────────────────────────────────────────────────────────────────────────────────────────


def test_generated_pages_are_current() -> None:
    """Every generated page is as it would be written now; if not, run: just docs."""
    assert sorted(generate_docs.stale()) == []


def test_stale_missing_and_left_over_pages_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that differs, one that is not there and one that nothing generates are named, then put right."""
    shutil.copytree(DOCS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(generate_docs, "DOCS", tmp_path)
    (tmp_path / "fields.md").write_text("old", encoding="utf-8")
    (tmp_path / "json.md").unlink()
    (tmp_path / "signatures" / "S0.md").write_text("gone", encoding="utf-8")
    assert sorted(generate_docs.stale()) == ["fields.md", "json.md", "signatures/S0.md"]
    assert generate_docs.main(["--check"]) == 1
    assert generate_docs.main([]) == 0
    assert generate_docs.stale() == {}


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────

HEADINGS = [
    "What it detects",
    "Evidence and thresholds",
    "What looks like it",
    "Confirm",
    "Recover",
    "Prevent",
    "References",
]


RULE_HEADINGS = ["What it finds", "Why it matters here", "Evidence", "What to do", "References"]


def signature_problems(name: str, docstring: str) -> Iterator[str]:
    """Name what a signature's docstring lacks: its id, the headings in their order, a text below each, a reference."""
    if not re.match(rf"{name}: \S.*\.\n\n", docstring):
        yield f"{name}: the first line is not '{name}: title.'"
    yield from page_problems(name, docstring, HEADINGS)


def page_problems(name: str, docstring: str, expected: list[str]) -> Iterator[str]:
    """Name what a page lacks: the headings in their order, a text below each, a reference."""
    parts = re.split(r"^(.+)\n-{3,}$\n", docstring, flags=re.MULTILINE)
    headings, texts = parts[1::2], parts[2::2]
    if headings != expected:
        yield f"{name}: headings are {headings}"
    yield from (
        f"{name}: nothing below {heading}" for heading, text in zip(headings, texts, strict=True) if not text.strip()
    )
    if "References" in headings and not re.search(r"^- \S", texts[headings.index("References")], re.MULTILINE):
        yield f"{name}: no reference"


def test_signatures_are_documented() -> None:
    """Each signature's docstring has exactly the headings of a page, in order, and at least one reference."""
    docstrings = {
        name: inspect.getdoc(importlib.import_module(detect.__module__)) or ""
        for name, detect in signatures.SIGNATURES.items()
    }
    assert docstrings
    assert [problem for pair in docstrings.items() for problem in signature_problems(*pair)] == []


def test_each_signature_module_is_registered() -> None:
    """A module of analysis/signatures is in SIGNATURES, under the id that its name begins with."""
    registered = {detect.__module__.rpartition(".")[2]: name for name, detect in signatures.SIGNATURES.items()}
    modules = [info.name for info in pkgutil.iter_modules(signatures.__path__)]
    assert registered == {module: module.partition("_")[0].upper() for module in modules}


def test_rules_of_lint_are_documented_and_registered() -> None:
    """Each rule's docstring has exactly the headings of a page; a module is in RULES under its name with dashes."""
    modules = [info.name for info in pkgutil.iter_modules(unitlint.__path__)]
    assert sorted(module.replace("_", "-") for module in modules) == list(unitlint.RULES)
    for name, check in unitlint.RULES.items():
        assert check.__module__.rpartition(".")[2] == name.replace("-", "_")
        docstring = inspect.getdoc(importlib.import_module(check.__module__)) or ""
        assert list(page_problems(name, docstring, RULE_HEADINGS)) == []
        assert re.match(r"[A-Z].*\.\n\n", docstring)


def test_what_a_signature_lacks_is_seen() -> None:
    """The check names a missing heading, an empty text, a missing reference and a wrong title."""
    whole = "S9: sample.\n\n" + "".join(f"{heading}\n---\n- text\n\n" for heading in HEADINGS)
    assert list(signature_problems("S9", whole)) == []
    assert list(signature_problems("S8", whole)) == ["S8: the first line is not 'S8: title.'"]
    assert list(signature_problems("S9", whole.replace("Confirm\n---\n- text", "Confirm\n---"))) == [
        "S9: nothing below Confirm"
    ]
    assert list(signature_problems("S9", whole.replace("Recover\n---\n", ""))) == [
        f"S9: headings are {[heading for heading in HEADINGS if heading != 'Recover']}"
    ]
    assert list(signature_problems("S9", whole.replace("References\n---\n- ", "References\n---\n"))) == [
        "S9: no reference"
    ]


# ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_field_is_documented() -> None:
    """Every field of the catalogue has a section of its own with all that the catalogue says."""
    page = (DOCS / "fields.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == [field.id for field in FIELDS]
    for field in FIELDS:
        for text in (field.help, field.title, field.unit, field.kind, field.source, f"`{field.metric}`"):
            assert text in sections[field.id]


def test_field_ids_and_metrics_are_unique() -> None:
    """No two fields share an id or a metric."""
    assert len({field.id for field in FIELDS}) == len({field.metric for field in FIELDS}) == len(FIELDS)


def test_each_field_is_used() -> None:
    """Every field has a value on at least one captured host, and growth reports it there; growth reports no other."""
    diagnoses = diagnose_captured_hosts()
    ids = {field.id for field in FIELDS}
    assert {field.id for field in FIELDS for one in diagnoses if field.read(one.last) is not None} == ids
    assert {field for one in diagnoses for field in one.growth.rates} == ids


# ── manual pages ────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = commands(cli)
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "OVERHEAD", "CAVEATS"]
SECTIONS += ["EXAMPLES", "SEE ALSO"]
MACROS = {".TH", ".SH", ".TP", ".B", ".BR", ".PP", ".RS", ".RE", ".nf", ".fi"}
LINTERS = (["mandoc", "-Tlint", "-Wall"], ["groff", "-man", "-ww", "-Tutf8", "-z"])


def man_problems(name: str, text: str) -> Iterator[str]:
    """Name what is wrong with a manual page: its sections, an unknown macro, an empty section, a word of no ASCII."""
    sections = [section for section in re.findall(r"^\.SH (.+)$", text, re.MULTILINE) if section != "COMMANDS"]
    if sections != SECTIONS:
        yield f"{name}: sections are {sections}"
    if re.search(r"^\.SH .+\n(\.SH|\Z)", text, re.MULTILINE):
        yield f"{name}: an empty section"
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith((".", "'")) and line.split()[0] not in {*MACROS, '.\\"'}:
            yield f"{name}:{number}: no macro of ours: {line}"
        if not line.isascii():
            yield f"{name}:{number}: not ASCII"


@pytest.mark.parametrize("name", sorted(man_pages()))
def test_manual_page_is_well_formed(name: str) -> None:
    """Every manual page has its sections, and those formatters that are installed have no complaint."""
    text = man_pages()[name]
    assert list(man_problems(name, text)) == []
    for command in LINTERS:
        if shutil.which(command[0]):
            result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            assert (result.stdout + result.stderr, result.returncode) == ("", 0), command[0]


def test_what_is_wrong_with_a_manual_page_is_seen() -> None:
    """The check names missing and empty sections, lines that would be taken for requests, and other letters."""
    assert list(man_problems("x.1", ".SH NAME\n.SH SEE ALSO\n.zz\n'quoted'\nna\xefve\n")) == [
        "x.1: sections are ['NAME', 'SEE ALSO']",
        "x.1: an empty section",
        "x.1:3: no macro of ours: .zz",
        "x.1:4: no macro of ours: 'quoted'",
        "x.1:5: not ASCII",
    ]


def test_each_exit_code_is_documented() -> None:
    """The manual pages explain every exit code there is."""
    assert list(EXIT_STATUS) == list(ExitCode)


def test_each_command_has_a_manual_page() -> None:
    """There is a page for the program and one for each command, and each shows every option and an example."""
    pages = man_pages()
    assert sorted(pages) == sorted(f"{'-'.join(('unreclaim', *path))}.1" for path in PATHS)
    for path, command in PATHS.items():
        page = pages[f"{'-'.join(('unreclaim', *path))}.1"].replace("\\-", "-")
        assert [option for parameter in command.params for option in parameter.opts if option not in page] == []
        assert re.search(rf"^(sudo )?unreclaim {' '.join(path)}", page.partition(".SH EXAMPLES")[2], re.MULTILINE)


# ── kernel notes ────────────────────────────────────────────────────────────────────────────────────────────────


def missing_notes(text: str) -> list[str]:
    """Name each page below docs/ that a text refers to and that is not there."""
    return [name for name in re.findall(r"\bdocs/[\w./-]+\.(?:md|1)\b", text) if not (TOP / name).exists()]


def test_pages_that_the_source_cites_exist() -> None:
    """Every page of docs/ that a module, a benchmark or a script cites is there."""
    files = [path for room in ("src", "bench", "scripts") for path in sorted((TOP / room).rglob("*.py"))]
    cited = {path.name: text for path in files if "docs/" in (text := path.read_text(encoding="utf-8"))}
    assert cited
    assert [name for text in cited.values() for name in missing_notes(text)] == []


def test_a_page_that_is_not_there_is_seen() -> None:
    """The check names the page that is missing."""
    assert missing_notes("see docs/fields.md and docs/kernel-notes/none.md.") == ["docs/kernel-notes/none.md"]


def test_each_kernel_note_is_dated_and_says_how_it_was_measured() -> None:
    """A note names at least one kernel version and a date or a source."""
    notes = sorted((DOCS / "kernel-notes").glob("*.md"))
    assert notes
    for note in notes:
        text = note.read_text(encoding="utf-8")
        assert re.search(r"\b[4-7]\.\d+\b", text), note.name
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", text), note.name
        assert "## How it was measured" in text, note.name
