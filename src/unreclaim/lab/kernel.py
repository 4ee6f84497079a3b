"""Ask a kernel in a virtual machine which leaks it has: the use case of ``unreclaim lab kernel``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from unreclaim.lab.errors import LabError
from unreclaim.lab.guest import script
from unreclaim.lab.image import PYTHONS, Say, cache_directory, make_kernel, make_root, take_kernel
from unreclaim.lab.report import ReportCard, make_card
from unreclaim.lab.tools import find_tools
from unreclaim.lab.unit_report import UnitCard, make_unit_card
from unreclaim.lab.vm import BootError, Ended, Machine, choose_accelerator, own_directory, run

USERLAND = "bookworm"
"""The Debian that every kernel runs under: a kernel is told from its userland, and one root serves all.
What units do is measured under the systemd of the kernel's own Debian."""
_SYSTEMD_PACKAGES = ("dbus", "libpam-systemd", "login", "passwd", "systemd", "systemd-sysv")
_LIBBPF = {"bullseye": "libbpf0"}


class Order(Struct, frozen=True):
    """Which kernel is to be examined, and how.

    suite: the newest kernel of that Debian; image: a kernel of the user's own instead, with its modules' directory.
    cgroup: ``v1``, ``v2`` or, for units alone, ``hybrid``. count: cgroups of each kind, or starts of those units whose
    numbers matter most. groups: which units; none: the usual ones. parameters: further ones for the kernel.
    timeout: seconds for what is done there.
    """

    suite: str | None = None
    image: str | None = None
    modules: str | None = None
    cgroup: str = "v2"
    count: int = 101
    groups: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    timeout: float = 900.0

    @property
    def origin(self) -> str | None:
        """Give the Debian that the kernel is of, None for the user's own."""
        return self.suite if self.image is None else None


def examine_kernel(order: Order, cache_dir: str | None, say: Say) -> ReportCard:
    """Start a kernel, make leaks in it, and give its report card; one that does not come up is started once more."""
    with _machine(order, cache_dir, say) as (machine, cache):
        guest = replace(machine, root=make_root(cache, USERLAND, say))
        found = _run(guest, cache, _program("guest_report", str(order.count)), order.timeout, say)
    return make_card(found, order.origin, machine.accelerator, machine.memory_mib, machine.cpus)


def examine_units(order: Order, cache_dir: str | None, say: Say) -> UnitCard:
    """Start a kernel under a real systemd, of its own Debian where it has one, and let that start units."""
    with _machine(order, cache_dir, say) as (machine, cache):
        userland = order.origin or USERLAND
        root = make_root(cache, userland, say, (*_SYSTEMD_PACKAGES, _LIBBPF.get(userland, "libbpf1")))
        payload = _program("guest_units", str(order.count), *order.groups)
        if PYTHONS.get(userland) == sys.version_info[:2]:
            # The census says what pins a unit's cgroups; its compiled parts run on the same Python alone.
            payload |= {name: _package(name) for name in ("unreclaim", "msgspec", "click")}
        found = _run(replace(machine, root=root, systemd=True), cache, payload, order.timeout, say)
    return make_unit_card(found, order.origin, machine.accelerator, machine.memory_mib, machine.cpus)


@contextmanager
def _machine(order: Order, cache_dir: str | None, say: Say) -> Iterator[tuple[Machine, Path]]:
    """Give a machine of the kernel that is to be examined, still without a root, and where images are kept."""
    find_tools("qemu-system-x86_64", "busybox", "mke2fs", "setpriv")
    cache = cache_directory(cache_dir)
    with own_directory(cache) as own:
        if order.image is not None:
            kernel = take_kernel(own, order.image, order.modules)
        else:
            kernel = make_kernel(cache, order.suite or USERLAND, say)
        accelerator = choose_accelerator(kernel, cache)
        slow = "" if accelerator == "kvm" else "; emulated, which takes minutes: no usable /dev/kvm"
        say(f"starting {kernel.release or kernel.image} by {accelerator.upper()}{slow}")
        yield Machine(kernel, kernel.image, accelerator, order.cgroup, parameters=order.parameters), cache


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise LabError("lab kernel", f"the package {name} has no files here", hint="install unreclaim by pip or uv")
    return Path(spec.origin).parent


def _program(name: str, *words: str) -> dict[str, Path | bytes]:
    command = f"command -v python3 >/dev/null || exit 127\nexec python3 -m lab.{name} {' '.join(words)}\n"
    parts = ("guest_host", "guest_report", "guest_units", "guest_variants")
    return {
        "command": command.encode(),
        "lab/__init__.py": b"",
        **{f"lab/{part}.py": script(f"{part}.py").encode() for part in parts},
    }


def _run(machine: Machine, cache: Path, payload: dict[str, Path | bytes], timeout: float, say: Say) -> bytes:
    def once() -> Ended:
        return run(machine, payload, cache, command_seconds=timeout, progress=lambda line: say(f"making: {line}"))

    try:
        ended = once()
    except BootError as error:
        if error.booted:
            raise _with_console(error) from None
        say(f"{error}; once more")
        try:
            ended = once()
        except BootError as again:
            raise _with_console(again) from None
    if ended.exit_code:
        raise LabError("the guest", f"exit code {ended.exit_code}: {' | '.join(ended.output.splitlines()[-3:])}")
    return ended.result


def _with_console(error: BootError) -> LabError:
    tail = " | ".join(line.strip() for line in error.console.splitlines()[-8:] if line.strip())
    return LabError(error.what, f"{error.why}; its last words: {tail or 'none'}", hint=error.hint)
