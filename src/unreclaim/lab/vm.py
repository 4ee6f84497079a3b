"""Run a command in a virtual machine: QEMU by KVM where that works, by emulation (TCG) otherwise.

What leads out of the guest are files, one a virtio port, so that nothing can block it; a directory of the run's own
holds all of them and is gone afterwards. QEMU ends with this process, even where that is killed.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from unreclaim.lab.errors import LabError
from unreclaim.lab.guest import add_scripts, pack_payload
from unreclaim.lab.image import Kernel, open_in_cache
from unreclaim.lab.tools import find_tools

KVM = Path("/dev/kvm")
_PROBE_SECONDS = 20.0
_CONSOLE_TAIL = 3000
# Guests whose CPU has cmpxchg16b crashed under emulation (a 6.12 at boot); Debian's kernels wait for rdrand's entropy.
_CPU = {"kvm": "host", "tcg": "qemu64,-cx16,+rdrand"}
# What an emulated machine would spend its time on, and a getty that would hang up the console.
_MASKED = (
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-update-utmp.service"),
    *("serial-getty@ttyS0.service", "getty@tty1.service", "timers.target", "systemd-networkd.service"),
)
_SYSTEMD_CGROUP = {
    "v2": ("systemd.unified_cgroup_hierarchy=1",),
    "v1": ("systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1"),
    "hybrid": ("systemd.unified_cgroup_hierarchy=0",),
}


class Machine(Struct, frozen=True):
    """What is to be started: a kernel on a root's disk, with memory and CPUs.

    cgroup: ``v1``, ``v2`` or ``hybrid`` (both mounted). systemd: the root's own comes up; else the command is the
    first process. parameters: further ones for the kernel.
    """

    kernel: Kernel
    root: Path
    accelerator: str
    cgroup: str = "v2"
    memory_mib: int = 2048
    cpus: int = 2
    systemd: bool = False
    parameters: tuple[str, ...] = ()


class Ended(Struct, frozen=True):
    """How a command in the guest ended: its exit code, what it wrote, the file that it left, and the serial console."""

    exit_code: int
    output: str
    result: bytes
    console: str
    boot_seconds: float
    command_seconds: float


class BootError(LabError):
    """The guest did not come up (not `booted`), or its command did not end; `console` has the guest's last words."""

    def __init__(self, why: str, console: str, *, booted: bool, hint: str | None = None) -> None:
        """Say what failed, and keep the console."""
        super().__init__("the guest", why, hint=hint)
        self.console = console
        self.booted = booted


def choose_accelerator(kernel: Kernel, cache: Path) -> str:
    """Give ``kvm`` where a kernel starts by it, ``tcg`` otherwise; what was found is kept until this host reboots.

    That /dev/kvm can be opened does not suffice: inside some virtual machines guests hang in their first instructions.
    """
    try:
        KVM.open("r+b", buffering=0).close()
    except OSError:
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    known = cache / f"accelerator-{boot}"
    if known.exists():
        with open_in_cache(known, "r") as file:
            return file.read()
    with own_directory(cache) as own:
        arguments = _arguments(Machine(kernel, kernel.initrd, "kvm"), own, "unreclaim.probe")
        process = _start(arguments, own)
        try:
            works = process.wait(timeout=_PROBE_SECONDS) == 0 and "unreclaim-lab: started" in _text(own / "console")
        except subprocess.TimeoutExpired:
            works = False
        finally:
            _end(process)
    chosen = "kvm" if works else "tcg"
    with open_in_cache(known, "w") as file:
        file.write(chosen)
    return chosen


def run(
    machine: Machine,
    payload: Mapping[str, Path | bytes],
    cache: Path,
    *,
    boot_seconds: float = 180,
    command_seconds: float = 600,
    progress: Callable[[str], None] | None = None,
) -> Ended:
    """Start a machine, let it run the payload's ``command`` (a shell script in /payload), and give how that ended.

    progress: is given each line that the command writes.

    Raises:
        BootError: the guest did not come up in time, died, or its command took too long.
        LabError: a tool is missing.

    """
    with own_directory(cache) as own:
        pack_payload(own / "payload.tar", payload)
        disks = [machine.root, own / "payload.tar", *([machine.kernel.modules] if machine.kernel.modules else [])]
        start = time.monotonic()
        process = _start(_arguments(machine, own, *_parameters(machine), *disks), own)
        try:
            booted = _follow(process, own, start, boot_seconds, command_seconds, progress or (lambda _: None))
        finally:
            _end(process)
        words = _text(own / "status").split()
        # The line of the end has a code and an uptime: a machine that went down while it wrote it has not ended well.
        if words[-3:-2] != ["ended"]:
            console = _text(own / "console")[-_CONSOLE_TAIL:] + _text(own / "errors")
            came_up = "started" in words
            why = "it went down before its command had ended" if came_up else "it went down while it came up"
            raise BootError(why, console, booted=came_up)
        return Ended(
            int(words[-2]),
            _text(own / "output"),
            (own / "result").read_bytes(),
            _text(own / "console"),
            booted - start,
            time.monotonic() - booted,
        )


