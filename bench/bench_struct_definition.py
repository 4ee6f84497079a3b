"""How long it takes to define 40 record types, as dataclasses and as msgspec Structs (docs/decisions/0002).

Each run is a process of its own, with click imported first, as in the program. Compiling is left out: a
module is compiled once, but its classes are made at every start.
"""

import subprocess
import sys

TYPES = 40
RUNS = 20
FIELDS = "\n".join(f"    field_{number}: int | None = None" for number in range(8))
DATACLASSES = "\n".join(
    f"@dataclass(frozen=True, slots=True)\nclass Record{number}:\n{FIELDS}" for number in range(TYPES)
)
STRUCTS = "\n".join(f"class Record{number}(Struct, frozen=True):\n{FIELDS}" for number in range(TYPES))
PROGRAM = """
import click, sys, time
definitions = compile(sys.argv[2], "definitions", "exec")
start = time.perf_counter()
exec(sys.argv[1])
imported = time.perf_counter()
exec(definitions)
print(imported - start, time.perf_counter() - imported)
"""


def best_milliseconds(statement: str, definitions: str) -> tuple[float, float]:
    """Give the time of an import statement and that of the definitions, each the best of several runs."""
    command = [sys.executable, "-I", "-c", PROGRAM, statement, definitions]
    runs = [subprocess.check_output(command, text=True).split() for _ in range(RUNS)]  # noqa: S603, PROGRAM
    imports, classes = zip(*runs, strict=True)
    return min(map(float, imports)) * 1000, min(map(float, classes)) * 1000


def main() -> None:
    """Print the times and the ratio of their sums."""
    dataclasses = best_milliseconds("from dataclasses import dataclass", DATACLASSES)
    structs = best_milliseconds("from msgspec import Struct", STRUCTS)
    print(f"{TYPES} frozen types of 8 fields      import   define      sum")
    for title, times in (("dataclasses with slots", dataclasses), ("msgspec Structs", structs)):
        print(f"{title:28} {times[0]:6.1f} ms {times[1]:5.1f} ms {sum(times):5.1f} ms")
    print(f"ratio: define {dataclasses[1] / structs[1]:.1f}, sum {sum(dataclasses) / sum(structs):.1f}")


if __name__ == "__main__":
    main()
