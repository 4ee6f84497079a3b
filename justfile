# The only list of recipes. "uv run just NAME" works in any checkout that has uv; see CONTRIBUTING.md.

run := "uv run --locked"
quick := "not live and not root and not slow"
pure := "src/unreclaim/base/*,src/unreclaim/formats/*,src/unreclaim/model/*,src/unreclaim/advice/*,src/unreclaim/analysis/*,src/unreclaim/render/*"

# List the recipes.
default:
    @just --list --unsorted

# Everything that needs neither root nor this machine's kernel; quick enough for every save.
check: lint cover

# Everything: check, and what needs root, this kernel or patience.
test: check
    {{ run }} pytest -m "not ({{ quick }})"
    {{ run }} python -m vmtest --core 6.1

# Run the tests that need a kernel inside a virtual machine of one kernel or more (vmtest/matrix.py).
vmtest *arguments:
    {{ run }} python -m vmtest {{ arguments }}

# The same on every kernel; keeps the results for docs/support-matrix.md ("just docs").
vmtest-all *arguments:
    {{ run }} python -m vmtest --record all {{ arguments }}

# Write the report card of each kernel anew, or a part, for the pages docs/kernel-*.md ("just docs"). Takes hours if emulated.
report-cards *part:
    scripts/report-cards {{ part }}

# Read the code without running it.
lint:
    uv lock --check --quiet
    {{ run }} ruff check
    {{ run }} ruff format --check
    {{ run }} mypy
    {{ run }} lint-imports --no-logo
    {{ run }} codespell
    shellcheck bootstrap .ci/run scripts/fresh-machine scripts/build-bpf scripts/report-cards $(find src tests -name '*.sh')
    {{ run }} python -m scripts.generate_docs --check

# The quick tests; the pure rooms must be covered to the last branch.
cover:
    {{ run }} coverage run -m pytest -m "{{ quick }}"
    {{ run }} coverage report --include="{{ pure }}" --fail-under=100

# Put the code into its form and mend what can be mended without thought.
fmt:
    {{ run }} ruff check --fix
    {{ run }} ruff format

# Write the golden files anew; read the difference before you commit it.
golden:
    {{ run }} pytest -m "{{ quick }}" --update-golden

# Feed each parser RUNS inputs that a fuzzer thinks up.
fuzz runs="1000000":
    {{ run }} --group fuzz python -m tests.fuzz.fuzz_formats -runs={{ runs }} -verbosity=0

# Run the benchmarks; each prints its figures as a ratio of two ways measured in one run.
bench:
    for file in bench/bench_*.py; do echo "== $file"; {{ run }} python "$file" || exit; done

# Compile the BPF programs; the object is committed, and a test proves that it matches its source.
bpf:
    scripts/build-bpf

# Write the generated pages of docs/ anew.
docs:
    {{ run }} python -m scripts.generate_docs

# Run the two commands of the README in a bare Debian 12 made for it. Needs root and mmdebstrap.
fresh-machine:
    scripts/fresh-machine

# Show the next changelog; "just changelog --version 1.2.3" writes it and removes the fragments.
changelog *arguments="--draft --version next":
    {{ run }} towncrier build {{ arguments }}