def _follow(
    process: subprocess.Popen[bytes],
    own: Path,
    start: float,
    boot_seconds: float,
    command_seconds: float,
    progress: Callable[[str], None],
) -> float:
    """Wait until the machine has gone down, and give when the command was started."""
    booted, told = None, 0
    while True:
        try:
            process.wait(timeout=0.2)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        now = time.monotonic()
        if booted is None and "started" in _text(own / "status"):
            booted = now
        lines = _text(own / "output").splitlines(keepends=True)
        whole = [line for line in lines if ended or line.endswith("\n")]
        for line in whole[told:]:
            progress(line.rstrip("\r\n"))
        told = len(whole)
        if ended:
            return booted or now
        if now - (booted or start) > (command_seconds if booted else boot_seconds):
            console = _text(own / "console")[-_CONSOLE_TAIL:]
            if booted:
                why = f"its command did not end within {command_seconds:.0f} seconds"
                raise BootError(why, console, booted=True, hint="allow it more time with --timeout")
            raise BootError(f"it did not come up within {boot_seconds:.0f} seconds", console, booted=False)


def _parameters(machine: Machine) -> tuple[str, ...]:
    if not machine.systemd:
        return (f"unreclaim.cgroup={machine.cgroup}", *machine.parameters)
    masked = tuple(f"systemd.mask={unit}" for unit in _MASKED)
    return (
        "unreclaim.systemd",
        "systemd.show_status=0",
        *masked,
        *_SYSTEMD_CGROUP[machine.cgroup],
        *machine.parameters,
    )


def _arguments(machine: Machine, own: Path, *what: str | Path) -> list[str]:
    add_scripts(machine.kernel.initrd, own / "initrd")
    parameters = [str(word) for word in what if isinstance(word, str)]
    disks = [disk for disk in what if isinstance(disk, Path)]
    setpriv, qemu = find_tools("setpriv", "qemu-system-x86_64")
    arguments = [
        *(setpriv, "--pdeathsig", "KILL", "--", qemu),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none"),
        *("-M", "pc,usb=off,vmport=off", "-accel", machine.accelerator, "-cpu", _CPU[machine.accelerator]),
        *("-m", str(machine.memory_mib), "-smp", str(machine.cpus)),
        *("-kernel", str(machine.kernel.image), "-initrd", str(own / "initrd")),
        *("-append", " ".join(("console=ttyS0 quiet loglevel=4 panic=-1 random.trust_cpu=on", *parameters))),
        *("-chardev", f"file,id=console,path={_escaped(own / 'console')}", "-serial", "chardev:console"),
        *("-device", "virtio-serial-pci"),
    ]
    for port in ("status", "output", "result"):
        arguments += ["-chardev", f"file,id={port},path={_escaped(own / port)}"]
        arguments += ["-device", f"virtserialport,chardev={port},name={port}"]
    for disk in disks:
        arguments += ["-drive", f"file={_escaped(disk)},if=virtio,format=raw,cache=unsafe,snapshot=on"]
    return arguments


def _escaped(path: Path) -> str:
    # QEMU's options are separated by commas; two of them are one that is meant.
    return str(path).replace(",", ",,")


def _start(arguments: list[str], own: Path) -> subprocess.Popen[bytes]:
    with (own / "errors").open("wb") as errors:
        # A session of its own: Ctrl-C is this program's to see, which then ends the machine.
        return subprocess.Popen(  # noqa: S603  QEMU, with arguments of ours
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env={"TMPDIR": str(own), "PATH": "/usr/bin:/bin"},
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


@contextmanager
def own_directory(cache: Path) -> Iterator[Path]:
    """Give a directory for one run, gone with all that is in it afterwards; those of runs that were killed go too."""
    for leftover in cache.glob("run-*"):
        if not Path(f"/proc/{leftover.name.split('-')[1]}").exists():
            shutil.rmtree(leftover, ignore_errors=True)
    own = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=cache))
    try:
        for name in ("console", "errors", "output", "result", "status"):
            (own / name).touch()
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
