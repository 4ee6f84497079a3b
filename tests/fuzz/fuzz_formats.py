"""Fuzz the parsers: whatever a file holds gives a value or a ParseError, never another exception.

``python -m tests.fuzz.fuzz_formats`` lists the formats, ``… FORMAT -runs=1000000`` fuzzes one and
``… -runs=1000000`` each in turn, from the example in its docstring on. ``number_of_executed_units`` at the end
says how many inputs a parser was fed. Other options are libFuzzer's. What it finds stays in tests/fuzz/corpus/.
"""

import subprocess
import sys
from pathlib import Path

# Started by its path instead of -m, Python would look for modules beside this file only.
TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

import atheris  # noqa: E402  behind the path, as the next one

from tests.house.test_format_docs import FORMATS, example, parser  # noqa: E402

CORPUS = TOP / "tests" / "fuzz" / "corpus"
OPTIONS = (
    # A parser is done in microseconds; one that takes seconds could be stopped by a small file.
    "-timeout=5",
    "-print_final_stats=1",
)
# Pieces that are not in the examples: what Python takes for digits, spaces or ends of lines and the kernel does not.
PIECES = (
    "-1",
    "+1",
    "1_0",
    "18446744073709551616",
    "\u0661",
    "\u00b2",
    "\u00a0",
    "\x0c",
    "\u2028",
    "\\040",
    " (deleted)",
)


def main() -> int:
    """List the formats, fuzz the one that is named, or each in a process of its own."""
    formats = {module.name.removeprefix("unreclaim.formats."): module for module in FORMATS}
    if len(sys.argv) == 1:
        sys.stdout.writelines(f"{name}\n" for name in formats)
        return 0
    name, *options = sys.argv[1:]
    if name.startswith("-"):
        return max(_start(other, sys.argv[1:]) for other in formats)
    module = formats[name]
    # Only what is imported anew is instrumented, and that is how the fuzzer finds its way.
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("tomllib")]:
        del sys.modules[loaded]
    with atheris.instrument_imports(include=["unreclaim.formats", "tomllib"]):
        parse = parser(module)
    # Not before the parser, which is instrumented only when it is imported first.
    from tests.fuzz.promise import keeps_promise  # noqa: PLC0415

    def feed(data: bytes) -> None:
        # As room host decodes what it reads.
        keeps_promise(parse, data.decode("utf-8", "surrogateescape"))

    text = example(module)
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "example").write_bytes(text.encode("utf-8", "surrogateescape"))
    words = CORPUS / f"{name}.dict"
    words.write_text("".join(map(_entry, sorted({*PIECES, *text.split()}))), encoding="ascii")
    given = [*OPTIONS, f"-dict={words}", f"-artifact_prefix={CORPUS / name}-", *options]
    atheris.Setup([sys.argv[0], *given, str(corpus)], feed)
    # Ends this process.
    atheris.Fuzz()
    return 0


def _start(name: str, options: list[str]) -> int:
    sys.stderr.write(f"== {name}\n")
    return subprocess.call([sys.executable, __file__, name, *options])


def _entry(word: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogateescape")) + '"\n'


if __name__ == "__main__":
    sys.exit(main())
