"""``python -m vmtest KERNEL...``: run tests/root and tests/live inside a virtual machine of each kernel."""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from unreclaim.base.errors import UnreclaimError
from unreclaim.lab.errors import LabError
from unreclaim.lab.image import PYTHONS, cache_directory, make_kernel, make_root
from unreclaim.lab.vm import BootError, Ended, Machine, choose_accelerator, run
from vmtest.matrix import MATRIX, PACKAGES, SYSTEMD_PACKAGES, Guest, left_out_of, tests_of
from vmtest.results import Results, document, load, read_junit, read_versions, today, together

TOP = Path(__file__).parents[1]
KEPT = TOP / "docs" / "lab"


def main(arguments: list[str]) -> int:
    """Run the kernels that are named one after the other; 1 if a test did not pass anywhere."""
    parser = argparse.ArgumentParser(prog="vmtest", description=__doc__.partition(": ")[2])
    parser.add_argument("kernels", nargs="+", metavar="KERNEL", choices=[*MATRIX, "all"], help=", ".join(MATRIX))
    parser.add_argument("--record", action="store_true", help="keep the results in docs/lab/, for the support matrix")
    parser.add_argument("--core", action="store_true", help="only the core of the tests, for CI")
    parser.add_argument(
        "--again", action="store_true", help="only tests that did not pass as docs/lab/ has it, and tell both together"
    )
    parser.add_argument("--cache-dir", help="where images are kept (~/.cache/unreclaim/lab)")
    parser.add_argument(
        "--timeout", type=float, default=3600, metavar="SECONDS", help="the longest that tests may take"
    )
    parser.add_argument("--log", default="vmtest-logs", metavar="DIR", help="where the console of a failure is kept")
    parser.add_argument("-k", dest="tests", default="", metavar="EXPRESSION", help="only these tests, as pytest has it")
    parser.add_argument("-m", dest="marks", default="", metavar="EXPRESSION", help="only tests of these markers")
    options = parser.parse_args(arguments)
    if options.record and (options.tests or options.marks):
        parser.error("--record keeps what all tests came to, or all of the core, not a part")
    if options.again and options.core:
        parser.error("--again is for what did not pass, of the core or of all")
    names = list(MATRIX) if "all" in options.kernels else options.kernels
    failed = []
    for name in names:
        for test, why in left_out_of(MATRIX[name]).items():
            say(f"{name}: left out: {test}: {why}")
        try:
            results = run_again(name, options) if options.again else run_tests(name, MATRIX[name], options)
        except UnreclaimError as error:
            say(f"{name}: {error}")
            say(f"hint: {error.hint}") if error.hint else None
            failed.append(name)
            continue
        say(f"{name}: {results.release}, cgroup {results.cgroup}: {results.passed} of {results.tests} tests passed")
        for outcome in results.not_passed:
            say(f"{name}: {outcome.what}: {outcome.test}: {outcome.why[:200]}")
        if options.record:
            KEPT.mkdir(exist_ok=True)
            kept_results(name).write_bytes(document(results))
        if results.not_passed or not results.tests:
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else f"passed on {len(names)} kernels")
    return 1 if failed else 0


def say(line: str) -> None:
    """Tell what goes on."""
    print(f"vmtest: {line}", flush=True)


def kept_results(name: str) -> Path:
    """Give where the results of a guest are kept."""
    return KEPT / f"vmtest-{name}.json"


def run_again(name: str, options: argparse.Namespace) -> Results:
    """Run what did not pass when it was kept: a whole run takes an emulated machine most of an hour."""
    before = load(kept_results(name).read_bytes())
    if not before.not_passed:
        return before
    chosen = tuple(outcome.test for outcome in before.not_passed)
    return together(before, run_tests(name, MATRIX[name], options, chosen))


