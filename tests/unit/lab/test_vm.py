"""A machine that does not do its part is told about, and leaves nothing behind; a fake QEMU stands in its place."""

import os
from pathlib import Path

import pytest

from unreclaim.lab import image, tools, vm
from unreclaim.lab.errors import LabError
from unreclaim.lab.image import Kernel, cache_directory, take_kernel
from unreclaim.lab.vm import BootError, Ended, Machine, run

FAKE = """#!/bin/sh
for argument; do
    case $argument in file,id=*) name=${argument#file,id=} && eval "${name%%,*}=${argument##*path=}" ;; esac
done
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Give a machine whose QEMU is a script beside it."""
    (tmp_path / "initrd").touch()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    kernel = Kernel("7", tmp_path / "initrd", tmp_path / "initrd", None)
    return Machine(kernel, tmp_path / "initrd", "tcg")


def qemu(tmp_path: Path, script: str) -> None:
    """Write the fake: it knows the files of the ports by their names."""
    path = tmp_path / "qemu-system-x86_64"
    path.write_text(FAKE + script, encoding="utf-8")
    path.chmod(0o755)


def start(machine: Machine, tmp_path: Path, boot_seconds: float = 30, command_seconds: float = 30) -> Ended:
    """Run the machine; the cache is empty afterwards, whatever happens."""
    cache = tmp_path / "cache"
    cache.mkdir()
    try:
        return run(machine, {"command": b"true"}, cache, boot_seconds=boot_seconds, command_seconds=command_seconds)
    finally:
        assert list(cache.iterdir()) == []


def test_how_the_command_ended_is_given(machine: Machine, tmp_path: Path) -> None:
    """Exit code, output, result and console come from the ports, and each line is told as it comes."""
    qemu(
        tmp_path,
        "echo boot >$console; echo started 1 >$status; printf 'a\\nb' >$output; echo r >$result\n"
        "echo ended 23 4 >>$status\n",
    )
    ended = start(machine, tmp_path)
    assert (ended.exit_code, ended.output, ended.result, ended.console) == (23, "a\nb", b"r\n", "boot\n")


def test_a_guest_that_goes_down_is_an_error(machine: Machine, tmp_path: Path) -> None:
    """Its last words are kept, and whether it had come up."""
    qemu(tmp_path, "echo panic >$console")
    with pytest.raises(BootError, match="went down while it came up") as caught:
        start(machine, tmp_path)
    assert (caught.value.console, caught.value.booted) == ("panic\n", False)


@pytest.mark.parametrize("last", ["ended", "ended 0", "e"])
def test_a_guest_that_goes_down_at_its_last_word_has_not_ended(machine: Machine, tmp_path: Path, last: str) -> None:
    """Without the code and the uptime nobody knows how its command ended."""
    qemu(tmp_path, f"echo started 1 >$status; printf '{last}' >>$status")
    with pytest.raises(BootError, match="went down before its command had ended") as caught:
        start(machine, tmp_path)
    assert caught.value.booted


def test_a_guest_that_hangs_is_ended(machine: Machine, tmp_path: Path) -> None:
    """Neither one that does not come up nor a command that does not end is waited for longer than allowed."""
    qemu(tmp_path, "exec sleep 60")
    with pytest.raises(BootError, match="did not come up within 1 seconds"):
        start(machine, tmp_path, boot_seconds=1)
    (tmp_path / "cache").rmdir()
    qemu(tmp_path, "echo started 1 >$status; exec sleep 60")
    with pytest.raises(BootError, match="did not end within 1 seconds") as caught:
        start(machine, tmp_path, command_seconds=1)
    assert caught.value.booted


def test_what_killed_runs_left_is_removed(machine: Machine, tmp_path: Path) -> None:
    """The directory of a process that is gone goes; that of a living one stays."""
    qemu(tmp_path, "echo started 1 >$status; echo ended 0 1 >>$status")
    cache = tmp_path / "cache"
    for name in ("run-4194305-x", "run-1-x"):
        (cache / name).mkdir(parents=True)
    run(machine, {"command": b"true"}, cache)
    assert [path.name for path in cache.iterdir()] == ["run-1-x"]


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(LabError, match="not installed: busybox, mke2fs") as caught:
        tools.find_tools("busybox", "mke2fs")
    assert caught.value.hint == "apt-get install busybox-static e2fsprogs"


