"""Ask a kernel in a virtual machine which leaks it has: the use case of ``unreclaim lab kernel``."""

from pathlib import Path

from unreclaim.lab.errors import LabError
from unreclaim.lab.guest import script
from unreclaim.lab.image import Kernel, Say, cache_directory, make_kernel, make_root, take_kernel
from unreclaim.lab.report import ReportCard, make_card
from unreclaim.lab.tools import find_tools
from unreclaim.lab.vm import BootError, Ended, Machine, choose_accelerator, own_directory, run

USERLAND = "bookworm"
"""The Debian that every kernel runs under: a kernel is told from its userland, and one root serves all."""


def examine_kernel(
    *,
    suite: str | None,
    image: str | None,
    modules: str | None,
    cgroup: str,
    count: int,
    cache_dir: str | None,
    timeout: float,
    say: Say,
) -> ReportCard:
    """Start a kernel, make leaks in it, and give its report card.

    suite: the newest kernel of that Debian; image: a kernel of the user's own instead, with its modules' directory.
    timeout: seconds for the leaks; a machine that does not come up is tried once more.
    """
    find_tools("qemu-system-x86_64", "busybox", "mke2fs", "setpriv")
    cache = cache_directory(cache_dir)
    with own_directory(cache) as own:
        kernel = take_kernel(own, image, modules) if image is not None else make_kernel(cache, suite or USERLAND, say)
        root = make_root(cache, USERLAND, say)
        machine = Machine(kernel, root, choose_accelerator(kernel, cache), cgroup)
        ended = _run(machine, cache, count, timeout, say)
    if ended.exit_code:
        raise LabError("the guest", f"exit code {ended.exit_code}: {' | '.join(ended.output.splitlines()[-3:])}")
    return make_card(ended.result, None if image else suite, machine.accelerator, machine.memory_mib, machine.cpus)


def _run(machine: Machine, cache: Path, count: int, timeout: float, say: Say) -> Ended:
    slow = "" if machine.accelerator == "kvm" else "; emulated, which takes minutes: no usable /dev/kvm"
    say(f"starting {_name(machine.kernel)} by {machine.accelerator.upper()}{slow}")
    command = f"command -v python3 >/dev/null || exit 127\nexec python3 guest_report.py {count}\n"
    payload: dict[str, Path | bytes] = {
        "command": command.encode(),
        "guest_report.py": script("guest_report.py").encode(),
    }

    def once() -> Ended:
        return run(machine, payload, cache, command_seconds=timeout, progress=lambda line: say(f"making: {line}"))

    try:
        return once()
    except BootError as error:
        if error.booted:
            raise _with_console(error) from None
        say(f"{error}; once more")
    try:
        return once()
    except BootError as error:
        raise _with_console(error) from None


def _with_console(error: BootError) -> LabError:
    tail = " | ".join(line.strip() for line in error.console.splitlines()[-8:] if line.strip())
    return LabError(error.what, f"{error.why}; its last words: {tail or 'none'}", hint=error.hint)


def _name(kernel: Kernel) -> str:
    return kernel.release or str(kernel.image)