def run_tests(name: str, guest: Guest, options: argparse.Namespace, chosen: tuple[str, ...] = ()) -> Results:
    """Run the tests in one guest, or those that are chosen; a guest that does not come up is tried once more."""
    cache = cache_directory(options.cache_dir)
    kernel = make_kernel(cache, guest.suite, say)
    root = make_root(cache, guest.userland, say, (*PACKAGES, *(SYSTEMD_PACKAGES if guest.systemd else ())))
    machine = Machine(kernel, root, choose_accelerator(kernel, cache), guest.cgroup, systemd=guest.systemd)
    site = make_site(cache, PYTHONS[guest.userland])
    payload: dict[str, Path | bytes] = {
        "command": command(options, guest, chosen).encode(),
        "site": site,
        **{part: TOP / part for part in ("pyproject.toml", "scripts", "src")},
        **{
            f"tests/{part}": TOP / "tests" / part
            for part in ("article.py", "conftest.py", "fakes", "house", "killed.py", "live", "machine.py", "root")
        },
    }
    say(f"{name}: starting {kernel.release} by {machine.accelerator.upper()}")

    def once() -> Ended:
        return run(machine, payload, cache, command_seconds=options.timeout, progress=print)

    try:
        try:
            ended = once()
        except BootError as error:
            if error.booted:
                raise
            say(f"{name}: {error}; once more")
            ended = once()
    except BootError as error:
        keep(options.log, f"{name}.console", error.console)
        raise
    results = None
    try:
        selection = "systemd" if guest.systemd else "core" if options.core else "all"
        results = read_results(name, guest, selection, machine.accelerator, ended)
    finally:
        if results is None or results.not_passed:
            keep(options.log, f"{name}.console", ended.console)
            keep(options.log, f"{name}.output", ended.output)
    return results


def read_results(name: str, guest: Guest, selection: str, accelerator: str, ended: Ended) -> Results:
    """Give what the tests of a guest came to.

    Raises:
        LabError: it left no results, or such as cannot be read.

    """
    if not ended.result:
        raise LabError("the guest", f"pytest left no results (exit code {ended.exit_code})")
    tests, seconds, not_passed = read_junit(ended.result)
    return Results(
        *(name, today(), guest.suite, guest.userland, guest.cgroup, *read_versions(ended.output)),
        *(accelerator, selection, tests, tests - len(not_passed), round(seconds, 1), not_passed, left_out_of(guest)),
    )


def keep(directory: str, name: str, text: str) -> None:
    """Keep what a guest said, and say where."""
    path = Path(directory, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    say(f"kept {path}")


def command(options: argparse.Namespace, guest: Guest, chosen: tuple[str, ...] = ()) -> str:
    """Give the script that the guest runs; nothing may be skipped there."""
    asked = (("-k", options.tests), ("-m", options.marks))
    of_these = "".join(f" {flag} {shlex.quote(value)}" for flag, value in asked if value)
    tests = chosen or tests_of(guest, core=options.core)
    left_out = "".join(f" --deselect {test}" for test in left_out_of(guest))
    return (
        "export PYTHONPATH=/payload/src:/payload:/payload/site CI=true\n"
        'echo "guest-release: $(uname -r)"\n'
        'echo "guest-python: $(python3 -c "import platform; print(platform.python_version())")"\n'
        'exec python3 -m pytest -v --tb=short -p no:cacheprovider --junitxml="$UNRECLAIM_RESULT"'
        f"{left_out}{of_these} {shlex.join(tests)}\n"
    )


def make_site(cache: Path, version: tuple[int, int]) -> Path:
    """Give a directory of the packages in uv.lock that the tests import, for a Python of another version than ours."""
    export = ["export", "--locked", "--quiet", "--no-default-groups", "--group", "test", "--no-emit-project"]
    wanted = run_uv(*export, "--no-hashes")
    python = "{}.{}".format(*version)
    final = cache / f"site-{python}-{hashlib.sha256(wanted).hexdigest()[:8]}"
    if final.exists():
        return final
    with tempfile.TemporaryDirectory(prefix="site-", dir=cache) as own:
        requirements = Path(own, "requirements.txt")
        requirements.write_bytes(wanted)
        install = ["pip", "install", "--quiet", "--target", f"{own}/site", "--only-binary", ":all:"]
        install += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28", "-r", str(requirements)]
        run_uv(*install)
        if version == sys.version_info[:2]:
            compiling = [sys.executable, "-m", "compileall", "-q", f"{own}/site"]
            subprocess.run(compiling, check=False)  # noqa: S603  our own Python
        Path(own, "site").rename(final)
    return final


def run_uv(*arguments: str) -> bytes:
    """Run uv and give what it wrote.

    Raises:
        LabError: it is not there, or it failed.

    """
    uv = os.environ.get("UV") or shutil.which("uv") or str(TOP / ".bootstrap" / "bin" / "uv")
    try:
        return subprocess.run([uv, *arguments], cwd=TOP, capture_output=True, check=True).stdout  # noqa: S603  uv
    except OSError as error:
        raise LabError(uv, error.strerror or str(error), hint="./bootstrap install") from error
    except subprocess.CalledProcessError as error:
        tail = " | ".join(error.stderr.decode(errors="replace").strip().splitlines()[-4:])
        raise LabError(f"uv {arguments[0]}", f"exit code {error.returncode}: {tail}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