def test_images_of_the_users_own_are_looked_at_first(tmp_path: Path) -> None:
    """A kernel that is not there and a directory that holds no modules are named."""
    with pytest.raises(LabError, match="no such file"):
        take_kernel(tmp_path, str(tmp_path / "vmlinuz"), None)
    (tmp_path / "vmlinuz").touch()
    with pytest.raises(LabError, match="holds no kernel/"):
        take_kernel(tmp_path, str(tmp_path / "vmlinuz"), str(tmp_path))
    assert take_kernel(tmp_path, str(tmp_path / "vmlinuz"), None).initrd.stat().st_size > 0


def test_a_cache_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint says how to choose another; the default is in the user's cache."""
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="Not a directory") as caught:
        cache_directory(str(tmp_path / "file" / "x"))
    assert "--cache-dir" in (caught.value.hint or "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory(None) == tmp_path / "unreclaim" / "lab"


def test_a_cache_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    """What lies there is started and written to as root; the hint says how to mend it."""
    cache = cache_directory(str(tmp_path / "cache"))
    assert cache.stat().st_mode & 0o777 == 0o700
    for mode in (0o720, 0o702):
        cache.chmod(mode)
        with pytest.raises(LabError, match="other users may write there") as caught:
            cache_directory(str(cache))
        assert caught.value.hint == f"chmod go-w {cache}, if all in it is yours"
    cache.chmod(0o755)
    assert cache_directory(str(cache)) == cache


@pytest.mark.parametrize(
    ("user", "sudo", "refused"), [(0, None, True), (0, "x", True), (0, "65534", False), (1, "65534", True)]
)
@pytest.mark.root
def test_a_cache_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, sudo: str | None, *, refused: bool
) -> None:
    """Even to root, who may write everywhere; but one may make images for oneself by sudo."""
    os.chown(tmp_path, 65534, 65534)
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if sudo is not None:
        monkeypatch.setenv("SUDO_UID", sudo)
    if refused:
        with pytest.raises(LabError, match="it belongs to another user") as caught:
            cache_directory(str(tmp_path))
        assert caught.value.hint == "choose another with --cache-dir"
    else:
        assert cache_directory(str(tmp_path)) == tmp_path


def test_no_link_in_a_cache_is_followed(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the lock nor for what is known of KVM: what the link leads to stays as it is, or is not made."""
    # Where the lock were taken all the same, nothing would be fetched.
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(vm, "KVM", tmp_path / "kvm")
    (tmp_path / "kvm").touch()
    qemu(tmp_path, "echo unreclaim-lab: started >$console")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    for target in (tmp_path / "kept", tmp_path / "none"):
        for name in ("lock", f"accelerator-{boot}"):
            (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / name).symlink_to(target)
        (tmp_path / "kept").write_text("tcg", encoding="ascii")
        with pytest.raises(LabError, match="lock: it is a link"):
            image.make_root(tmp_path, "bookworm", lambda _: None)
        with pytest.raises(LabError, match="it is a link") as caught:
            vm.choose_accelerator(machine.kernel, tmp_path)
        assert caught.value.hint == "remove it, or choose another with --cache-dir"
        assert (tmp_path / "kept").read_text(encoding="ascii") == "tcg"
        assert not (tmp_path / "none").exists()


def test_only_root_makes_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are told so before anything is fetched, and nothing is left half made."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabError, match="needs root"):
        image.make_root(tmp_path, "bookworm", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    """The last lines of what it said are in the error."""
    with pytest.raises(LabError, match="sh: exit code 7: no network"):
        tools.run_quietly(tmp_path, "sh", "-c", "echo no network; exit 7")


def test_the_accelerator_is_found_out_once(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a guest starts by KVM that is chosen, where none does TCG; what was found is kept until a reboot."""
    monkeypatch.setattr(vm, "KVM", tmp_path / "kvm")
    assert vm.choose_accelerator(machine.kernel, tmp_path) == "tcg"
    (tmp_path / "kvm").touch()
    qemu(tmp_path, "exit 1")
    assert vm.choose_accelerator(machine.kernel, tmp_path) == "tcg"
    qemu(tmp_path, "echo unreclaim-lab: started >$console")
    assert vm.choose_accelerator(machine.kernel, tmp_path) == "tcg"
    for found in tmp_path.glob("accelerator-*"):
        found.unlink()
    assert vm.choose_accelerator(machine.kernel, tmp_path) == "kvm"
