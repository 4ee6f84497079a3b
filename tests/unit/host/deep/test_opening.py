"""Where drgn cannot read the kernel, the error says what is missing and what would help."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.host.deep import fake_drgn
from unreclaim.host.deep import program
from unreclaim.host.deep.opening import open_deep_census
from unreclaim.host.deep.program import DeepUnavailableError


def refusal() -> tuple[str, str | None]:
    """Give what is said when the census by drgn is opened."""
    with pytest.raises(DeepUnavailableError) as caught:
        open_deep_census()
    assert caught.value.what == "drgn"
    return caught.value.why, caught.value.hint


@pytest.fixture
def kcore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file in the place of /proc/kcore, and a kernel that is not locked down."""
    file = tmp_path / "kcore"
    file.touch()
    monkeypatch.setattr(program, "_KCORE", str(file))
    monkeypatch.setattr(program, "_LOCKDOWN", str(tmp_path / "lockdown"))
    return file


def test_a_kernel_without_kcore(kcore: Path) -> None:
    """There is nothing that would make it available."""
    kcore.unlink()
    assert refusal() == (f"this kernel has no {kcore}", None)


def test_no_right_to_read_it(kcore: Path) -> None:
    """Root may; what the kernel said is told."""
    kcore.unlink()
    kcore.symlink_to(kcore)
    assert refusal() == (f"{kcore} cannot be opened: {os.strerror(40)}", "run as root")


def test_a_kernel_that_is_locked_down(kcore: Path) -> None:
    """Nobody may read a kernel that keeps its secrets, root neither."""
    kcore.unlink()
    kcore.symlink_to(kcore)
    (kcore.parent / "lockdown").write_text("none integrity [confidentiality]\n", encoding="ascii")
    assert refusal() == (f"the kernel is locked down (confidentiality), which closes {kcore}", None)


@pytest.mark.usefixtures("kcore")
def test_no_drgn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that brings it is named."""
    fake_drgn.install(monkeypatch)
    monkeypatch.setitem(sys.modules, "drgn", None)
    why, hint = refusal()
    assert why.startswith("its Python package cannot be imported (")
    assert hint == "pip install 'unreclaim[deep]'"


class Program:
    """A program whose kernel cannot be opened."""

    error: BaseException

    def set_enabled_debug_info_finders(self, names: list[str]) -> None:
        """Take the files of the host alone."""
        assert names == ["standard"]

    def set_kernel(self) -> None:
        """Succeed."""

    def load_debug_info(self, *, main: bool) -> None:
        """Fail."""
        assert main
        raise self.error


@pytest.mark.usefixtures("kcore")
@pytest.mark.parametrize(
    ("error", "why", "hint"),
    [
        (
            lambda: fake_drgn.MissingDebugInfoError("vmlinux"),
            "no debug information of kernel ",
            "install the kernel's debug",
        ),
        (lambda: ValueError("not a vmcore"), "the running kernel cannot be opened: not a vmcore", None),
        (lambda: PermissionError(1, "Operation not permitted"), "the running kernel cannot be opened: [Errno 1]", None),
    ],
)
def test_a_kernel_that_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, error: Callable[[], BaseException], why: str, hint: str | None
) -> None:
    """Without debug symbols the packages that bring them are named; other errors are drgn's own words."""
    monkeypatch.setattr(Program, "error", error(), raising=False)
    fake_drgn.install(monkeypatch, Program)
    said, help_ = refusal()
    assert said.startswith(why)
    assert (help_ or "").startswith(hint or "")
    assert (help_ is None) == (hint is None)
